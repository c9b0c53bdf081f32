"""Octets over a socket, and WebSocket frames as clients write them, well or badly."""
import base64
import hashlib
import os
import socket
import ssl
import zlib

from broker import PATIENCE


class Wire:
    """One connection. `tls` is an SSL context, for a server called localhost; `options` are those of the socket, (level, name, value) each."""

    def __init__(self, host, port, tls=None, options=()):
        self.host = f"{host}:{port}"
        self.sock = socket.socket()
        self.sock.settimeout(PATIENCE)
        for option in options:
            self.sock.setsockopt(*option)
        self.sock.connect((host, port))
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""

    def send(self, octets):
        try:
            self.sock.sendall(octets)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass                # the broker has answered and closed before it was told everything

    def fill(self):
        try:
            octets = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            octets = b""
        self.buffer += octets
        return bool(octets)

    def to_end(self):
        while self.fill():
            pass
        return self.buffer

    def answer(self, has_body=True):
        """The status, the fields and the body of the next HTTP answer; `has_body` is false for one that says how long a body would be."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.fill(), f"the end before an answer: {self.buffer!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in lines)}
        count = int(fields.get("content-length", 0)) if has_body else 0
        while len(self.buffer) < count:
            assert self.fill(), f"the end in the midst of an answer: {head!r}"
        body, self.buffer = self.buffer[:count], self.buffer[count:]
        return int(line.split()[1]), fields, body

    def upgrade(self, path, **fields):
        """The head of the answer to a request for a WebSocket; the proof of one that opens is looked at (RFC 6455 section 4.1)."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.host}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer and self.fill():
            pass
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 101 "):
            proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert base64.b64encode(proof) in head, head
        return head.decode()

    def frame(self):
        """(first octet, payload); None at the end of the connection."""
        while True:
            if len(self.buffer) >= 2:
                length, start = self.buffer[1], 2
                if length in (126, 127):
                    width = 2 if length == 126 else 8
                    start += width
                    length = int.from_bytes(self.buffer[2:start], "big") if len(self.buffer) >= start else 1 << 62
                if len(self.buffer) >= start + length:
                    first, payload = self.buffer[0], self.buffer[start:start + length]
                    self.buffer = self.buffer[start + length:]
                    return first, payload
            if not self.fill():
                return None

    def close(self):
        self.sock.close()


def frame(opcode, payload=b"", final=True, bits=0, masked=True, width=None):
    """A frame as a client writes it. `width` is that of the extended length, if not the shortest."""
    if width is None:
        width = 0 if len(payload) < 126 else 2 if len(payload) < 65536 else 8
    short = len(payload) if width == 0 else 126 if width == 2 else 127
    octets = bytes([(0x80 if final else 0) | bits | opcode, (0x80 if masked else 0) | short]) + len(payload).to_bytes(width or 1, "big")[:width]
    if not masked:
        return octets + payload
    key, count = os.urandom(4), len(payload)
    mask = int.from_bytes((key * (count // 4 + 1))[:count], "big")       # as one number, which is fast
    return octets + key + (int.from_bytes(payload, "big") ^ mask).to_bytes(count, "big")


def deflated(octets, level=6, window=15):
    """A message as permessage-deflate has it (RFC 7692 section 7.2.1)."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window)
    return (compressor.compress(octets) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(octets):
    return zlib.decompressobj(-15).decompress(octets + b"\0\0\xff\xff")
