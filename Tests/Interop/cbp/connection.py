"""A connection that speaks frames (sections 3 and 6)."""
import select
import socket
import ssl
import time

from .frames import Decoder
from .values import Fault

PREFACE = bytes.fromhex("b343425001010000")


class Closed(Exception):
    """The stream ended."""


class TimedOut(Exception):
    """What was waited for did not come in time."""


class Connection:
    """A socket, the prefaces, and frames. Keeps no rules beyond section 4."""

    def __init__(self, host, port, tls=None, server_hostname=None, timeout=10):
        self.sock = socket.create_connection((host, port), timeout)
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self.sock = tls.wrap_socket(self.sock, server_hostname=server_hostname or host)
        except BaseException:
            self.sock.close()
            raise
        self.decoder = Decoder()
        self.preface = None        # of the broker, once it is complete
        self.last_received = time.monotonic()

    def send(self, octets):
        """Sends all, and goes on reading meanwhile (17.16)."""
        view = memoryview(octets)
        while view:
            self.sock.settimeout(0.05)
            try:
                view = view[self.sock.send(view):]
            except (TimeoutError, ssl.SSLWantWriteError):
                self._receive(0)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as error:
                raise Closed(str(error)) from None

    def _receive(self, seconds):
        """Feeds the decoder with what comes within so many seconds; True if something did."""
        if not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            readable = select.poll()                       # select() takes no descriptor above 1023
            readable.register(self.sock, select.POLLIN)
            if not readable.poll(max(0, seconds) * 1000):
                return False
        self.sock.settimeout(max(0.05, seconds))
        try:
            octets = self.sock.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except (ConnectionResetError, ssl.SSLError, OSError) as error:
            raise Closed(str(error)) from None
        if not octets:
            raise Closed("end of stream")
        self.last_received = time.monotonic()
        self.decoder.feed(octets)
        return True

    def read(self, seconds):
        """The next (header, payload); TimedOut, Closed, Fault."""
        deadline = time.monotonic() + seconds
        while True:
            if self.preface is None and len(self.decoder.buffer) >= 8:
                self.preface = bytes(self.decoder.buffer[:8])
                del self.decoder.buffer[:8]
                if self.preface[:4] != PREFACE[:4]:
                    raise Fault(100, "not a CBP broker", fatal=True)
            if self.preface is not None:
                frame = self.decoder.next()
                if frame:
                    return frame
            left = deadline - time.monotonic()
            if not self._receive(left) and left <= 0:
                raise TimedOut()

    def close(self):
        self.sock.close()


def tls_context(cafile):
    """TLS 1.2 or 1.3, certificate and host name verified, ALPN `cbp/1` (3.2)."""
    context = ssl.create_default_context(cafile=cafile)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["cbp/1"])
    return context
