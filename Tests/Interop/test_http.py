"""HTTP on the shared port: every bad request has its status and ends, bounds are where they are said to be, and who is slow holds up nobody."""
import time
import unittest

from broker import Broker, certificate
from harness import Case, Sessions, everywhere
from wire import Wire

TARGET_MAX, HEAD_MAX, FIELDS_MAX = 2_048, 16_384, 100


def fields(*lines):
    """A request with these fields, among those that every one needs."""
    return "GET /healthz HTTP/1.1\r\nHost: a\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n"


WEBSOCKET = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def websocket(*changes, method="GET", version="1.1"):
    """A request for a WebSocket, in which a field of the same name is replaced by each of `changes`; one that ends in a colon is left out."""
    replaced = {change.split(":")[0].lower() for change in changes}
    lines = [line for line in WEBSOCKET if line.split(":")[0].lower() not in replaced] + [c for c in changes if not c.endswith(":")]
    return f"{method} /ws HTTP/{version}\r\nHost: a\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n"


BAD = [
    # The request line (RFC 9112 section 3).
    (400, "no version", "GET /\r\n\r\n"),
    (400, "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    (400, "a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"),
    (400, "a version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    (400, "another protocol", "GET / ICY/1.1\r\nHost: a\r\n\r\n"),
    (505, "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (505, "HTTP/3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
    (400, "a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a target that is not ASCII", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a target with a control character", "GET /\x07 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a target that is no path", "GET healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    (414, "an endless target", "GET /" + "x" * 9_000),
    # Lines.
    (400, "LF alone", "GET /healthz HTTP/1.1\nHost: a\n\n"),
    (400, "LF alone behind a field", "GET /healthz HTTP/1.1\r\nHost: a\n\r\n"),
    (400, "CR alone in a field", fields("X: a\rY: b")),
    (400, "CR CR LF", "GET /healthz HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    # Host.
    (400, "no host", "GET /healthz HTTP/1.1\r\n\r\n"),
    (400, "an empty host", "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"),
    (400, "two hosts", fields("Host: b")),
    (400, "the same host twice", fields("Host: a")),
    (400, "a list of hosts", "GET /healthz HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    (400, "a host with a path", "GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (400, "a host with a user", "GET /healthz HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    (400, "a port that is no number", "GET /healthz HTTP/1.1\r\nHost: a:x\r\n\r\n"),
    # Fields.
    (400, "a folded field", fields("X: a", " b")),
    (400, "a field folded by a tab", fields("X: a", "\tb")),
    (400, "a folded first field", "GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n"),
    (400, "a space before the colon", fields("X : a")),
    (400, "a field without a colon", fields("nonsense")),
    (400, "a field without a name", fields(": a")),
    (400, "a name that is no token", fields("X(y): a")),
    (400, "NUL in a field", fields("X: a\0b")),
    (400, "an escape sequence in a field", fields("X: \x1b[2J")),
    (431, "an endless field", "GET /healthz HTTP/1.1\r\nX: " + "x" * 20_000),
    # Where the request ends (RFC 9112 section 6): what two readers could read in two ways.
    (400, "two lengths", fields("Content-Length: 0", "Content-Length: 5")),
    (400, "the same length twice", fields("Content-Length: 0", "Content-Length: 0")),
    (400, "a list of lengths", fields("Content-Length: 0, 0")),
    (400, "a length with a sign", fields("Content-Length: +0")),
    (400, "a negative length", fields("Content-Length: -1")),
    (400, "a length in hexadecimal", fields("Content-Length: 0x0")),
    (400, "an empty length", fields("Content-Length:")),
    (400, "a length beyond all numbers", fields("Content-Length: 99999999999999999999")),
    (400, "length and coding", fields("Content-Length: 0", "Transfer-Encoding: chunked")),
    (400, "coding and length", fields("Transfer-Encoding: chunked", "Content-Length: 0")),
    (413, "a body", fields("Content-Length: 3") + "abc"),
    (413, "a chunked body", fields("Transfer-Encoding: chunked") + "0\r\n\r\n"),
    (501, "an unknown coding", fields("Transfer-Encoding: gzip")),
    (501, "codings in a row", fields("Transfer-Encoding: gzip, chunked")),
    (501, "a coding with a space", fields("Transfer-Encoding: chunked x")),
    (400, "a coding in HTTP/1.0", "GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    # Methods and paths.
    *[(405, method, f"{method} /healthz HTTP/1.1\r\nHost: a\r\n\r\n") for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS")],
    (405, "CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    *[(404, path, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
      for path in ("/nothing", "/healthz/", "/HEALTHZ", "//healthz", "/./healthz", "/../etc/passwd", "/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
                   "/app.js/..", "/app.js%00.html", "/echo")],
    # WebSockets (RFC 6455 section 4.2).
    (426, "no upgrade", "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n"),
    (426, "an upgrade to something else", websocket("Upgrade: h2c")),
    (426, "an upgrade of HTTP/1.0", websocket(version="1.0")),
    (400, "an upgrade that Connection does not name", websocket("Connection: close")),
    (400, "no version of WebSocket", websocket("Sec-WebSocket-Version:")),
    (426, "version 8", websocket("Sec-WebSocket-Version: 8")),
    (400, "no key", websocket("Sec-WebSocket-Key:")),
    (400, "a short key", websocket("Sec-WebSocket-Key: c2hvcnQ=")),
    (400, "a key that is no base64", websocket("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!")),
    (400, "two keys", websocket(WEBSOCKET[3], WEBSOCKET[3])),
    (400, "an unknown subprotocol", websocket("Sec-WebSocket-Protocol: soap")),
    (400, "a subprotocol that is no token", websocket("Sec-WebSocket-Protocol: cbp json")),
    (400, "a subprotocol twice", websocket("Sec-WebSocket-Protocol: cbp.json.v1, cbp.json.v1")),
    (400, "extensions that break the grammar", websocket("Sec-WebSocket-Extensions: permessage-deflate; =")),
    (405, "a WebSocket by POST", websocket(method="POST")),
    (403, "a page of somebody else", websocket("Origin: https://evil.example")),
    (403, "a page of nobody", websocket("Origin: null")),
    (400, "two origins", websocket("Origin: http://a", "Origin: http://b")),
]

# What does not begin as a request does: where the first octets decide, it is of no protocol.
UNRECOGNISED = [
    (400, "tabs for spaces", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "a space in front", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (501, "an unknown method", "BREW /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
]


def head_of(byte_count):
    """A good request whose head has so many octets."""
    start, end = "GET /healthz HTTP/1.1\r\nHost: a\r\n", "\r\n"
    lines, left = [], byte_count - len(start) - len(end)
    while left > 0:
        size = left if left <= 1_000 else 900
        lines.append(f"X: {'x' * (size - 5)}\r\n")
        left -= size
    return start + "".join(lines) + end


class HTTP(Sessions):
    def wire(self, broker=None):
        broker = broker or self.broker
        wire = Wire(broker.host, broker.port, self.web_tls)
        self.addCleanup(wire.close)
        return wire

    def ask(self, text, broker=None):
        """The answer to a request; where it says so, nothing comes behind it but the end."""
        wire = self.wire(broker)
        wire.send(text.encode("latin-1"))
        answer = wire.answer()
        if answer[1]["connection"] == "close":
            self.assertEqual(wire.to_end(), b"")
        return answer

    def test_bad_requests(self):
        self.assertGreaterEqual(len(BAD), 80)
        for status, name, text in BAD:
            with self.subTest(name):
                came, said, body = self.ask(text)
                self.assertEqual(came, status, said)
                # Where nothing was wrong but that there is no such thing, the connection is kept.
                self.assertEqual(said["connection"], "keep-alive" if status == 404 else "close")
                self.assertEqual(len(body), int(said["content-length"]))
                self.assertNotIn(b"root:", body)
                if status == 405:
                    self.assertIn("GET", said["allow"])
                if status == 426:
                    self.assertEqual((said["upgrade"], said["sec-websocket-version"]), ("websocket", "13"))

    def test_what_does_not_look_like_a_request(self):
        for status, name, text in UNRECOGNISED:
            with self.subTest(name):
                if self.secure:             # HTTP was agreed on by ALPN
                    self.assertEqual(self.ask(text)[0], status)
                else:
                    wire = self.wire()
                    wire.send(text.encode())
                    self.assertEqual(wire.to_end(), b"")

    def test_bounds(self):
        """The greatest that passes, and one more."""
        def target(count):
            return f"GET /{'x' * (count - 1)} HTTP/1.1\r\nHost: a\r\n\r\n"

        def many(count):
            return fields(*[f"X-{i}: a" for i in range(count - 1)])

        def body(count):
            return fields(f"Content-Length: {count}") + "x" * count

        for make, bound, good, bad in ((target, TARGET_MAX, 404, 414), (head_of, HEAD_MAX, 200, 431), (many, FIELDS_MAX, 200, 431), (body, 0, 200, 413)):
            with self.subTest(make.__name__):
                self.assertEqual(self.ask(make(bound))[0], good)
                self.assertEqual(self.ask(make(bound + 1))[0], bad)
        self.assertEqual(len(head_of(HEAD_MAX)), HEAD_MAX)

    def test_one_request_one_answer(self):
        """Nothing is hidden behind a request that is the last one: what follows it is not read as another."""
        wire = self.wire()
        wire.send(fields("Connection: close").encode() + b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(wire.to_end().count(b"HTTP/1.1 "), 1)

    def test_a_body_that_never_comes_is_not_waited_for(self):
        for line in ("Content-Length: 1000000", "Transfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: 5"):
            began = time.monotonic()
            self.assertEqual(self.ask("POST /healthz HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n")[0], 413)
            self.assertLess(time.monotonic() - began, 3)


globals().update(everywhere(HTTP))


class Slow(Case, unittest.TestCase):
    """Deadlines are total: an octet now and then puts nothing off."""

    def test_slow_requests_are_cut_while_others_are_served(self):
        with Broker(1, certificate(), deadlines_preface_milliseconds=1500) as broker:
            heads = {
                "nothing": b"", "half a method": b"GE", "half a line": b"GET / HT", "half a head": b"GET / HTTP/1.1\r\nHost: a\r\n",
                "half a field": b"GET / HTTP/1.1\r\nHost: a\r\nX: ", "no last line": b"GET / HTTP/1.1\r\nHost: a\r\n\r",
            }
            slow, began = {}, time.monotonic()
            for name, octets in heads.items():
                slow[name] = Wire(broker.host, broker.port, self.web_tls)
                slow[name].send(octets)
            dripping = Wire(broker.host, broker.port, self.web_tls)
            dripping.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            dripping.sock.settimeout(0.1)
            served, cut = 0, None
            while cut is None:
                self.assertLess(time.monotonic() - began, 10, "an octet now and then puts off the deadline")
                other = Wire(broker.host, broker.port, self.web_tls)
                other.send(fields().encode())
                self.assertEqual(other.answer()[0], 200)
                other.close()
                served += 1
                dripping.send(b"x")
                try:
                    if not dripping.fill() or b"\r\n\r\n" in dripping.buffer:
                        cut = time.monotonic() - began
                except TimeoutError:
                    pass
            self.assertGreater(served, 3)
            self.assertGreater(cut, 1)
            self.assertTrue(dripping.buffer.startswith(b"HTTP/1.1 408 "), dripping.buffer)
            dripping.close()
            for name, wire in slow.items():
                with self.subTest(name):
                    octets = wire.to_end()
                    # What is no request yet gets no answer.
                    self.assertTrue(octets.startswith(b"HTTP/1.1 408 ") or name in ("nothing", "half a method") and octets == b"", octets)
                wire.close()


class SlowTLS(Slow):
    secure = True


if __name__ == "__main__":
    unittest.main()
