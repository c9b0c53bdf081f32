"""One server process: started on a free port of loopback, watched until it accepts, and ended."""

import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from .peers import Peer, Places, filled

START_SECONDS_MAX = 10


class ServerFailure(Exception):
    """The server did not start, or ended by itself."""


@contextlib.contextmanager
def running(peer: Peer, server: dict, places: Places):
    """Runs a server in a folder of its own, with its configuration files filled in; gives its process and its URL."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
    process = None
    try:
        values = places.values() | {"port": str(free_port()), "work": str(work)}
        for file in peer.folder.iterdir():
            if file.name != "peer.toml":
                (work / file.name).write_text(filled(file.read_text(), values))
        command = [filled(word, values) for word in server["command"]]
        with open(work / "output", "wb") as output:
            process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        await_port(process, int(values["port"]), work / "output")
        yield process, filled(server["url"], values)
        if process.poll() is not None:
            raise ServerFailure(f"ended with status {process.returncode}: {last_words(work / 'output')}")
    finally:
        if process is not None:
            end(process)
        shutil.rmtree(work, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(process: subprocess.Popen, port: int, output: pathlib.Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailure(f"ended with status {process.returncode}: {last_words(output)}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise ServerFailure(f"accepts nobody after {START_SECONDS_MAX} s: {last_words(output)}")


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_words(output: pathlib.Path) -> str:
    return " / ".join(output.read_text(errors="replace").strip().splitlines()[-3:]) or "it said nothing"
