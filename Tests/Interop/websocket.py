"""A WebSocket client of a few lines (RFC 6455), which sends and reads JSON objects."""
import base64
import hashlib
import json
import os
import socket


PATIENCE = 10                   # seconds for whatever must come


class Socket:
    """One connection. `tls` is an SSL context, for a server called localhost."""

    def __init__(self, host, port, path="/ws", tls=None, subprotocol="cbp.json.v1", origin=None):
        self.sock = socket.create_connection((host, port), PATIENCE)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        if origin:
            lines.append(f"Origin: {origin}")
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])
        if self.status == 101:
            proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert base64.b64encode(proof) in head
            assert not subprotocol or f"Sec-WebSocket-Protocol: {subprotocol}".encode() in head

    def fill(self):
        octets = self.sock.recv(65536)
        if not octets:
            raise EOFError("the broker closed")
        self.buffer += octets

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        octets, self.buffer = self.buffer[:count], self.buffer[count:]
        return octets

    def send_frame(self, first, payload):
        key = os.urandom(4)
        count = len(payload)
        length = bytes([0x80 | count]) if count < 126 else bytes([0xFE]) + count.to_bytes(2, "big") if count < 65536 \
            else bytes([0xFF]) + count.to_bytes(8, "big")
        mask = int.from_bytes((key * (count // 4 + 1))[:count], "big")
        self.sock.sendall(bytes([first]) + length + key + (int.from_bytes(payload, "big") ^ mask).to_bytes(count, "big"))

    def frame(self):
        first, length = self.take(2)
        if length == 126:
            length = int.from_bytes(self.take(2), "big")
        elif length == 127:
            length = int.from_bytes(self.take(8), "big")
        return first, self.take(length)

    def send(self, **message):
        self.send_frame(0x81, json.dumps(message).encode())

    def next(self, type_, **members):
        """The next object of a type with these members."""
        while True:
            first, payload = self.frame()
            assert first == 0x81, (first, payload)
            message = json.loads(payload)
            if message["t"] == type_ and all(message.get(k) == v for k, v in members.items()):
                # What the broker writes is canonical: no white space, nothing escaped that need not be.
                assert json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() == payload
                return message

    def log_in(self, name):
        self.send(t="hello", id=1, agent="interop")
        self.send(t="auth", id=2, mech="ANONYMOUS", sasl=base64.urlsafe_b64encode(name.encode()).decode().rstrip("="))
        return self.next("auth_ok", id=2)

    def close_code(self):
        while True:
            first, payload = self.frame()
            if first == 0x88:
                return int.from_bytes(payload[:2], "big")
