"""A client of JSON on a WebSocket (21.2, 21.3)."""
import json

from cbp import base64url
from wire import Wire, frame


class Socket:
    """One connection. `tls` is an SSL context, for a server called localhost."""

    def __init__(self, host, port, path="/ws", tls=None, subprotocol="cbp.json.v1", origin=None):
        self.wire = Wire(host, port, tls)
        head = self.wire.upgrade(path, Sec_WebSocket_Protocol=subprotocol, Origin=origin)
        self.status = int(head.split()[1])
        if self.status == 101:
            assert not subprotocol or f"Sec-WebSocket-Protocol: {subprotocol}" in head, head

    def send_frame(self, opcode, payload):
        self.wire.send(frame(opcode, payload))

    def frame(self):
        """(first octet, payload)"""
        came = self.wire.frame()
        if came is None:
            raise EOFError("the broker closed")
        return came

    def send(self, **message):
        self.send_frame(0x1, json.dumps(message).encode())

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

    def log_in(self, name, agent="interop", caps=()):
        self.send(t="hello", id=1, agent=agent, caps=list(caps))
        self.send(t="auth", id=2, mech="ANONYMOUS", sasl=base64url(name.encode()))
        return self.next("auth_ok", id=2)

    def close_code(self):
        while True:
            first, payload = self.frame()
            if first == 0x88:
                return int.from_bytes(payload[:2], "big")

    def close(self):
        self.wire.close()
