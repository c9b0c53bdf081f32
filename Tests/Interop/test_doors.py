"""The doors beside native frames: HTTP, WebSocket with JSON. Written from section 21 of docs/PROTOCOL.md."""
import http.client
import unittest

from broker import PATIENCE, fresh
from harness import Sessions, everywhere
from websocket import Socket


class Doors(Sessions):
    def web(self, name):
        client = Socket(self.broker.host, self.broker.port, tls=self.web_tls)
        self.addCleanup(client.close)
        client.log_in(name)
        return client

    def test_health(self):
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/", 200), ("/app.js", 200), ("/nothing", 404), ("/ws", 426)):
            if self.secure:
                connection = http.client.HTTPSConnection("localhost", self.broker.port, timeout=PATIENCE, context=self.web_tls)
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
                web.send_frame(0x1, text.encode())
                self.assertEqual(web.next("error")["code"], code)
        web.send(t="ping", id=10)
        web.next("pong", id=10)

    def test_goodbye_and_close(self):
        web = self.web(fresh("web"))
        web.send(t="goodbye", code=0)
        self.assertEqual(web.close_code(), 1000)
        web = self.web(fresh("web"))
        web.send_frame(0x8, (4321).to_bytes(2, "big"))
        self.assertEqual(web.close_code(), 4321)
        web = self.web(fresh("web"))
        web.send_frame(0x1, b"\xff")
        self.assertEqual(web.close_code(), 1007)

    def test_origin(self):
        scheme = "https" if self.secure else "http"
        for origin, status in (("https://evil.example", 403), ("null", 403), (f"{scheme}://{self.broker.address}", 101)):
            client = Socket(self.broker.host, self.broker.port, tls=self.web_tls, origin=origin)
            self.assertEqual(client.status, status, origin)
            client.close()


globals().update(everywhere(Doors))


if __name__ == "__main__":
    unittest.main()
