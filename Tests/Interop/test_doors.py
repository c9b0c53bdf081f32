"""The doors beside native frames: HTTP, WebSocket with JSON, line mode. Written from sections 21 and 22 of docs/PROTOCOL.md."""
import http.client
import json
import os
import select
import shutil
import ssl
import subprocess
import unittest
from pathlib import Path

from harness import Case, PATIENCE, Sessions, certificate, everywhere, fresh
from websocket import Socket


def browser():
    """TLS as a browser does it: HTTP by ALPN."""
    context = ssl.create_default_context(cafile=str(certificate().certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class Doors(Sessions):
    def web(self, name):
        client = Socket(self.broker.host, self.broker.port, tls=self.secure and browser())
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
            client = Socket(self.broker.host, self.broker.port, tls=self.secure and browser(), origin=origin)
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
