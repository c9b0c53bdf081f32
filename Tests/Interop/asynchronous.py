"""Clients of the package `websockets`, which somebody else wrote, for tests that are not written as coroutines."""
import asyncio
import threading
import unittest

from broker import PATIENCE

try:
    import websockets
except ImportError:
    raise unittest.SkipTest("the package websockets is not installed") from None


class Background:
    """An event loop on a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine, seconds=PATIENCE):
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, seconds), self.loop).result(seconds + 5)


background = Background()


class Peer:
    """One connection. `tls` is an SSL context, for a server called localhost."""

    def __init__(self, host, port, path="/ws", tls=None, **options):
        scheme = "wss" if tls else "ws"
        if tls:
            options |= {"ssl": tls, "server_hostname": "localhost"}
        self.socket = background.run(_connect(f"{scheme}://{host}:{port}{path}", options))

    def send(self, text):
        background.run(self.socket.send(text))

    def receive(self, seconds=PATIENCE):
        return background.run(self.socket.recv(), seconds)

    def ping(self):
        """The time of a round trip in seconds."""
        async def once():
            return await (await self.socket.ping())
        return background.run(once())

    def close(self):
        background.run(self.socket.close())

    def wait_closed(self):
        background.run(self.socket.wait_closed())
        return self.socket.close_code


async def _connect(url, options):
    # What nobody reads is kept, so that it does not stand before the answer to a close.
    return await websockets.connect(url, **({"max_queue": None} | options))
