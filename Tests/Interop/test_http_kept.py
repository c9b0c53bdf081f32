"""HTTP connections that are kept: many requests on one, in order, in bounded space and time, and nothing hidden behind any. Section 21.1."""
import contextlib
import json
import os
import re
import signal
import socket
import time
import unittest

from broker import PATIENCE, Broker, certificate
from harness import Case, Sessions, everywhere
from test_http import BAD, UNRECOGNISED, WEBSOCKET, websocket
from wire import Wire, frame

REQUESTS_MAX = 200
LARGE = "/model/logs.js"
# Small segments and a small window: the kernels between client and broker hold little then.
SMALL = [(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536), (socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)]


def get(path, *lines, method="GET"):
    return (f"{method} {path} HTTP/1.1\r\nHost: a\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n").encode()


class Wires(Case):
    def wire(self, broker=None, options=()):
        broker = broker or self.broker
        wire = Wire(broker.host, broker.port, self.web_tls, options)
        if self.secure:
            # An end without close_notify is an error then.
            wire.sock.suppress_ragged_eofs = False
        self.addCleanup(wire.close)
        return wire

    def ask(self, wire, path, *lines, method="GET"):
        wire.send(get(path, *lines, method=method))
        return wire.answer(has_body=method != "HEAD")

    def assert_kept(self, said):
        self.assertEqual((said["connection"], said["keep-alive"]), ("keep-alive", "timeout=10"))

    def assert_ends(self, wire, said):
        self.assertEqual(said["connection"], "close")
        self.assertNotIn("keep-alive", said)
        self.assertEqual(wire.to_end(), b"")


class Kept(Sessions, Wires):
    def test_requests_of_every_kind_on_one_connection(self):
        wire = self.wire()
        status, said, page = self.ask(wire, "/")
        self.assertEqual(status, 200)
        self.assert_kept(said)
        parts = re.findall(rb'(?:src|href)="(/[^"]+)"', page)
        self.assertGreater(len(parts), 30)
        for part in parts:
            path = part.decode()
            status, said, body = self.ask(wire, path)
            self.assertEqual(status, 200, path)
            self.assert_kept(said)
            # A head, what has not changed, and what is not there, each with the next answer where it is to be.
            self.assertEqual(self.ask(wire, path, method="HEAD")[:2], (200, said))
            status, unchanged, nothing = self.ask(wire, path, "If-None-Match: " + said["etag"])
            self.assertEqual((status, unchanged["etag"], nothing), (304, said["etag"], b""))
            self.assert_kept(unchanged)
        for method in ("GET", "HEAD"):
            status, said, _ = self.ask(wire, "/nothing", method=method)
            self.assertEqual(status, 404)
            self.assert_kept(said)
        self.assertEqual(self.ask(wire, "/healthz", "Content-Length: 0")[2], b"ok\n")

    def test_a_connection_has_so_many_requests(self):
        wire = self.wire()
        for number in range(1, REQUESTS_MAX):
            self.assert_kept(self.ask(wire, "/healthz")[1])
        status, said, _ = self.ask(wire, "/healthz")
        self.assertEqual(status, 200)
        self.assert_ends(wire, said)

    def test_it_ends_if_the_client_wants_it(self):
        for request in (get("/healthz", "Connection: close"), get("/nothing", "connection: Close"), get("/", "Connection: keep-alive, close"),
                        get("/", "Connection: keep-alive", "Connection: close"), b"GET /healthz HTTP/1.0\r\n\r\n",
                        b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"):
            with self.subTest(request):
                wire = self.wire()
                self.ask(wire, "/healthz")
                wire.send(request + get("/readyz"))
                status, said, _ = wire.answer()
                self.assertIn(status, (200, 404))
                self.assert_ends(wire, said)

    def test_requests_sent_ahead_are_answered_in_order(self):
        paths = ["/healthz", "/nothing", LARGE, "/readyz"] * 25
        wire = self.wire()
        wire.send(b"".join(get(path, method="HEAD" if index % 3 == 0 else "GET") for index, path in enumerate(paths)))
        for index, path in enumerate(paths):
            status, said, body = wire.answer(has_body=index % 3 != 0)
            self.assertEqual(status, 404 if path == "/nothing" else 200)
            self.assertEqual(path == LARGE, "etag" in said)
            if index % 3:
                self.assertEqual((body == b"ok\n", body == b"ready\n"), (path == "/healthz", path == "/readyz"))

    def test_a_client_that_has_finished_gets_all_its_answers(self):
        wire = self.wire(options=SMALL)
        wire.send(get(LARGE) * 99 + get("/healthz"))
        if not self.secure:
            wire.sock.shutdown(socket.SHUT_WR)
        for _ in range(99):
            self.assertEqual(wire.answer()[0], 200)
        self.assertEqual(wire.answer()[2], b"ok\n")
        if not self.secure:
            self.assertEqual(wire.to_end(), b"")

    def test_nothing_is_served_behind_what_is_bad(self):
        """Every bad request as the second of three: the answer to the first, its own, and the end."""
        for status, name, text in BAD + UNRECOGNISED:
            if status == 404:
                continue
            with self.subTest(name):
                wire = self.wire()
                wire.send(get("/readyz") + text.encode("latin-1") + get("/healthz"))
                self.assertEqual(wire.answer()[2], b"ready\n")
                came, said, body = wire.answer()
                self.assertEqual((came, int(said["content-length"])), (status, len(body)))
                self.assert_ends(wire, said)

    def test_a_body_is_no_request(self):
        hidden = get("/healthz")
        for head in ("POST /x HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "GET /nothing HTTP/1.1\r\nHost: a\r\n"):
            for line in (f"Content-Length: {len(hidden)}\r\n", "Transfer-Encoding: chunked\r\n"):
                wire = self.wire()
                self.ask(wire, "/healthz")
                wire.send((head + line + "\r\n").encode() + hidden)
                status, said, _ = wire.answer()
                self.assertEqual(status, 413)
                self.assert_ends(wire, said)

    def test_a_websocket_behind_requests(self):
        hello = frame(1, json.dumps({"t": "hello", "id": 1, "agent": "x"}).encode())
        upgrade = websocket("Sec-WebSocket-Protocol: cbp.json.v1").encode()
        for is_ahead in (False, True):
            wire = self.wire()
            wire.send(get("/") + get("/healthz"))
            if not is_ahead:
                self.assertEqual((wire.answer()[0], wire.answer()[2]), (200, b"ok\n"))
            wire.send(upgrade + hello)
            if is_ahead:
                self.assertEqual((wire.answer()[0], wire.answer()[2]), (200, b"ok\n"))
            status, said, _ = wire.answer(has_body=False)
            self.assertEqual((status, said["connection"].lower()), (101, "upgrade"))
            first, payload = wire.frame()
            self.assertEqual((first, json.loads(payload)["t"]), (0x81, "welcome"))

    def test_simple_json_behind_requests(self):
        wire = self.wire()
        self.ask(wire, "/")
        wire.send(("GET / HTTP/1.1\r\nHost: a\r\n" + "".join(line + "\r\n" for line in WEBSOCKET) + "\r\n").encode())
        self.assertEqual(wire.answer(has_body=False)[0], 101)
        wire.send(frame(1, b'{"SetUsername":{}}'))
        self.assertEqual(wire.frame()[0], 0x81)


globals().update(everywhere(Kept))


class Bounded(Wires, unittest.TestCase):
    """Brokers of their own, with times made short or limits made small."""

    secure = False

    def broker_of_own(self, loops=1, **settings):
        broker = self.own(loops, tls=certificate(), **settings)
        self.broker = broker
        return broker

    def assert_silent(self, wire, seconds):
        wire.sock.settimeout(seconds)
        with self.assertRaises(TimeoutError):
            wire.fill()
        wire.sock.settimeout(PATIENCE)

    def test_what_rests_is_closed_without_a_word(self):
        self.broker_of_own(deadlines_http_idle_milliseconds=400, deadlines_drain_milliseconds=60_000)
        wire = self.wire()
        for _ in range(3):
            began = time.monotonic()
            _, said, _ = self.ask(wire, "/healthz")
            self.assertEqual(said["keep-alive"], "timeout=0")
        self.assertEqual(wire.to_end(), b"")
        self.assertGreater(time.monotonic() - began, 0.3)
        self.assertLess(time.monotonic() - began, 3)

    def test_a_head_has_its_time_from_its_first_octet_on(self):
        self.broker_of_own(deadlines_preface_milliseconds=500)
        wire = self.wire()
        self.ask(wire, "/healthz")
        self.assert_silent(wire, 0.8)
        self.assertEqual(self.ask(wire, "/readyz")[2], b"ready\n")
        # An octet now and then puts nothing off.
        self.assert_silent(wire, 0.8)
        began, octets = time.monotonic(), iter(get("/", "X: " + "x" * 900))
        wire.sock.settimeout(0.05)
        while b"\r\n\r\n" not in wire.buffer:
            self.assertLess(time.monotonic() - began, 5)
            wire.send(bytes([next(octets)]))
            with contextlib.suppress(TimeoutError):
                wire.fill()
        self.assertGreater(time.monotonic() - began, 0.4)
        wire.sock.settimeout(PATIENCE)
        status, said, _ = wire.answer()
        self.assertEqual(status, 408)
        self.assert_ends(wire, said)

    def test_none_is_kept_if_the_operator_says_so(self):
        self.broker_of_own(deadlines_http_idle_milliseconds=0)
        wire = self.wire()
        self.assert_ends(wire, self.ask(wire, "/")[1])

    def test_none_is_kept_where_places_are_few(self):
        self.broker_of_own(limits_unauthenticated_connections_max=8)
        wires = [self.wire() for _ in range(8)]
        # All have their place as soon as the last one is answered.
        self.assert_ends(wires[7], self.ask(wires[7], "/")[1])
        for wire in wires[:7]:
            wire.close()
        deadline = time.monotonic() + PATIENCE
        while True:
            wire = self.wire()
            if self.ask(wire, "/healthz")[1]["connection"] == "keep-alive":
                break
            wire.close()
            self.assertLess(time.monotonic(), deadline)
        self.assert_kept(self.ask(wire, "/healthz")[1])

    def test_who_asks_much_and_reads_nothing_holds_one_answer(self):
        broker = self.broker_of_own(log_level="notice")
        wires = [self.wire(options=SMALL) for _ in range(12)]
        for wire in wires:
            wire.send(get(LARGE) * (REQUESTS_MAX - 1) + get("/healthz"))
        # With its head, and sealed.
        largest = len(self.ask(self.wire(), LARGE)[2]) + 2_048
        deadline, count = time.monotonic() + PATIENCE, 0
        while True:
            os.kill(broker.process.pid, signal.SIGUSR1)
            count += 1
            backlog = int(re.search(r"backlog_bytes=(\d+)", broker.lines_with("backlog_bytes=", count)[-1])[1])
            self.assertLess(backlog, len(wires) * largest)
            if backlog > len(wires) * 1_024:
                break
            self.assertLess(time.monotonic(), deadline)
        for wire in wires:
            for _ in range(REQUESTS_MAX - 1):
                self.assertEqual(wire.answer()[0], 200)
            _, said, body = wire.answer()
            self.assertEqual(body, b"ok\n")
            self.assert_ends(wire, said)

    def test_answers_do_not_wait_for_others(self):
        """However fast they follow each other: a window for what is to be written together would be waited for by each of the last hundred."""
        self.broker_of_own(queues_flush_window_microseconds=100_000)
        began = time.monotonic()
        for _ in range(2):
            wire = self.wire()
            for _ in range(REQUESTS_MAX - 10):
                self.assertEqual(self.ask(wire, "/healthz")[0], 200)
        self.assertLess(time.monotonic() - began, 6)

    def test_kept_connections_do_not_hold_up_the_end(self):
        for loops in (1, 2):
            with Broker(loops, certificate(), deadlines_drain_milliseconds=60_000) as broker:
                idle = [self.wire(broker) for _ in range(12)]
                for wire in idle:
                    self.assertEqual(self.ask(wire, "/")[0], 200)
                broker.terminate()
                began = time.monotonic()
                self.assertEqual(broker.process.wait(PATIENCE), 0)
                self.assertLess(time.monotonic() - began, 1)
                for wire in idle:
                    self.assertEqual(wire.to_end(), b"")

    def test_half_a_request_is_told_of_the_end(self):
        broker = self.broker_of_own()
        wire = self.wire()
        self.ask(wire, "/healthz")
        wire.send(get("/healthz")[:-2])
        # What another connection is answered on the same loop was sent later.
        self.ask(self.wire(), "/healthz")
        broker.terminate()
        status, said, _ = wire.answer()
        self.assertEqual(status, 503)
        self.assert_ends(wire, said)


class BoundedTLS(Bounded):
    secure = True


if __name__ == "__main__":
    unittest.main()
