"""The doors beside native frames: HTTP, WebSocket with JSON, line mode. Written from sections 21 and 22 of docs/PROTOCOL.md."""
import base64
import hashlib
import http.client
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import unittest
from pathlib import Path

from harness import Case, PATIENCE, Sessions, certificate, everywhere, fresh


def browser():
    """TLS as a browser does it: HTTP by ALPN."""
    context = ssl.create_default_context(cafile=str(certificate().certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class Socket:
    """A WebSocket client of a few lines (RFC 6455), which sends and reads JSON objects."""

    def __init__(self, broker, secure=False, subprotocol="cbp.json.v1", origin=None):
        self.sock = socket.create_connection((broker.host, broker.port), PATIENCE)
        if secure:
            self.sock = browser().wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /ws HTTP/1.1", f"Host: {broker.address}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Protocol: {subprotocol}"]
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
            assert f"Sec-WebSocket-Protocol: {subprotocol}".encode() in head

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
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2, "big")
        self.sock.sendall(bytes([first]) + length + key + bytes(o ^ key[i % 4] for i, o in enumerate(payload)))

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


class Doors(Sessions):
    def web(self, name):
        client = Socket(self.broker, self.secure)
        self.addCleanup(client.sock.close)
        client.log_in(name)
        return client

    def test_health(self):
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/", 200), ("/app.js", 200), ("/nothing", 404), ("/ws", 426)):
            if self.secure:
                connection = http.client.HTTPSConnection("localhost", self.broker.port, timeout=PATIENCE, context=browser())
            else:
                connection = http.client.HTTPConnection(self.broker.host, self.broker.port, timeout=PATIENCE)
            connection.request("GET", path)
            self.assertEqual(connection.getresponse().status, status, path)
            connection.close()

    def test_json_and_native_see_the_same(self):
        web, name, room = self.web(fresh("web")), fresh("native"), fresh("room")
        native = self.client(name)
        web.send(t="create", id=3, room=room)
        web.next("ok", id=3)
        web.send(t="join", id=4, room=room)
        self.assertEqual(web.next("joined", id=4)["role"], 4)
        native.join(room)
        text = "Grüße \"aus\" \\ JSON\n\t👩‍🚀"
        web.send(t="publish", id=5, room=room, body=text, cmid="AAECAwQFBgc")
        published = web.next("published", id=5)
        event = web.next("deliver", room=room, body=text)
        self.assertEqual((event["seq"], event["ts"], event["cmid"]), (published["seq"], published["ts"], "AAECAwQFBgc"))
        native.publish(room, body="from native")
        self.assertEqual(web.next("deliver", room=room, body="from native")["from"], name)

    def test_faults(self):
        web = self.web(fresh("web"))
        for text, code in (("{", 101), ("[]", 101), ('{"t":"ping","id":9,"id":9}', 101), ('{"t":"ping","id":9,"!x":1}', 103),
                           ('{"t":"join","id":9}', 104), ('{"t":"join","id":9,"room":"No"}', 400), ('{"t":"what","id":9}', 102)):
            with self.subTest(text):
                web.send_frame(0x81, text.encode())
                self.assertEqual(web.next("error")["code"], code)
        web.send(t="ping", id=10)
        web.next("pong", id=10)

    def test_goodbye_and_close(self):
        web = self.web(fresh("web"))
        web.send(t="goodbye", code=0)
        self.assertEqual(web.close_code(), 1000)
        web = self.web(fresh("web"))
        web.send_frame(0x88, (4321).to_bytes(2, "big"))
        self.assertEqual(web.close_code(), 4321)
        web = self.web(fresh("web"))
        web.send_frame(0x81, b"\xff")
        self.assertEqual(web.close_code(), 1007)

    def test_origin(self):
        scheme = "https" if self.secure else "http"
        for origin, status in (("https://evil.example", 403), ("null", 403), (f"{scheme}://{self.broker.address}", 101)):
            client = Socket(self.broker, self.secure, origin=origin)
            self.assertEqual(client.status, status, origin)
            client.sock.close()


globals().update(everywhere(Doors))


class LineMode(Case, unittest.TestCase):
    """With programs that people use."""

    def line_broker(self):
        broker = self.own(listen_line_addresses="127.0.0.1:0")
        ready = json.loads(Path(broker.directory.name, "ready.json").read_text())
        (address,) = (entry["address"] for entry in ready["listeners"] if entry["kinds"] == ["line"])
        return broker, address.rsplit(":", 1)

    def program(self, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        return process

    def read_until(self, process, text):
        """What the program shows, whatever it makes of line ends, up to a text."""
        octets = b""
        while text not in octets:
            readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
            more = os.read(process.stdout.fileno(), 65536) if readable else b""
            if not more:
                raise EOFError(f"ended before {text!r}: {octets!r}")
            octets += more.replace(b"\r", b"")

    def type(self, process, text):
        os.write(process.stdin.fileno(), text)

    def transcript(self, *command):
        broker, (host, port) = self.line_broker()
        ada = self.program(*command, host, port)
        self.read_until(ada, b"Enter your username: ")
        self.type(ada, b"ada\n")
        self.read_until(ada, b"Welcome to the chat!\n")
        bob = self.client("bob", broker=broker)
        self.read_until(ada, b"* bob joined\n")
        self.type(ada, b"hello from a terminal\n")
        bob.publish("lobby", body="hi ada")
        self.read_until(ada, b"bob: hi ada\n")
        self.type(ada, b"/users\n")
        self.read_until(ada, b"Users online: 2\nada\nbob\n")
        self.type(ada, b"/quit\n")
        self.read_until(ada, b"Goodbye!\n")
        ada.stdin.close()
        ada.wait(PATIENCE)

    def test_transcript_with_nc(self):
        self.transcript("nc")

    def test_transcript_with_telnet(self):
        self.transcript("telnet")


if __name__ == "__main__":
    unittest.main()
