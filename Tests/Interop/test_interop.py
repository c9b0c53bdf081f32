"""The broker against its protocol document: golden, negative and tolerated vectors, and
whole sessions of a client written from the document alone (cbp.py).

    python3 -m unittest discover -s Tests/Interop -v

BROKER_BINARY names the broker; the default is .build/debug/broker of the package.
Nothing here sleeps to synchronise: every wait is for a condition, with a deadline.
"""
import contextlib
import itertools
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import warnings
from pathlib import Path

import cbp
from cbp import (BrokerError, Client, Closed, Connection, Fault, Frame, Goodbye, TimedOut, conversation,
                 decode_header, decode_payload, encode, encode_field, encode_frame, encode_header,
                 frame_from_json, frame_to_json)

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BROKER_BINARY", str(ROOT / ".build/debug/broker"))
DOCUMENT = (ROOT / "docs/PROTOCOL.md").read_text("utf-8")
PATIENCE = 10                   # seconds for whatever must come
_numbers = itertools.count(1)


def fresh(stem):
    """A name that no other test uses."""
    return f"{stem}{next(_numbers)}"


# --- The broker -----------------------------------------------------------------------

class Broker:
    """One broker process on a port of its own, with settings as environment variables."""

    def __init__(self, loops=1, tls=None, **settings):
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-interop-")
        ready = Path(self.directory.name, "ready.json")
        self.log = open(Path(self.directory.name, "log"), "w+b")
        command = [BINARY, "--listen", "127.0.0.1:0", "--loops", str(loops), "--ready-file", str(ready),
                   "--log-level", "warning"]
        if tls:
            command += ["--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)]
        environment = os.environ | {"BROKER_" + k.upper(): str(v) for k, v in settings.items()}
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError, ValueError):
                self.address = json.loads(ready.read_text())["listeners"][0]["address"]
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
                error = RuntimeError(f"the broker ended: {self.output()}")
                self.stop()
                raise error
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the broker is not ready: {self.output()}")
        host, port = self.address.rsplit(":", 1)
        self.host, self.port = host, int(port)

    def output(self):
        self.log.flush()
        return Path(self.log.name).read_text("utf-8", "replace")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """The exit status after SIGTERM; killed if it takes too long."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.close()
            self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Certificate:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-interop-tls-")
        self.certificate = Path(self.directory.name, "cert.pem")
        self.key = Path(self.directory.name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out",
                        self.certificate], check=True, capture_output=True, timeout=30)


_shared = {}


def setUpModule():
    _shared["certificate"] = Certificate()
    for loops in (1, 2):
        _shared[loops] = Broker(loops, _shared["certificate"])
        unittest.addModuleCleanup(_shared[loops].stop)
    unittest.addModuleCleanup(_shared["certificate"].directory.cleanup)


# --- Helpers on octets ------------------------------------------------------------------

def interpret(raw):
    """A Frame of (header, payload), also of a type that a client would skip."""
    (_, type_, flags, id_), payload = raw
    frame = decode_payload(type_, flags, id_, payload)
    return frame or Frame(f"#{type_}", id_, {}, flags, payload)


def read_frame(connection, *names, seconds=PATIENCE):
    """The next frame of one of these types; without types the next that no room sent."""
    deadline = time.monotonic() + seconds
    while True:
        raw = connection.read(deadline - time.monotonic())
        name = cbp.FRAMES[raw[0][1]].name if raw[0][1] in cbp.FRAMES else ""
        if name in names or not names and not (name in ("deliver", "lag", "ping") or name == "joined" and raw[0][3] == 0):
            return interpret(raw)


def read_to_end(connection, seconds=PATIENCE):
    """All frames until the broker closes."""
    frames, deadline = [], time.monotonic() + seconds
    while True:
        try:
            frames.append(interpret(connection.read(deadline - time.monotonic())))
        except Closed:
            return frames


def raw_to_end(sock, seconds=PATIENCE):
    """All octets until the broker closes."""
    octets, deadline = b"", time.monotonic() + seconds
    while True:
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            more = sock.recv(4096)
        except (ConnectionResetError, ssl.SSLError):
            return octets
        if not more:
            return octets
        octets += more


HELLO = encode("hello", 1, agent="raw/1")


class Case(unittest.TestCase):
    broker = None
    tls = None

    def connection(self, broker=None):
        broker = broker or self.broker
        connection = Connection(broker.host, broker.port, self.tls)
        self.addCleanup(connection.close)
        return connection

    def client(self, wish=None, broker=None, **options):
        """A client, logged in if `wish` is given."""
        client = Client(self.connection(broker), **options)
        if wish is not None:
            client.log_in(wish)
        return client

    def raw_ready(self, broker=None, wish=None):
        """A connection in READY, read up to JOINED of the lobby."""
        connection = self.connection(broker)
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=(wish or fresh("raw")).encode()))
        self.assertEqual(read_frame(connection).name, "welcome")
        self.assertEqual(read_frame(connection).name, "auth_ok")
        return connection

    @contextlib.contextmanager
    def refused(self, code, field=None):
        with self.assertRaises(BrokerError) as caught:
            yield caught
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        if field:
            self.assertEqual(caught.exception.frame.get("field"), cbp.FIELD_NAMED[field].tag)

    def assert_alive(self, connection):
        connection.send(encode("ping", 0x7FFFFF, ts=77))
        frame = read_frame(connection)
        self.assertEqual((frame.name, frame.id, frame.get("ts")), ("pong", 0x7FFFFF, 77))

    def assert_goodbye(self, connection, code, seconds=PATIENCE):
        frames = [f for f in read_to_end(connection, seconds) if f.name not in ("deliver", "joined")]
        self.assertTrue(frames, "closed without GOODBYE")
        self.assertEqual((frames[-1].name, frames[-1].id, frames[-1].get("code")), ("goodbye", 0, code), frames)
        return frames[-1]


# --- Vectors ------------------------------------------------------------------------------

def golden_vectors():
    pattern = r"\*\*Example (\d+)\. (.*?)\*\* — (\d+) octets\n```\n(.*?)```\n```json\n(.*?)\n```"
    for number, title, size, dump, text in re.findall(pattern, DOCUMENT, re.S):
        octets = b""
        for line in dump.splitlines():
            row = bytes.fromhex(line[6:54])
            shown = "".join(chr(c) if 0x20 <= c < 0x7F else "." for c in row)
            assert int(line[:4], 16) == len(octets) and line[54:] == f"  |{shown}|"[-len(line[54:]):], line
            octets += row
        yield f"{number} {title}", int(size), octets, json.loads(text)


def code_vectors(heading):
    block = re.search(rf"\*\*{heading} vectors\*\*\n\n```text\n(.*?)```", DOCUMENT, re.S).group(1)
    for line in block.splitlines():
        octets, sender, code, what = line.split(None, 3)
        yield bytes.fromhex(octets), sender, int(code), what


GOLDEN = list(golden_vectors())
NEGATIVE = list(code_vectors("Negative"))
TOLERATED = list(code_vectors("Tolerated"))


def judge(octets):
    """What the decoder of cbp.py makes of one frame: a Frame, None (skipped) or a Fault raised."""
    length, type_, flags, id_ = decode_header(octets)
    assert len(octets) == 8 + length, "the vector is not one frame"
    return decode_payload(type_, flags, id_, octets[8:])


class Vectors(unittest.TestCase):
    def test_the_document_has_its_vectors(self):
        self.assertEqual([int(name.split()[0]) for name, *_ in GOLDEN], list(range(1, 57)))
        self.assertGreater(len(NEGATIVE), 90)
        self.assertGreater(len(TOLERATED), 10)

    def test_golden_sizes(self):
        for name, size, octets, _ in GOLDEN:
            with self.subTest(name):
                self.assertEqual(len(octets), size)

    def test_golden_decode(self):
        for name, _, octets, value in GOLDEN:
            with self.subTest(name):
                frame = judge(octets)
                if value["t"].startswith("#"):
                    self.assertIsNone(frame)
                    continue
                wanted = [(k, v) for k, v in value.items() if not k.startswith("#")]
                self.assertEqual(list(frame_to_json(frame).items()), wanted)       # the order too

    def test_golden_encode(self):
        for name, _, octets, value in GOLDEN:
            with self.subTest(name):
                self.assertEqual(encode_frame(frame_from_json(value)).hex(), octets.hex())

    def test_golden_through_the_stream(self):
        """All golden frames in one stream, cut into pieces of every size from 1 to 9."""
        stream = b"".join(octets for _, _, octets, _ in GOLDEN)
        for size in range(1, 10):
            decoder, found = cbp.Decoder(), 0
            for at in range(0, len(stream), size):
                decoder.feed(stream[at:at + size])
                while decoder.next():
                    found += 1
            self.assertEqual(found, len(GOLDEN))

    def test_negative_by_this_decoder(self):
        for octets, sender, code, what in NEGATIVE:
            with self.subTest(what, octets=octets.hex()):
                with self.assertRaises(Fault) as caught:
                    judge(octets)
                self.assertEqual(caught.exception.code, code)
                fatal = code in (105, 113) or (code == 102 and "GOODBYE" in what)
                self.assertEqual(caught.exception.fatal, fatal)

    def test_tolerated_by_this_decoder(self):
        for octets, _, code, what in TOLERATED:
            with self.subTest(what, octets=octets.hex()):
                self.assertEqual(code, 0)
                judge(octets)


# --- The broker, in every transport and number of loops -------------------------------------

class Sessions:
    """Mixed into a class for each of clear text and TLS, one loop and two."""

    loops = 1
    secure = False

    @classmethod
    def setUpClass(cls):
        cls.broker = _shared[cls.loops]
        cls.tls = cbp.tls_context(str(_shared["certificate"].certificate)) if cls.secure else None

    # Vectors

    def in_state_for(self, type_):
        """A connection in the state in which this type is allowed."""
        if type_ == 1:
            connection = self.connection()
            connection.send(cbp.PREFACE)
        elif type_ in (3, 4):
            connection = self.connection()
            connection.send(cbp.PREFACE + HELLO)
            self.assertEqual(read_frame(connection).name, "welcome")
        else:
            connection = self.raw_ready()
        return connection

    def assert_goes_on(self, connection, type_):
        if type_ == 1:                       # refused: it may be sent again
            connection.send(encode("hello", 9, agent="again/1"))
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id), ("welcome", 9))
        self.assert_alive(connection)

    def test_negative_vectors(self):
        for octets, sender, code, what in NEGATIVE:
            if sender != "C":
                continue
            with self.subTest(what, octets=octets.hex()):
                type_, id_ = octets[3], int.from_bytes(octets[5:8], "big")
                connection = self.in_state_for(type_)
                connection.send(octets)
                if code in (105, 113) or "GOODBYE" in what:
                    self.assert_goodbye(connection, code)
                else:
                    frame = read_frame(connection)
                    self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, code), frame)
                    if id_ == 0:
                        self.assertEqual(frame.get("type"), type_)
                    self.assert_goes_on(connection, type_)
                connection.close()

    def test_negative_vectors_blame_a_tag(self):
        """`field` of ERROR is the tag concerned, as far as this decoder is sure of it too."""
        for octets, sender, code, what in NEGATIVE:
            if sender != "C" or code not in (103, 104, 108, 400, 401):
                continue
            with self.subTest(what, octets=octets.hex()):
                with self.assertRaises(Fault) as caught:
                    judge(octets)
                connection = self.in_state_for(octets[3])
                connection.send(octets)
                frame = read_frame(connection)
                self.assertEqual((frame.name, frame.get("field")), ("error", caught.exception.tag), frame)
                connection.close()

    def test_negative_frame_then_good_frame_in_one_segment(self):
        connection = self.raw_ready()
        for octets, sender, code, what in NEGATIVE:
            if sender == "C" and 400 <= code <= 401 and octets[3] not in (1, 3, 4):
                connection.send(octets + encode("ping", 5))
                self.assertEqual(read_frame(connection)["code"], code, what)
                self.assertEqual(read_frame(connection).name, "pong")

    def test_tolerated_vectors(self):
        for octets, sender, _, what in TOLERATED:
            if sender != "C":
                continue
            with self.subTest(what, octets=octets.hex()):
                connection = self.in_state_for(octets[3])
                connection.send(octets)
                if octets[5:8] != b"\0\0\0":
                    frame = read_frame(connection)
                    self.assertEqual(frame.id, int.from_bytes(octets[5:8], "big"))
                    if frame.name == "error":                 # well read, but there is no such room
                        self.assertEqual(frame["code"], 404)
                self.assert_alive(connection)
                connection.close()

    # Preface and states

    def test_versions(self):
        for preface, answer in (("b343425001010000", "b343425001010000"), ("b343425009010000", "b343425001010000"),
                                ("b343425001010102", "b343425001010000"), ("b34342500100ffff", "b343425001010000")):
            with self.subTest(preface):
                connection = self.connection()
                connection.send(bytes.fromhex(preface) + HELLO)
                self.assertEqual(read_frame(connection).name, "welcome")
                self.assertEqual(connection.preface.hex(), answer)
        for preface in ("b343425009020000", "b343425001020000", "b343425000000000"):
            with self.subTest(preface):
                connection = self.connection()
                connection.send(bytes.fromhex(preface))
                self.assert_goodbye(connection, 107)
                self.assertEqual(connection.preface.hex(), "b343425000010000")

    def test_log_in(self):
        name = fresh("alice")
        client = self.client()
        answer = client.log_in(name)
        self.assertEqual(answer["user"], name)
        self.assertEqual(len(answer["session"]), 16)
        self.assertEqual(client.connection.preface, cbp.PREFACE)
        welcome = client.welcome
        self.assertEqual(welcome["mechs"], ["ANONYMOUS"])
        self.assertEqual([welcome[n] for n in ("heartbeat", "max_frame", "max_body", "max_inflight", "dedup")],
                         [30000, 65536, 16384, 256, 600])
        self.assertLess(abs(welcome["ts"] - time.time() * 1000), 60_000)
        self.assertNotIn("cb", welcome.fields)
        self.assertEqual(client.wait(lambda: client.events and client.events[0]).name, "joined")
        lobby = client.next_event("joined", room="lobby")
        self.assertEqual((lobby["policy"], lobby["role"]), (16, 2))
        self.assertGreater(lobby["epoch"], 0)
        self.assertGreaterEqual(lobby["members"], 1)

    def test_role_in_auth_ok(self):
        """7.5: `role` 1 for a guest."""
        self.assertEqual(self.client().log_in(fresh("guest.role"))["role"], 1)

    def test_lobby_attached_with_tail_0(self):
        """12, 8.4: no cursor, tail 0: the first event is one's own joining."""
        client = self.client(fresh("tail0."))
        joined = client.next_event("joined", room="lobby")
        self.assertEqual(joined["next"], joined["head"])
        own = client.next_event("deliver", room="lobby")
        self.assertEqual((own["seq"], own.get("kind"), own["user"], own["from"]), (joined["head"], 32, client.user, client.user))

    def test_frames_before_their_state(self):
        connection = self.connection()
        connection.send(cbp.PREFACE + encode("auth", 1, mech="ANONYMOUS") + encode("ping", 2) + encode("list", 3))
        for id_ in (1, 2, 3):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, 106))
        connection.send(HELLO)
        self.assertEqual(read_frame(connection).name, "welcome")
        connection.send(HELLO + encode("join", 4, room="lobby") + encode("auth_step", 5, sasl=b"")
                        + encode("publish", 0, room="lobby", body="x"))
        for id_ in (1, 4, 5, 0):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, 106))
        self.assertEqual(frame.get("type"), 0x20)
        connection.send(encode("ping", 6) + encode("auth", 7, mech="ANONYMOUS"))
        self.assertEqual(read_frame(connection).name, "pong")
        self.assertEqual(read_frame(connection).name, "auth_ok")

    def test_frames_that_only_brokers_send(self):
        connection = self.raw_ready()
        connection.send(encode("auth_step", 4, sasl=b"") + encode("ok", 5) + HELLO)
        for id_ in (4, 5, 1):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, 106))
        connection.send(encode("ok", 0))
        frame = read_frame(connection)
        self.assertEqual((frame.id, frame["code"], frame.get("type")), (0, 106, 8))
        connection.send(encode("pong", 4) + encode("error", 4, code=102) + encode("error", 0, code=500, type=0x22))
        self.assert_alive(connection)

    def test_every_frame_in_every_state(self):
        """6.1: the table of states; 106 for whatever is out of its state or direction, and the state stays."""
        room = fresh("states")
        sender = {"hello": "C", "auth": "C", "ping": "CS", "pong": "CS", "error": "CS", "goodbye": "CS", "auth_step": "CS",
                  "join": "C", "leave": "C", "list": "C", "members": "C", "create": "C", "publish": "C", "dm": "C"}
        examples = {"hello": {"agent": "x"}, "auth": {"mech": "ANONYMOUS"}, "auth_step": {"sasl": b""}, "error": {"code": 500},
                    "join": {"room": room}, "leave": {"room": room}, "members": {"room": room}, "create": {"room": room},
                    "publish": {"room": room, "body": "x"}, "dm": {"to": "nobody.here", "body": "x"},
                    "welcome": {"mechs": [], "heartbeat": 1, "max_frame": 65536, "max_body": 1, "max_inflight": 1, "server": "x",
                                "dedup": 1}, "auth_ok": {"user": "x", "session": b"x" * 16},
                    "joined": {"room": room, "epoch": 1, "head": 0, "floor": 1, "next": 1}, "items": {"items": []},
                    "published": {"room": room, "seq": 1, "ts": 1, "ack": 1},
                    "deliver": {"room": room, "seq": 1, "ts": 1, "from": "x"},
                    "lag": {"room": room, "epoch": 1, "next": 2, "from_seq": 1, "to_seq": 1}}
        allowed = {1: {"hello"}, 3: {"auth", "ping"}, 0x20: {n for n, s in sender.items() if "C" in s} - {"hello", "auth_step"}}
        never_answered = {"pong", "error", "goodbye"}
        for state, names in allowed.items():
            for name in cbp.FRAME_NAMED:
                for id_ in (9, 0):
                    if name in names and id_ == 0 or name == "goodbye":
                        continue                                      # test_id_0, test_goodbye_in_every_state
                    with self.subTest(state=hex(state), frame=name, id=id_):
                        connection = self.in_state_for(state)
                        connection.send(encode_frame(Frame(name, id_, examples.get(name, {}))))
                        if name not in never_answered:
                            frame = read_frame(connection)
                            self.assertEqual(frame.id, id_)
                            if name in names:
                                self.assertNotEqual(frame.get("code"), 106, frame)
                                connection.close()
                                continue
                            code = 108 if id_ == 0 and name in ("hello", "auth", "auth_step", "ping") else 106
                            self.assertEqual((frame.name, frame.get("code")), ("error", code), frame)
                            self.assertEqual(frame.get("type"), None if id_ else cbp.FRAME_NAMED[name].number)
                        self.assert_goes_on(connection, state)
                        connection.close()

    def test_mechanism_not_offered(self):
        connection = self.connection()
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="PLAIN", sasl=b"x"))
        self.assertEqual(read_frame(connection).name, "welcome")
        self.assertEqual(read_frame(connection)["code"], 202)
        connection.send(encode("auth", 3, mech="ANONYMOUS"))
        self.assertEqual(read_frame(connection).name, "auth_ok")

    def test_what_follows_authentication_waits(self):
        """6.3: also another AUTH; what comes behind it happens under the name it granted."""
        first, second, room = fresh("first"), fresh("second"), fresh("room")
        connection = self.connection()
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=first.encode())
                        + encode("auth", 3, mech="ANONYMOUS", sasl=second.encode()) + encode("create", 4, room=room)
                        + encode("join", 5, room=room, tail=10) + encode("publish", 6, room=room, body="x"))
        frames = [read_frame(connection) for _ in range(6)]
        self.assertEqual([(f.name, f.id) for f in frames[:3]], [("welcome", 1), ("auth_ok", 2), ("auth_ok", 3)])
        self.assertEqual([f["user"] for f in frames[1:3]], [first, second])
        self.assertEqual(sorted(f.id for f in frames), [1, 2, 3, 4, 5, 6])
        connection.send(encode("join", 7, room=room))
        self.assertEqual(read_frame(connection)["role"], 4)
        taken = self.connection()
        taken.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=second.encode())
                   + encode("auth", 3, mech="ANONYMOUS", sasl=fresh("third").encode()) + encode("ping", 4))
        frames = [read_frame(taken) for _ in range(4)]
        self.assertEqual([(f.name, f.id, f.get("code")) for f in frames],
                         [("welcome", 1, None), ("error", 2, 408), ("auth_ok", 3, None), ("pong", 4, None)])

    def test_publishes_around_a_rename(self):
        """11: before the rename the old name, behind it the new one, and the event of the rename between them, in every room."""
        watcher, rooms = self.client(fresh("watcher")), [fresh("room") for _ in range(6)]
        old, new = fresh("old"), fresh("new")
        connection = self.raw_ready(wish=old)
        for room in rooms:
            watcher.create(room)
            watcher.join(room)
        connection.send(b"".join(encode("join", 0, room=room) for room in rooms)
                        + b"".join(encode("publish", 0, room=room, body="before") for room in rooms)
                        + encode("auth", 5, mech="ANONYMOUS", sasl=new.encode())
                        + b"".join(encode("publish", 0, room=room, body="after") for room in rooms))
        for room in rooms:
            seen = [watcher.next_event("deliver", room=room, kind=kind) for kind in (None, 38, None)]
            self.assertEqual([(e["from"], e.get("body")) for e in seen], [(old, "before"), (new, None), (new, "after")])
            self.assertEqual([e["seq"] for e in seen], sorted(e["seq"] for e in seen))
            self.assertEqual(seen[1]["user"], old)

    # Names

    def test_name_in_use(self):
        name = fresh("twice")
        self.client(name)
        second = self.client()
        with self.refused(408):
            second.log_in(name)
        other = fresh("twice")
        self.assertEqual(second.authenticate(other)["user"], other)
        with self.refused(408):
            second.authenticate(name)
        self.assertEqual(second.authenticate(other)["user"], other)

    def test_name_refused_again_and_again(self):
        """7.3: 408, the client asks for another; the connection goes on."""
        name = fresh("again")
        self.client(name)
        second = self.client()
        with self.refused(408):
            second.log_in(name)
        for _ in range(5):
            with self.refused(408):
                second.authenticate(name)
        self.assertTrue(second.authenticate(fresh("again"))["user"])

    def test_bad_wishes(self):
        for wish in ("Alice", "a b", "-a", "a/b", "@a", "ä", "a" * 33, "a\0"):
            with self.subTest(wish):
                client = self.client()
                with self.refused(400):
                    client.log_in(wish)
                self.assertTrue(client.authenticate(fresh("good"))["user"])
        with self.refused(408):
            self.client("guest-mine")
        for name in ("a" * 31 + "7", fresh("9.x_y-z")):
            self.assertEqual(self.client(name).user, name)

    def test_empty_wish(self):
        client = self.client("")
        self.assertTrue(client.user.startswith("guest-") and cbp.is_user(client.user.encode()))

    def test_bad_room_names(self):
        client = self.client(fresh("names"))
        for name in ("Lobby", "", "-a", "a b", "a" * 65, "@a", "@a+", "@b+a", "ä", "a\n", ".a", "/a"):
            for request in ("join", "members", "create", "leave"):
                with self.subTest(name, request=request), self.refused(400, "room"):
                    client.request(request, room=name)
        for name in ("Bob", "", "a/b", "a" * 33):
            with self.subTest(name), self.refused(400, "to"):
                client.request("dm", to=name, body="x")
        longest = fresh("r").ljust(64, "z")
        client.create(longest)
        self.assertEqual(client.join(longest)["room"], longest)

    # Rooms

    def two_in_a_room(self, **fields):
        room = fresh("room")
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        alice.create(room, **fields)
        alice.join(room)
        bob.join(room)
        return alice, bob, room

    def test_create_join_publish_receive(self):
        alice, bob, room = self.two_in_a_room(title="A room", topic="Tea – and\tmore\n")
        joined = bob.join(room)
        self.assertEqual((joined["title"], joined["topic"]), ("A room", "Tea – and\tmore\n"))
        self.assertEqual((joined["members"], joined["role"], joined["policy"]), (2, 2, 16))
        self.assertEqual(alice.join(room)["role"], 4)
        alice.next_event("deliver", room=room, kind=32, user=bob.user, from_=bob.user)
        cmid = os.urandom(8)
        answer = alice.publish(room, "hello ✓", cmid)
        self.assertEqual((answer["room"], answer["ack"]), (room, 1))
        events = [c.next_event("deliver", room=room, from_=alice.user, cmid=cmid) for c in (alice, bob)]
        self.assertEqual(events[0], events[1])
        self.assertEqual((events[0].id, events[0].flags), (0, 0))
        self.assertEqual((events[0]["seq"], events[0]["ts"], events[0]["body"]),
                         (answer["seq"], answer["ts"], "hello ✓"))
        self.assertEqual(set(events[0].fields), {"room", "seq", "ts", "from", "cmid", "body"})

    def test_publish_fields_are_forwarded(self):
        alice, bob, room = self.two_in_a_room()
        first = alice.publish(room, "first")["seq"]
        meta = bytes(range(256)) * 4
        alice.publish(room, "second", kind=7, thread=first, reply=first, mime="text/markdown", meta=meta)
        got = bob.next_event("deliver", body="second")
        self.assertEqual((got["kind"], got["thread"], got["reply"], got["mime"], got["meta"]),
                         (7, first, first, "text/markdown", meta))
        alice.publish(room, "third", age=12, ack=3)
        got = bob.next_event("deliver", body="third")
        self.assertEqual(set(got.fields), {"room", "seq", "ts", "from", "cmid", "body"})
        alice.publish(room, "")
        self.assertEqual(bob.next_event("deliver", body="").get("body"), "")

    def test_kind_0_is_left_out(self):
        """5: the broker leaves out `kind` when it is 0."""
        alice, bob, room = self.two_in_a_room()
        alice.publish(room, "plain", kind=0)
        self.assertNotIn("kind", bob.next_event("deliver", body="plain").fields)

    def test_reply_and_thread_name_an_event(self):
        """9.1: `reply` and `thread` lie in 1..head, else 406."""
        alice, bob, room = self.two_in_a_room()
        head = alice.join(room)["head"]
        for request, where in (("publish", {"room": room}), ("dm", {"to": bob.user})):
            for field in ("reply", "thread"):
                for seq in (0, head + 100, cbp.MAX_UINT):
                    with self.subTest(request=request, field=field, seq=seq), self.refused(406):
                        alice.request(request, **where, body="x", **{field: seq})

    def test_created_notices(self):
        alice = self.client(fresh("maker"))
        room = fresh("new")
        alice.create(room, title="T", topic="U")
        self.assertEqual(alice.next_event("deliver", room="lobby", kind=36, title=room)["from"], alice.user)
        alice.join(room, tail=1000)
        created = alice.next_event("deliver", room=room, kind=36)
        self.assertEqual((created["seq"], created["title"], created["from"]), (1, "T", alice.user))
        hidden = fresh("hidden")
        alice.create(hidden, policy=1)
        alice.publish("lobby", "after")
        alice.next_event("deliver", room="lobby", body="after")
        self.assertFalse([e for e in alice.events if e.get("title") == hidden])

    def test_created_event_has_the_topic(self):
        """7.19: kind 36 in the new room: its `title` and `topic` if set."""
        alice, room = self.client(fresh("maker")), fresh("new")
        alice.create(room, topic="U")
        alice.join(room, tail=1000)
        created = alice.next_event("deliver", room=room, kind=36)
        self.assertEqual((created.get("title"), created.get("topic")), (None, "U"))

    def test_ok_has_no_fields(self):
        """7.7: no fields in this release."""
        alice, room = self.client(fresh("maker")), fresh("new")
        self.assertEqual(alice.create(room).fields, {})
        self.assertEqual(alice.leave(room).fields, {})

    def test_create_refused(self):
        alice = self.client(fresh("maker"))
        room = fresh("taken")
        alice.create(room)
        with self.refused(408):
            alice.create(room)
        with self.refused(408):
            alice.create("lobby")
        for policy, code in ((2, 501), (8, 501), (32, 501), (42, 501), (64, 108), (66, 108), (128, 108), (256, 108)):
            with self.subTest(policy), self.refused(code):
                alice.create(fresh("policy"), policy=policy)
        for field, value in (("title", "x" * 129), ("topic", "x" * 513)):
            with self.refused(108, field):
                alice.create(fresh("long"), **{field: value})
        alice.create(fresh("long"), title="x" * 128, topic="x" * 512)

    def test_moderated_room(self):
        alice, bob, room = self.two_in_a_room(policy=4)
        self.assertEqual(bob.join(room)["role"], 1)
        with self.refused(300):
            bob.publish(room, "may I?")
        alice.publish(room, "I may")
        self.assertEqual(bob.next_event("deliver", body="I may")["from"], alice.user)
        roles = {m["user"]: m["role"] for m in alice.members(room)[0]}
        self.assertEqual(roles, {alice.user: 4, bob.user: 1})

    def test_policy_0_has_no_notices(self):
        alice, bob, room = self.two_in_a_room(policy=0)
        alice.publish(room, "x")
        alice.next_event("deliver", room=room, body="x")
        self.assertFalse([e for e in alice.events if e.get("room") == room])

    def test_leave_and_detach(self):
        alice, bob, room = self.two_in_a_room()
        bob.leave(room, detach=True)
        with self.refused(407):
            bob.leave(room, detach=True)
        alice.publish(room, "unseen")
        self.assertIn(bob.user, [m["user"] for m in alice.members(room)[0]])
        bob.publish(room, "a member still")
        alice.next_event("deliver", body="a member still")
        self.assertFalse([e for e in bob.events if e.get("room") == room and e.get("body")])
        cursor = (alice.positions[room].epoch, alice.positions[room].next - 2)
        bob.join(room, cursor)
        bob.next_event("deliver", body="a member still")
        bob.leave(room, reason="back at nine")
        left = alice.next_event("deliver", room=room, kind=33)
        self.assertEqual((left["user"], left["from"]), (bob.user, bob.user))
        for request, fields in (("publish", {"body": "x"}), ("members", {}), ("leave", {}), ("leave", {"detach": True})):
            with self.refused(407):
                bob.request(request, room=room, **fields)

    def test_reason_of_leave(self):
        """7.19: kind 33 has `reason` if LEAVE had one."""
        alice, bob, room = self.two_in_a_room()
        bob.leave(room, reason="back at nine")
        self.assertEqual(alice.next_event("deliver", room=room, kind=33).get("reason"), "back at nine")
        bob.join(room)
        bob.leave(room)
        self.assertNotIn("reason", alice.next_event("deliver", room=room, kind=33).fields)

    def test_lobby_cannot_be_left(self):
        alice = self.client(fresh("lobbyist"))
        with self.refused(300):
            alice.leave("lobby")
        alice.leave("lobby", detach=True)
        alice.publish("lobby", "still a member")
        joined = alice.join("lobby", tail=1)
        self.assertEqual(joined["next"], joined["head"])

    def test_no_such_room_not_a_member(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        nowhere, room = fresh("nowhere"), fresh("room")
        alice.create(room)
        for request, fields in (("publish", {"body": "x"}), ("members", {}), ("leave", {}), ("leave", {"detach": True}),
                                ("join", {}), ("join", {"tail": 5}), ("join", {"epoch": 5, "seq": 0})):
            with self.subTest(request), self.refused(404):
                bob.request(request, room=nowhere, **fields)
            if request != "join":
                with self.subTest(request), self.refused(407):
                    bob.request(request, room=room, **fields)

    def test_members_with_paging(self):
        room = fresh("paged")
        clients = [self.client(fresh("member")) for _ in range(5)]
        clients[0].create(room)
        for client in clients[1:]:
            client.join(room)
        names, cursor, pages = [], None, 0
        while True:
            items, cursor = clients[0].members(room, limit=2, cursor=cursor)
            self.assertLessEqual(len(items), 2)
            names += [(m["user"], m["role"], m["state"]) for m in items]
            pages += 1
            if cursor is None:
                break
        self.assertGreaterEqual(pages, 3)
        self.assertEqual(names, sorted((c.user, 4 if c is clients[0] else 2, 1) for c in clients))
        with self.refused(108):
            clients[0].members(room, cursor=b"\xff\x00nonsense")
        with self.refused(108, "limit"):
            clients[0].members(room, limit=1001)
        self.assertEqual(len(clients[0].members(room, limit=0)[0]), 5)

    def test_list_with_paging(self):
        alice = self.client(fresh("lister"))
        stem = fresh("shelf")
        rooms = sorted(f"{stem}/{i}" for i in range(7))
        for room in rooms:
            alice.create(room, title=f"Title of {room}", topic="t")
        alice.create(fresh("other"), title=f"about {stem}/0")
        alice.create(f"{stem}/hidden", policy=1)
        found, cursor = [], None
        while True:
            items, cursor = alice.list(title=stem + "/", limit=3, cursor=cursor)
            self.assertLessEqual(len(items), 3)
            found += items
            if cursor is None:
                break
        self.assertEqual([r["room"] for r in found], sorted(r["room"] for r in found))
        self.assertEqual(set(rooms), {r["room"] for r in found if r["room"].startswith(stem)})
        self.assertEqual(len(found), 8)
        self.assertEqual((found[-1]["members"], found[-1]["policy"], found[-1]["topic"]), (1, 16, "t"))
        self.assertEqual(alice.list(title="no such thing at all"), ([], None))
        self.assertEqual(alice.list(title=stem.upper()), ([], None))
        self.assertIn("lobby", [r["room"] for r in alice.list(title="lobby")[0]])
        with self.refused(108):
            alice.list(cursor=b"\xff\x00nonsense")

    def test_items_in_several_frames(self):
        """6.3, 7.14: M on all frames but the last; no frame above 65 536."""
        alice, stem = self.client(fresh("lister")), fresh("large")
        ids = [alice.send("create", room=f"{stem}.{i:03}", topic="t" * 512, title="t" * 128) for i in range(150)]
        for i in ids:
            alice.reply(i)
        frame = alice.request("list", title=stem, limit=1000)
        found, parts = [], len(frame.parts)
        while True:
            found += [item["room"] for part in frame.parts for item in part["items"]]
            for part in frame.parts[:-1]:
                self.assertNotIn("cursor", part.fields)
            if "cursor" not in frame.fields:
                break
            frame = alice.request("list", title=stem, limit=1000, cursor=frame["cursor"])
        self.assertEqual(found, [f"{stem}.{i:03}" for i in range(150)])

    def test_list_default_limit_is_100(self):
        alice = self.client(fresh("lister"))
        stem = fresh("many")
        for i in range(103):
            alice.send_without_reply("create", room=f"{stem}.{i:03}", policy=0)
        seen, cursor = set(), None
        alice.create(f"{stem}.zzz")

        def everything():
            nonlocal seen
            pages, cursor = [], None
            while True:
                items, cursor = alice.list(title=stem, cursor=cursor)
                self.assertLessEqual(len(items), 100)
                pages += items
                if cursor is None:
                    return pages if len(pages) >= 104 else None
        deadline = time.monotonic() + PATIENCE       # creations without reply end some time
        while not (found := everything()):
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(len({r["room"] for r in found}), 104)
        items, cursor = alice.list(title=stem, limit=1000)
        self.assertLessEqual(len(items), 104)

    # Limits

    def test_limits_of_hello(self):
        good = {"agent": "x"}
        cases = [("agent", "x" * 64, "x" * 65), ("caps", ["x"] * 64, ["x"] * 65), ("caps", ["x" * 64], ["x" * 65]),
                 ("device", b"d" * 16, b"d" * 15), ("device", b"d" * 16, b"d" * 17), ("device", b"d" * 16, b""),
                 ("max_frame", 1048576, 1048577), ("agent", "", "ä" * 33), ("max_frame", 0, 2**53)]
        for field, largest, above in cases:
            with self.subTest(field, above=above):
                connection = self.in_state_for(1)
                connection.send(encode("hello", 1, **good | {field: above}))
                frame = read_frame(connection)
                self.assertEqual((frame.get("code"), frame.get("field")), (108, cbp.FIELD_NAMED[field].tag))
                connection.send(encode("hello", 2, **good | {field: largest}))
                self.assertEqual(read_frame(connection).name, "welcome")

    def test_limits_of_auth(self):
        connection = self.in_state_for(3)
        for id_, (fields, code, field) in enumerate((({"mech": "M" * 32}, 202, None), ({"mech": "M" * 33}, 108, "mech"),
                                                     ({"mech": "ANONYMOUS", "sasl": b"a" * 8192}, 400, "sasl"),
                                                     ({"mech": "ANONYMOUS", "sasl": b"a" * 8193}, 108, "sasl"),
                                                     ({"mech": "ANONYMOUS", "sasl": b"a" * 33}, 400, "sasl")), 2):
            connection.send(encode("auth", id_, **fields))
            frame = read_frame(connection)
            self.assertEqual((frame.id, frame.get("code")), (id_, code), fields)
            if field:
                self.assertEqual(frame.get("field"), cbp.FIELD_NAMED[field].tag)
        longest = fresh("n").ljust(32, "x")
        connection.send(encode("auth", 9, mech="ANONYMOUS", sasl=longest.encode()))
        self.assertEqual(read_frame(connection)["user"], longest)

    def test_limits_of_requests(self):
        """18.2: each limit, and one more."""
        cases = [("create", "title", "t" * 128, "t" * 129), ("create", "topic", "t" * 512, "t" * 513), ("join", "tail", 1000, 1001),
                 ("leave", "reason", "r" * 256, "r" * 257), ("list", "limit", 1000, 1001), ("members", "limit", 1000, 1001),
                 ("list", "title", "t" * 128, "t" * 129), ("publish", "mime", "m" * 64, "m" * 65),
                 ("publish", "meta", b"m" * 1024, b"m" * 1025), ("publish", "cmid", os.urandom(8), b"c" * 7),
                 ("publish", "cmid", os.urandom(8), b"c" * 9), ("publish", "age", cbp.MAX_UINT, 2**53), ("publish", "ack", 3, 4),
                 ("publish", "kind", 7, 8), ("publish", "kind", 0, 255), ("publish", "body", "b" * 16384, "b" * 16385),
                 ("dm", "meta", b"m" * 1024, b"m" * 1025), ("dm", "mime", "m" * 64, "m" * 65), ("dm", "body", "", "ä" * 8193),
                 ("join", "epoch", None, 2**53), ("join", "seq", None, 2**53), ("publish", "thread", None, 2**53),
                 ("publish", "reply", 1, 2**53), ("list", "cursor", None, b"c" * 65), ("members", "cursor", None, b"c" * 65)]
        for request, field, largest, above in cases:
            with self.subTest(request, field=field, above=str(above)[:12]):
                client, room = self.client(fresh("limits")), fresh("room")
                fields = {"room": room}
                if request != "create":
                    client.create(room)
                if request in ("publish", "dm"):
                    fields["body"] = "x"
                if request in ("dm", "list"):
                    fields.pop("room")
                if request == "dm":
                    fields["to"] = client.user
                if field in ("epoch", "seq"):
                    fields |= {"epoch": 1, "seq": 1}
                with self.refused(402 if field == "body" else 108, field):
                    client.request(request, **fields | {field: above})
                if largest is not None:
                    client.request(request, **fields | {field: largest})
                client.close()

    def test_grease_field_in_every_request(self):
        """15: a field that nobody knows is skipped wherever it stands."""
        alice, room = self.client(fresh("greased")), fresh("room")
        for request, fields in (("create", {"room": room}), ("join", {"room": room}), ("members", {"room": room}), ("list", {}),
                                ("publish", {"room": room, "body": "x"}), ("dm", {"to": alice.user, "body": "x"}), ("ping", {}),
                                ("leave", {"room": room}), ("auth", {"mech": "ANONYMOUS"})):
            grease = {f"#{number}": os.urandom(5) for number in (0x0F, 0x1F, 0x2F, 0x3F, 0x4F, 0x5F, 0x6F, 0x8F, 300, 20000)}
            with self.subTest(request):
                self.assertNotEqual(alice.request(request, **fields, **grease).name, "error")
        self.assertFalse([e for e in alice.events if any(name.startswith("#") for name in e.fields)])

    # Direct messages

    def test_direct_messages_begun_by_both(self):
        """10: one conversation, one JOINED for each connection, one order for both."""
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        address = conversation(alice.user, bob.user)
        ids = [(c, c.send("dm", to=to.user, body=f"{c.user} {i}")) for i in range(20) for c, to in ((alice, bob), (bob, alice))]
        self.assertEqual(sorted(c.reply(i)["seq"] for c, i in ids), list(range(1, 41)))
        logs = []
        for client in (alice, bob):
            client.next_event("deliver", room=address, seq=40)
            events = [e for e in client.events if e.get("room") == address]
            self.assertEqual([e.name for e in events], ["joined"] + ["deliver"] * 39)
            self.assertEqual(events[0]["next"], 1)
            logs.append([(e["seq"], e["from"], e["body"]) for e in events[1:]])
        self.assertEqual(logs[0], logs[1])
        for name in (alice.user, bob.user):
            mine = [body for _, sender, body in logs[0] if sender == name]
            self.assertEqual(mine, [f"{name} {i}" for i in range(20)][:len(mine)])

    def test_direct_messages(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        address = conversation(alice.user, bob.user)
        with self.refused(404):
            bob.join(address)
        answer = alice.dm(bob.user, "psst")
        self.assertEqual((answer["room"], answer["seq"], answer["ack"]), (address, 1, 1))
        for client in (alice, bob):
            joined = client.next_event("joined", room=address)
            self.assertEqual((joined.id, joined["floor"], joined["next"], joined["policy"]), (0, 1, 1, 64))
            for absent in ("members", "role", "title", "topic"):
                self.assertNotIn(absent, joined.fields)
            got = client.next_event("deliver", room=address)
            self.assertEqual((got["seq"], got["from"], got["body"]), (1, alice.user, "psst"))
        self.assertEqual(bob.dm(alice.user, "what?")["seq"], 2)
        for client in (alice, bob):
            self.assertEqual(client.next_event("deliver", room=address)["body"], "what?")
        self.assertEqual(alice.publish(address, "by address")["seq"], 3)
        self.assertEqual(bob.next_event("deliver", room=address)["from"], alice.user)
        self.assertFalse([e for e in [*alice.events, *bob.events] if e.name == "joined" and e["room"] == address])
        self.assertEqual([m["user"] for m in alice.members(address)[0]], sorted([alice.user, bob.user]))
        for detach in (False, True):
            with self.refused(300):
                alice.leave(address, detach=detach)
        self.assertEqual(alice.list(title=bob.user), ([], None))
        eve = self.client(fresh("eve"))
        for request, fields in (("join", {}), ("members", {}), ("publish", {"body": "x"}), ("leave", {})):
            with self.subTest(request), self.refused(404):
                eve.request(request, room=address, **fields)

    def test_direct_message_read_back(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        for i in range(4):
            alice.dm(bob.user, f"m{i}")
        address = conversation(alice.user, bob.user)
        bob.next_event("deliver", room=address, body="m3")
        bob.events.clear()
        self.assertEqual(bob.join(address, tail=1000)["next"], 1)         # delivery anew
        self.assertEqual([bob.next_event("deliver", room=address)["body"] for _ in range(4)], ["m0", "m1", "m2", "m3"])
        self.assertEqual(bob.join(address, tail=1000)["next"], 5)         # only once

    def test_direct_message_to_oneself_and_to_nobody(self):
        alice = self.client(fresh("alice"))
        address = conversation(alice.user, alice.user)
        self.assertEqual(alice.dm(alice.user, "note")["room"], address)
        alice.next_event("joined", room=address)
        alice.next_event("deliver", room=address, body="note")
        self.assertEqual([m["user"] for m in alice.members(address)[0]], [alice.user])
        with self.refused(405):
            alice.dm("nobody.at.all", "hello?")
        with self.refused(402):
            alice.dm(alice.user, "x" * 16385)

    def test_conversation_ends_with_its_guest(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        name, address = bob.user, conversation(alice.user, bob.user)
        alice.dm(name, "one")
        epoch = alice.next_event("joined", room=address)["epoch"]
        alice.next_event("deliver", room=address)
        bob.leave_broker()
        bob = self.log_in_when_free(name)
        with self.refused(404):
            bob.join(address)
        bob.dm(alice.user, "two")
        again = alice.next_event("joined", room=address)
        self.assertGreater(again["epoch"], epoch)
        self.assertEqual(again["next"], 1)
        self.assertEqual(alice.next_event("deliver", room=address)["body"], "two")

    def log_in_when_free(self, name, **options):
        """Logs in as soon as the connection that had this name is gone."""
        deadline = time.monotonic() + PATIENCE
        while True:
            client = self.client(**options)
            try:
                client.log_in(name)
                return client
            except BrokerError as error:
                client.close()
                if error.code != 408 or time.monotonic() > deadline:
                    raise

    # Renames, devices

    def test_rename(self):
        alice, bob, room = self.two_in_a_room()
        alice.dm(bob.user, "before")
        old, new = bob.user, fresh("bea")
        cmid = os.urandom(8)
        seq = bob.publish(room, "under the old name", cmid)["seq"]
        bob.next_event("joined", room="lobby")
        self.assertEqual(bob.authenticate(new)["user"], new)
        for where in (room, "lobby"):
            notice = alice.next_event("deliver", room=where, kind=38, user=old)
            self.assertEqual(notice["from"], new)
        bob.publish(room, "under the new name")
        self.assertEqual(alice.next_event("deliver", body="under the new name")["from"], new)
        again = bob.publish(room, "whatever", cmid)
        self.assertEqual((again["seq"], again.get("dup")), (seq, True))
        self.assertIn(new, [m["user"] for m in alice.members(room)[0]])
        self.assertNotIn(old, [m["user"] for m in alice.members("lobby", limit=1000)[0]])
        with self.refused(404):
            bob.publish(conversation(alice.user, old), "gone")
        with self.refused(405):
            alice.dm(old, "who?")
        self.assertEqual(self.client(old).user, old)
        self.assertEqual(bob.authenticate(new)["user"], new)
        self.assertEqual(bob.authenticate("")["user"], new)
        self.assertFalse([e for e in bob.events if e.name == "joined" and e["room"] == "lobby"])
        with self.refused(408):
            bob.authenticate(old)
        with self.refused(400):
            bob.authenticate("NO")
        with self.refused(202):
            bob.request("auth", mech="PLAIN", sasl=b"x")

    def test_session_is_unchanged_by_a_rename(self):
        client = self.client()
        session = client.log_in(fresh("before"))["session"]
        self.assertEqual(client.authenticate(fresh("after"))["session"], session)
        self.assertEqual(client.authenticate("")["session"], session)

    def test_owner_stays_owner_after_a_rename(self):
        alice, bob, room = self.two_in_a_room()
        alice.authenticate(fresh("owner"))
        self.assertEqual({m["user"]: m["role"] for m in bob.members(room)[0]}[alice.user], 4)

    def test_own_device_takes_over(self):
        device, name, room = os.urandom(16), fresh("mobile"), fresh("room")
        old = self.client(name, device=device)
        old.create(room)
        old.join(room)
        cmid = os.urandom(8)
        seq = old.publish(room, "once", cmid)["seq"]
        position = old.positions[room].epoch, seq - 1
        friend, other = self.client(fresh("friend")), self.client(device=os.urandom(16))
        friend.dm(name, "before")
        with self.refused(408):
            other.log_in(name)
        new = self.client(name, device=device, resume=[room])
        with self.assertRaises(Goodbye) as caught:
            old.wait(lambda: False)
        self.assertEqual((caught.exception.code, caught.exception.frame.get("end")), (208, True))
        self.assertEqual({m["user"]: m["role"] for m in new.members(room)[0]}, {name: 4})
        self.assertEqual(new.join(conversation(friend.user, name), tail=5)["next"], 1)
        self.assertEqual(new.next_event("deliver", body="before")["from"], friend.user)
        with self.refused(407):
            new.leave(room, detach=True)
        answer = new.reply(new.send("publish", flags=cbp.RETRY, room=room, body="once", cmid=cmid, age=100))
        self.assertEqual((answer["seq"], answer.get("dup")), (seq, True))
        self.assertEqual(new.join(room, position, tail=1000)["next"], seq)
        self.assertEqual(new.next_event("deliver", room=room)["cmid"], cmid)

    # Cursors

    def filled_room(self, count=10):
        room = fresh("log")
        writer = self.client(fresh("writer"))
        writer.create(room, policy=0)
        joined = writer.join(room)
        for i in range(count):
            head = writer.publish(room, f"m{i}")["seq"]
        return writer, room, joined["epoch"], head

    def received(self, client, room, count):
        return [client.next_event("deliver", room=room)["seq"] for _ in range(count)]

    def test_resume_after_a_reconnect(self):
        writer, room, epoch, head = self.filled_room(3)
        name = fresh("reader")
        reader = self.client(name)
        reader.join(room, tail=2)
        self.assertEqual(self.received(reader, room, 2), [head - 1, head])
        cursor = reader.positions[room].cursor
        self.assertEqual(cursor, (epoch, head))
        reader.close()
        for i in range(5):
            writer.publish(room, f"missed {i}")
        reader = self.log_in_when_free(name, resume=[room])
        joined = reader.join(room, cursor, tail=1000)
        self.assertEqual((joined["epoch"], joined["next"], joined["head"]), (epoch, head + 1, head + 5))
        self.assertEqual(self.received(reader, room, 5), list(range(head + 1, head + 6)))
        writer.publish(room, "live")
        self.assertEqual(reader.next_event("deliver", room=room)["body"], "live")

    def test_resume_the_lobby(self):
        """8.5, step 4: the events between the two JOINED come again, and only once to the user."""
        writer, reader = self.client(fresh("writer")), self.client(fresh("reader"))
        name = reader.user
        reader.wait(lambda: "lobby" in reader.positions)          # attached, perhaps on another loop
        writer.publish("lobby", "one")
        reader.next_event("deliver", body="one")
        cursor = reader.positions["lobby"].cursor
        reader.close()
        reader = self.log_in_when_free(name, resume=["lobby"])
        mark = fresh("mark")
        writer.publish("lobby", mark)
        joined = reader.join("lobby", cursor, tail=1000)
        self.assertEqual(joined["next"], cursor[1] + 1)
        reader.next_event("deliver", room="lobby", body=mark)
        seqs = [e["seq"] for e in reader.events if e.name == "deliver" and e["room"] == "lobby"]
        self.assertEqual(seqs[0], cursor[1] + 1)

    def test_lobby_starts_anew_once(self):
        """7.10: the first successful JOIN with `tail` or a cursor, of a room that the broker attached."""
        reader, writer = self.client(fresh("reader")), self.client(fresh("writer"))
        reader.wait(lambda: "lobby" in reader.positions)          # attached, perhaps on another loop
        for i in range(5):
            writer.publish("lobby", f"l{i}")
        reader.next_event("deliver", room="lobby", body="l4")
        epoch = reader.positions["lobby"].epoch
        with self.refused(600):
            reader.join("lobby", (epoch + 1, 0))                                            # not successful
        reader.events.clear()
        joined = reader.join("lobby", tail=3)
        self.assertEqual(joined["next"], joined["head"] + 1 - 3)
        self.assertEqual([reader.next_event("deliver", room="lobby")["seq"] for _ in range(3)][-1], joined["head"])
        again = reader.join("lobby", tail=3)
        self.assertEqual(again["next"], again["head"] + 1)

    def test_lobby_starts_anew_after_a_join_without_tail(self):
        """7.10: such a JOIN is not the first with `tail` or a cursor."""
        reader = self.client(fresh("reader"))
        for i in range(5):
            reader.publish("lobby", f"l{i}")
        reader.join("lobby")
        joined = reader.join("lobby", tail=3)
        self.assertEqual(joined["next"], joined["head"] + 1 - 3)

    def test_tail(self):
        writer, room, epoch, head = self.filled_room(10)
        for tail, count in ((0, 0), (3, 3), (1000, head), (None, 0)):
            with self.subTest(tail):
                reader = self.client(fresh("reader"))
                joined = reader.join(room, tail=tail)
                self.assertEqual((joined["head"], joined["floor"], joined["next"]), (head, 1, head + 1 - count))
                self.assertEqual(self.received(reader, room, count), list(range(head + 1 - count, head + 1)))
                again = reader.join(room, tail=5)          # attached: nothing changes
                self.assertEqual(again["next"], head + 1)
                reader.close()

    def test_cursor_and_tail(self):
        writer, room, epoch, head = self.filled_room(10)
        for seq, tail, following in ((head, None, head + 1), (head - 4, None, head - 3), (0, None, 1), (0, 3, head - 2),
                                     (head - 3, 3, head - 2), (head - 4, 3, head - 2), (head, 0, head + 1),
                                     (head - 1, 0, head + 1)):
            with self.subTest(seq=seq, tail=tail):
                reader = self.client(fresh("reader"))
                self.assertEqual(reader.join(room, (epoch, seq), tail)["next"], following)
                self.assertEqual(self.received(reader, room, head + 1 - following), list(range(following, head + 1)))
                reader.close()

    def test_floor(self):
        """8.1: 128 events are retained; a cursor before them gives a greater `next`."""
        writer, room, epoch, head = self.filled_room(140)
        reader = self.client(fresh("reader"))
        joined = reader.join(room, (epoch, 1), tail=1000)
        self.assertEqual((joined["head"], joined["floor"], joined["next"]), (head, head - 127, head - 127))
        self.assertEqual(self.received(reader, room, 128), list(range(head - 127, head + 1)))
        reader = self.client(fresh("reader"))
        self.assertEqual(reader.join(room, (epoch, 1))["next"], head - 99)

    def test_wrong_epoch_and_cursor_ahead(self):
        writer, room, epoch, head = self.filled_room(3)
        reader = self.client(fresh("reader"))
        with self.refused(600) as caught:
            reader.join(room, (epoch + 1, 0))
        frame = caught.exception.frame
        self.assertEqual((frame["epoch"], frame["head"], frame["floor"]), (epoch, head, 1))
        with self.refused(601):
            reader.join(room, (epoch, head + 1))
        with self.refused(407):                             # the membership is as before
            reader.members(room)
        with self.refused(407):
            reader.leave(room, detach=True)
        self.assertEqual(reader.join(room)["next"], head + 1)

    def test_half_a_cursor(self):
        reader = self.client(fresh("reader"))
        with self.refused(104, "epoch"):
            reader.request("join", room="lobby", seq=0)
        with self.refused(104, "seq"):
            reader.request("join", room="lobby", epoch=5)

    def test_cursor_when_attached(self):
        """7.10: JOIN of a room attached changes nothing; a cursor is refused as ever."""
        writer, room, epoch, head = self.filled_room(3)
        reader = self.client(fresh("reader"))
        reader.join(room)
        for cursor, code in (((epoch + 1, 0), 600), ((epoch, head + 1), 601)):
            with self.refused(code):
                reader.join(room, cursor)
        for cursor, tail in (((epoch, 0), None), ((epoch, head), 1000), (None, 3), ((epoch, 1), 2)):
            with self.subTest(cursor, tail=tail):
                self.assertEqual(reader.join(room, cursor, tail)["next"], head + 1)
        writer.publish(room, "once")
        self.assertEqual(self.received(reader, room, 1), [head + 1])
        self.assertFalse([e for e in reader.events if e.get("room") == room])

    def test_refused_join_changes_nothing(self):
        """6.3: no notice of a JOIN that failed, no membership."""
        alice, bob, room = self.two_in_a_room()
        eve = self.client(fresh("eve"))
        position = alice.join(room)
        for cursor in ((position["epoch"] + 1, 0), (position["epoch"], position["head"] + 5)):
            with self.assertRaises(BrokerError):
                eve.join(room, cursor)
        again = alice.join(room)
        self.assertEqual((again["head"], again["members"]), (position["head"], 2))

    def test_own_joining_is_delivered(self):
        """8.4: where joins are logged, `head` and `members` count the newcomer, and the event follows what is replayed."""
        alice, bob, room = self.two_in_a_room()
        for number, fields in enumerate(({}, {"tail": 0}, {"tail": 2}, {"cursor": (alice.join(room)["epoch"], 1)})):
            with self.subTest(fields):
                eve, head = self.client(fresh("eve")), alice.join(room)["head"]
                joined = eve.join(room, **fields)
                self.assertEqual((joined["head"], joined["members"]), (head + 1, 3 + number))
                self.assertEqual(joined["next"], head + 1 - fields.get("tail", 0) if "cursor" not in fields else 2)
                own = eve.next_event("deliver", room=room, seq=head + 1)
                self.assertEqual((own.get("kind"), own["user"]), (32, eve.user))
                for seq in range(joined["next"], head + 1):
                    self.assertEqual(eve.next_event("deliver", room=room)["seq"], seq)

    def test_joining_a_full_ring(self):
        """8.3, 8.4: one's own joining may push an event out of a full memory; then LAG names it, and nothing else is missing."""
        writer, room = self.client(fresh("writer")), fresh("full")
        writer.create(room)
        writer.join(room)
        for i in [writer.send("publish", room=room, body="x") for i in range(200)]:
            head = writer.reply(i)["seq"]
        for _ in range(5):
            reader = self.client(fresh("reader"))
            joined = reader.join(room, tail=1000)
            self.assertGreaterEqual(joined["next"], joined["floor"])
            reader.next_event("deliver", room=room, seq=joined["head"])
            lags = [(e["from_seq"], e["to_seq"]) for e in reader.events if e.name == "lag"]
            self.assertIn(lags, ([], [(joined["next"], joined["next"])]))

    # Retries

    def test_duplicate(self):
        alice, bob, room = self.two_in_a_room()
        cmid = os.urandom(8)
        first = alice.publish(room, "once", cmid)
        second = alice.publish(room, "another body", cmid)
        self.assertNotIn("dup", first.fields)
        self.assertEqual((second.get("dup"), second["seq"], second["ts"]), (True, first["seq"], first["ts"]))
        self.assertNotIn("dup", bob.publish(room, "mine", cmid).fields)     # for each account
        bodies = [bob.next_event("deliver", room=room, from_=alice.user)["body"]]
        alice.publish(room, "end")
        bodies.append(bob.next_event("deliver", room=room, from_=alice.user, kind=None)["body"])
        self.assertEqual(bodies, ["once", "end"])
        direct = [alice.dm(bob.user, "x", cmid) for _ in range(2)]
        self.assertEqual([d.get("dup") for d in direct], [None, True])

    def test_duplicates_in_one_segment(self):
        connection, room, cmid = self.raw_ready(), fresh("room"), os.urandom(8)
        connection.send(encode("create", 3, room=room) + encode("publish", 0, room=room, body="x", cmid=cmid)
                        + b"".join(encode("publish", i, room=room, body="x", cmid=cmid, flags=cbp.RETRY * (i % 2)) for i in range(4, 9)))
        frames = {f.id: f for f in (read_frame(connection) for _ in range(6))}
        self.assertEqual([(frames[i].get("seq"), frames[i].get("dup")) for i in range(4, 9)], [(2, True)] * 5)

    def test_retry_too_old(self):
        alice, bob, room = self.two_in_a_room()
        retry = {"room": room, "body": "x", "age": 500_000}
        with self.refused(602):                              # before the log-in of the account
            alice.reply(alice.send("publish", flags=cbp.RETRY, **retry, cmid=os.urandom(8)))

    def test_retry_in_a_conversation_not_begun(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        with self.refused(602):
            alice.reply(alice.send("dm", flags=cbp.RETRY, to=bob.user, body="x", cmid=os.urandom(8), age=1))

    def test_retry_without_age_or_age_without_retry(self):
        alice, bob, room = self.two_in_a_room()
        answer = alice.reply(alice.send("publish", flags=cbp.RETRY, room=room, body="x", cmid=os.urandom(8)))
        self.assertNotIn("dup", answer.fields)
        self.assertNotIn("dup", alice.publish(room, "x", age=500_000).fields)

    def test_retry_without_cmid(self):
        alice, bob, room = self.two_in_a_room()
        for request, where in (("publish", {"room": room}), ("dm", {"to": bob.user})):
            with self.subTest(request), self.refused(104, "cmid"):
                alice.reply(alice.send(request, flags=cbp.RETRY, body="x", **where))

    def test_ref_is_refused(self):
        """18.5, 9.1: ref (07) is unknown; critical: 103, and it reaches nobody."""
        connection = self.raw_ready()
        for name, where in (("publish", encode_field(1, True, b"lobby")), ("dm", b"")):
            for kind in (b"", encode_field(5, True, b""), encode_field(5, True, b"\3"), encode_field(5, True, b"\7")):
                with self.subTest(name, kind=kind):
                    to = encode_field(0x20, True, b"nobody") if name == "dm" else b""
                    payload = where + kind + encode_field(7, True, b"\1") + encode_field(0x10, False, b"hi") + to
                    connection.send(encode_header(len(payload), cbp.FRAME_NAMED[name].number, 0, 5) + payload)
                    frame = read_frame(connection)
                    self.assertEqual((frame.name, frame.get("code"), frame.get("field")), ("error", 103, 7), frame)
                    connection.close()
                    connection = self.raw_ready()

    def test_acknowledgement_levels(self):
        alice, bob, room = self.two_in_a_room()
        for ack in (1, 2, 3):
            self.assertEqual(alice.publish(room, "x", ack=ack)["ack"], 1)
        with self.refused(108, "ack"):
            alice.publish(room, "x", ack=0)
        with self.refused(108, "ack"):
            alice.publish(room, "x", ack=4)

    # Contents

    def test_pong_repeats_ts(self):
        connection = self.raw_ready()
        for ts in (None, 0, 1, 255, 256, cbp.MAX_UINT):
            connection.send(encode("ping", 9, ts=ts))
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.fields), ("pong", 9, {} if ts is None else {"ts": ts}))

    def test_bad_text(self):
        alice, bob, room = self.two_in_a_room()
        bad = [b"\x1b[2J", b"a\0b", b"\r\n", b"\x7f", b"\xc2\x80", b"\xc2\x9f", b"\xff", b"\xc3", b"\xc0\xaf",
               b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"] + [bytes([c]) for c in range(32) if c not in (9, 10)]
        for text in bad:
            with self.subTest(text):
                for request, field in (("publish", "body"), ("publish", "mime"), ("create", "title"), ("create", "topic")):
                    with self.refused(401, field):
                        alice.request(request, **{"room": room, field: text} | ({"body": b"x"} if field == "mime" else {}))
                with self.refused(401, "body"):
                    alice.request("dm", to=bob.user, body=text)
                with self.refused(401, "reason"):
                    bob.request("leave", room=room, reason=text)
        for text in ("\t\n", "\u00a0", "\ud7ff", "\ue000", "\U0010ffff", "\ufeff", "\u202e", "😀"):
            alice.publish(room, text)
            self.assertEqual(bob.next_event("deliver", body=text)["from"], alice.user)

    def test_body_limit(self):
        alice, bob, room = self.two_in_a_room()
        alice.publish(room, "x" * 16384, meta=b"m" * 1024, mime="m" * 64)
        self.assertEqual(len(bob.next_event("deliver", body="x" * 16384)["body"]), 16384)
        with self.refused(402, "body"):
            alice.publish(room, "x" * 16385)
        with self.refused(108, "meta"):
            alice.publish(room, "x", meta=b"m" * 1025)

    # The stream

    def test_pipelined_in_one_segment(self):
        """The whole session of section 1, and more, in one write."""
        name, room = fresh("pipe"), fresh("piped")
        connection = self.connection()
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=name.encode()))
        self.assertEqual(read_frame(connection, "auth_ok")["user"], name)
        connection.send(encode("create", 3, room=room) + encode("join", 4, room=room)
                        + b"".join(encode("publish", 10 + i, room=room, body=f"{i}") for i in range(100))
                        + encode("members", 5, room=room))
        order, delivered = [], []
        while len(order) < 103 or len(delivered) < 100:
            frame = interpret(connection.read(PATIENCE))
            self.assertNotEqual(frame.name, "error", frame)
            if frame.name == "deliver" and frame["room"] == room and frame.get("kind") is None:
                delivered.append(frame["body"])
            elif frame.id:
                order.append(frame.id)
        self.assertEqual(sorted(order), [3, 4, 5] + list(range(10, 110)))
        self.assertEqual(delivered, [f"{i}" for i in range(100)])

    def test_leave_in_the_segment_of_the_publishes(self):
        """7.12: no DELIVER after OK. Whether those before it must all come, the document does not say."""
        connection, room = self.raw_ready(), fresh("brief")
        connection.send(encode("create", 3, room=room) + encode("join", 4, room=room)
                        + b"".join(encode("publish", 10 + i, room=room, body=f"{i}") for i in range(5))
                        + encode("leave", 6, room=room) + encode("ping", 7))
        frames, ids = [], set()
        while len(ids) < 9:
            raw = connection.read(PATIENCE)
            if raw[0][1] == 0x22 or raw[0][3]:
                frames.append(interpret(raw))
                ids |= {frames[-1].id} - {0}
        delivered = [f["body"] for f in frames if f.name == "deliver" and f["room"] == room and "body" in f.fields]
        last = [f.id for f in frames].index(6)
        self.assertFalse([f for f in frames[last:] if f.name == "deliver" and f["room"] == room])
        self.assertEqual(delivered, [f"{i}" for i in range(len(delivered))])     # without a gap, as far as they go

    def test_one_octet_per_segment(self):
        name, room = fresh("slow"), fresh("drip")
        connection = self.connection()

        def drip(octets):
            for i in range(len(octets)):
                connection.send(octets[i:i + 1])
        drip(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=name.encode()))
        self.assertEqual(read_frame(connection).name, "welcome")
        self.assertEqual(read_frame(connection)["user"], name)
        drip(encode("create", 3, room=room) + encode("join", 4, room=room))
        self.assertEqual([read_frame(connection).id for _ in range(2)], [3, 4])
        drip(encode("publish", 5, room=room, body="drop by drop"))
        self.assertEqual(read_frame(connection, "published").id, 5)
        drip(encode("goodbye", code=0))
        self.assertNotIn("goodbye", [f.name for f in read_to_end(connection)])

    def test_odd_cuts(self):
        """Three frames cut at every place into two segments."""
        connection = self.raw_ready()
        octets = encode("ping", 1, ts=5) + encode("list", 2, limit=1) + encode("ping", 3)
        for cut in range(1, len(octets)):
            connection.send(octets[:cut])
            connection.send(octets[cut:])
            self.assertEqual(sorted(read_frame(connection).id for _ in range(3)), [1, 2, 3])

    def test_grease(self):
        connection = self.connection()
        hello = (encode_field(0x30, False, b"grease/1") + encode_field(0x31, False, b"\x0agrease-q7z\x03x-y")
                 + encode_field(0x3F, False, b"\xde\xad\xbe\xef") + encode_field(0x8F, False, b"\0")
                 + encode_field(20000, False, b"z" * 100))
        grease = b"".join(encode_header(3, t, 0, 0) + b"\xff\xff\xff" for t in (0x0F, 0x1F, 0x3E, 0x7F, 0xC0, 0xFE, 0xFF))
        connection.send(cbp.PREFACE + grease + encode_header(len(hello), 1, 0x0C, 1) + hello + grease)
        welcome = read_frame(connection)
        self.assertEqual(welcome.name, "welcome")
        connection.send(grease + encode("auth", 2, mech="ANONYMOUS", flags=0x0C))
        self.assertEqual(read_frame(connection).name, "auth_ok")
        ping = encode_field(0x0F, False, b"x" * 1000) + encode_field(0xFF, False, b"")
        connection.send(grease + encode_header(len(ping), 6, 0x08, 4) + ping + grease)
        self.assertEqual((read_frame(connection).name), "pong")
        connection.send(encode_header(1, 0x1F, 0, 7) + b"\xff" + encode_header(1, 0x2F, 0x40, 8) + b"\xff")
        for id_ in (7, 8):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame["code"]), ("error", id_, 102))
        self.assert_alive(connection)
        body = encode_field(1, True, b"lobby") + encode_field(0x10, False, b"greased") + encode_field(0x7D, False, b"\xff")
        connection.send(encode_header(len(body), 0x20, 0, 9) + body)
        self.assertEqual(read_frame(connection).name, "published")

    def test_reserved_types(self):
        reserved = "0B 0C 0D 0E 17 18 19 1A 24 25 27 28 29 2A 30 31 32 33 34 35 38 39"
        for type_ in bytes.fromhex(reserved):
            with self.subTest(hex(type_)):
                connection = self.raw_ready()
                connection.send(encode_header(1, type_, 0, 9) + b"\xff" + encode_header(1, type_, 0, 0) + b"\xff")
                frame = read_frame(connection)
                self.assertEqual((frame.name, frame.id, frame["code"]), ("error", 9, 102), hex(type_))
                self.assert_alive(connection)
                connection.close()

    @unittest.expectedFailure       # open: the core counts every code of the hundred 1, and forgives one more than configured
    def test_unknown_types_end_no_connection(self):
        """4: ERROR 102, and the connection goes on; 102 is not among the errors counted by section 5."""
        connection = self.raw_ready()
        for _ in range(12):
            connection.send(encode_header(0, 0x3E, 0, 9))
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame["code"]), ("error", 9, 102), frame)
        self.assert_alive(connection)

    @unittest.expectedFailure       # open: the core counts every code of the hundred 1, and forgives one more than configured
    def test_other_errors_end_no_connection(self):
        """5: only 101, 103, 104 and 108 count as faulty payloads."""
        connection = self.raw_ready()
        for octets, code in ((encode("join", 9, room="NO"), 400), (encode("publish", 9, room="lobby", body=b"\xff"), 401),
                             (encode("publish", 9, room="lobby", body="x" * 16385), 402), (HELLO, 106),
                             (encode("join", 9, room="no.such"), 404)):
            for _ in range(12):
                connection.send(octets)
                self.assertEqual(read_frame(connection).get("code"), code)

    def test_oversize_frames(self):
        filler = encode_field(0x6F, False, b"x" * 16000)
        size = 16384 - len(filler) - 8
        payload = encode_field(0x30, False, b"big/1") + filler + encode_field(0x7D, False, b"y" * (size - 2))
        self.assertLessEqual(len(payload), 16384)
        connection = self.connection()
        connection.send(cbp.PREFACE + encode_header(len(payload), 1, 0, 1) + payload)
        self.assertEqual(read_frame(connection).name, "welcome")
        connection.send(encode_header(16385, 6, 0, 1))
        self.assert_goodbye(connection, 105)
        connection = self.raw_ready()
        payload = encode_field(0x6F, False, b"x" * (65536 - 5))
        self.assertEqual(len(payload), 65536)
        connection.send(encode_header(65536, 6, 0, 1) + payload)
        self.assertEqual(read_frame(connection).name, "pong")
        connection.send(encode("ping", 7) + encode_header(65537, 6, 0, 1))
        self.assertEqual(read_frame(connection).id, 7)           # what came before is answered
        self.assert_goodbye(connection, 105)

    # Ids

    def test_id_0(self):
        alice, bob, room = self.two_in_a_room()
        bob.send_without_reply("publish", room=room, body="quietly", ack=1)
        alice.next_event("deliver", room=room, body="quietly")
        bob.send_without_reply("publish", room=fresh("nowhere"), body="x")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error.get("type"), error.get("room", "")[:7]), (404, 0x20, "nowhere"))
        bob.send_without_reply("dm", to="nobody.at.all", body="x")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error.get("type")), (405, 0x23))
        mine = fresh("mine")
        bob.send_without_reply("create", room=mine)
        bob.send_without_reply("join", room=mine)
        joined = bob.next_event("joined", room=mine)
        self.assertEqual((joined.id, joined["role"]), (0, 4))
        bob.send_without_reply("leave", room=mine)
        bob.publish("lobby", "x")
        with self.refused(407):
            bob.publish(mine, "x")
        bob.send_without_reply("join", room=mine, epoch=1, seq=1)
        error = bob.next_event("error")
        self.assertEqual((error["code"], error["type"], error["room"]), (600, 0x10, mine))
        self.assertIn("head", error.fields)
        bob.send_without_reply("ping")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error["type"]), (108, 6))
        bob.send_without_reply("auth", mech="ANONYMOUS")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error["type"]), (108, 3))
        bob.connection.send(encode_header(3, 6, 0, 0) + b"\xff\xff\xff")     # before the payload
        self.assertEqual(bob.next_event("error")["code"], 108)
        bob.send_without_reply("list")
        bob.send_without_reply("members", room=room)
        self.assertEqual(bob.ping().name, "pong")
        self.assertFalse([e for e in bob.events if e.name == "error"])

    def test_id_used_again_after_its_reply(self):
        connection = self.raw_ready()
        for _ in range(20):
            connection.send(encode("list", 0xFFFFFF, limit=1))
            self.assertEqual(read_frame(connection).id, 0xFFFFFF)

    def test_id_used_again_before_its_reply(self):
        """GOODBYE 109, if the first was not answered yet; both are answered otherwise."""
        connection = self.raw_ready()
        connection.send(b"".join(encode("publish", 5, room="lobby", body="x") for _ in range(50)))
        replies = 0
        with contextlib.suppress(Closed):
            while replies < 50:
                frame = read_frame(connection)
                if frame.name == "goodbye":
                    self.assertEqual(frame["code"], 109)
                    return
                self.assertEqual((frame.name, frame.id), ("published", 5))
                replies += 1
        self.assertEqual(replies, 50, "closed without GOODBYE")

    def test_id_used_again_in_one_segment(self):
        """4: a room on the other loop has certainly not answered yet."""
        if self.loops == 1:
            self.skipTest("with one loop the first may be answered before the second is read")
        ends = []
        for _ in range(12):
            connection, room = self.raw_ready(), fresh("room")
            connection.send(encode("create", 3, room=room))
            self.assertEqual(read_frame(connection).id, 3)
            connection.send(encode("publish", 5, room=room, body="x") + encode("publish", 5, room=room, body="y") + encode("goodbye", code=0))
            frames = [f for f in read_to_end(connection) if f.name not in ("deliver", "joined")]
            self.assertEqual((frames[0].name, frames[0].id), ("published", 5))
            ends.append((frames[-1].name, frames[-1].get("code")))
            connection.close()
        self.assertIn(("goodbye", 109), ends)
        self.assertLessEqual(set(ends), {("goodbye", 109), ("published", None)})

    def test_seven_faults_are_survived(self):
        connection = self.raw_ready()
        for i in range(7):
            connection.send(encode_header(1, 6, 0, 3) + b"\x03")
            self.assertEqual(read_frame(connection)["code"], 101)
        self.assert_alive(connection)
        connection.send(encode_header(1, 6, 0, 3) + b"\x03" + encode("ping", 4))
        self.assertEqual(read_frame(connection)["code"], 101)
        frame = read_frame(connection)
        self.assertTrue(frame.name == "pong" or frame["code"] == 112, frame)

    # The end

    def test_fatal_frame_ends_after_the_answers(self):
        """6.5: the frames before the faulty one are answered, GOODBYE is the last frame, and input behind it destroys nothing."""
        faults = ((encode_header(65537, 6, 0, 9), 105), (encode_header(0, 6, 0x20, 9), 113), (encode_header(0, 0x3E, 0x40, 0), 102))
        for octets, code in faults:
            with self.subTest(code):
                connection, rooms = self.raw_ready(), [fresh("room") for _ in range(8)]
                connection.send(b"".join(encode("create", 10 + i, room=room) + encode("publish", 20 + i, room=room, body="x" * 1000)
                                         + encode("join", 30 + i, room=room, tail=5) for i, room in enumerate(rooms))
                                + encode("list", 40) + encode("ping", 41) + octets + b"\xff" * 300_000)
                frames = read_to_end(connection)
                self.assertEqual((frames[-1].name, frames[-1].get("code"), frames[-1].id), ("goodbye", code, 0))
                self.assertEqual(sorted(f.id for f in frames if f.id and not f.flags & cbp.MORE),
                                 [*range(10, 18), *range(20, 28), *range(30, 38), 40, 41])

    def test_goodbye_of_the_client(self):
        connection = self.raw_ready()
        connection.send(encode("publish", 3, room="lobby", body="bye") + encode("list", 4, limit=1)
                        + encode("goodbye", code=0) + encode("ping", 5))
        frames = read_to_end(connection)
        self.assertEqual({f.id for f in frames if f.id}, {3, 4})
        self.assertNotIn("goodbye", [f.name for f in frames])

    def test_goodbye_in_every_state(self):
        for before in (cbp.PREFACE, cbp.PREFACE + HELLO):
            connection = self.connection()
            connection.send(before + encode("goodbye", code=0))
            self.assertNotIn("goodbye", [f.name for f in read_to_end(connection)])

    def test_half_close(self):
        """6.5: as without GOODBYE; the account ends."""
        if self.secure:
            self.skipTest("the ssl module cannot close one direction")
        alice, name = self.client(fresh("alice")), fresh("half")
        alice.wait(lambda: "lobby" in alice.positions)
        connection = self.raw_ready(wish=name)
        connection.sock.shutdown(socket.SHUT_WR)
        read_to_end(connection)
        alice.next_event("deliver", room="lobby", kind=33, user=name)

    def test_end_is_noticed(self):
        alice, bob, room = self.two_in_a_room()
        name = bob.user
        bob.close()
        alice.next_event("deliver", room=room, kind=33, user=name)
        self.assertEqual(self.log_in_when_free(name).user, name)
        self.assertEqual([m["user"] for m in alice.members(room)[0]], [alice.user])


class OneLoop(Sessions, Case):
    pass


class TwoLoops(Sessions, Case):
    loops = 2


class OneLoopTLS(Sessions, Case):
    secure = True


class TwoLoopsTLS(Sessions, Case):
    loops, secure = 2, True


# --- First octets and TLS -----------------------------------------------------------------

class FirstOctets(Case):
    @classmethod
    def setUpClass(cls):
        cls.broker = _shared[2]

    def socket(self):
        sock = socket.create_connection((self.broker.host, self.broker.port), PATIENCE)
        self.addCleanup(sock.close)
        return sock

    def test_line_noise(self):
        bystander = self.client(fresh("bystander"))
        noise = [b"\0" * 64, b"\xff" * 64, b"hello\r\n\r\n", b"SSH-2.0-x\r\n", b"\xb3CBQ\x01\x01\0\0", b"\xb3CB\0",
                 bytes(range(256)) * 20, b"\xb3\xb3CBP\x01\x01\0\0"]
        for octets in noise:
            with self.subTest(octets[:16]):
                sock = self.socket()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    sock.sendall(octets)
                self.assertEqual(raw_to_end(sock), b"")
                self.assertEqual(bystander.ping().name, "pong")

    def test_http(self):
        bystander = self.client(fresh("bystander"))
        for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"):
            with self.subTest(method):
                sock = self.socket()
                sock.sendall(f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                answer = raw_to_end(sock)
                if answer:
                    self.assertRegex(answer, rb"^HTTP/1\.[01] [45]\d\d ")
                self.assertEqual(bystander.ping().name, "pong")

    def test_broken_tls(self):
        bystander = self.client(fresh("bystander"))
        for octets in (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x16\x03" + b"\xff" * 200):
            sock = self.socket()
            sock.sendall(octets)
            answer = raw_to_end(sock)
            self.assertIn(answer[:1], (b"", b"\x15"))            # at most a TLS alert
            self.assertEqual(bystander.ping().name, "pong")

    def tls_session(self, context):
        connection = Connection(self.broker.host, self.broker.port, context)
        self.addCleanup(connection.close)
        client = Client(connection)
        client.log_in("")
        return client

    def test_tls_versions_and_alpn(self):
        file = str(_shared["certificate"].certificate)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = cbp.tls_context(file)
                context.minimum_version = context.maximum_version = version
                client = self.tls_session(context)
                self.assertEqual(client.connection.sock.selected_alpn_protocol(), "cbp/1")
        with self.subTest("no ALPN"):
            client = self.tls_session(ssl.create_default_context(cafile=file))
            self.assertIsNone(client.connection.sock.selected_alpn_protocol())
        with self.subTest("several"):
            context = cbp.tls_context(file)
            context.set_alpn_protocols(["h2", "cbp/1"])
            self.assertEqual(self.tls_session(context).connection.sock.selected_alpn_protocol(), "cbp/1")
        with self.subTest("another ALPN"):
            context = cbp.tls_context(file)
            context.set_alpn_protocols(["h2", "http/1.1"])
            with self.assertRaises(ssl.SSLError) as caught:
                self.tls_session(context)
            self.assertIn("NO_APPLICATION_PROTOCOL", str(caught.exception).upper().replace(" ", "_"))

    def test_old_tls_is_refused(self):
        context = cbp.tls_context(str(_shared["certificate"].certificate))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.tls_session(context)

    def test_nothing_else_inside_tls(self):
        """3.3: what is not the preface gets at most an HTTP error, ALPN or not."""
        file = str(_shared["certificate"].certificate)
        for context in (cbp.tls_context(file), ssl.create_default_context(cafile=file)):
            for octets in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"hello\n", b"\0" * 9):
                with self.subTest(octets[:8]):
                    sock = context.wrap_socket(self.socket(), server_hostname="localhost")
                    sock.sendall(octets)
                    answer = raw_to_end(sock)
                    if answer:
                        self.assertRegex(answer, rb"^HTTP/1\.[01] [45]\d\d ")
                    sock.close()

    def test_tls_octet_by_octet(self):
        """17.2: any split, under TLS too: records cut at every place."""
        context = cbp.tls_context(str(_shared["certificate"].certificate))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls, sock = context.wrap_bio(incoming, outgoing, server_hostname="localhost"), self.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(PATIENCE)

        def until(act):
            while True:
                try:
                    result = act()
                    wants = False
                except ssl.SSLWantReadError:
                    wants = True
                for octet in outgoing.read():
                    sock.send(bytes([octet]))
                if not wants:
                    return result
                octets = sock.recv(65536)
                self.assertTrue(octets, "closed")
                incoming.write(octets)
        until(tls.do_handshake)
        for octets in (cbp.PREFACE + HELLO, encode("auth", 2, mech="ANONYMOUS"), encode("ping", 3)):
            until(lambda: tls.write(octets))
        decoder, names = cbp.Decoder(), []
        decoder.feed(until(lambda: tls.read(65536)))
        while "pong" not in names:
            if decoder.buffer[:4] == cbp.PREFACE[:4]:
                del decoder.buffer[:8]
            while raw := decoder.next():
                names.append(interpret(raw).name)
            if "pong" not in names:
                decoder.feed(until(lambda: tls.read(65536)))
        self.assertEqual([n for n in names if n not in ("joined", "deliver")], ["welcome", "auth_ok", "pong"])

    def test_clear_and_tls_clients_share_a_room(self):
        clear = self.client(fresh("clear"))
        secure = self.tls_session(cbp.tls_context(str(_shared["certificate"].certificate)))
        secure.dm(clear.user, "x")
        self.assertEqual(clear.next_event("deliver", body="x")["from"], secure.user)


# --- Brokers with settings of their own -----------------------------------------------------

class Settings(Case):
    def own(self, loops=1, **settings):
        broker = Broker(loops, **settings)
        self.addCleanup(broker.stop)
        return broker

    def test_preface_deadline(self):
        broker = self.own(tls=_shared["certificate"], deadlines_preface_milliseconds=300)
        for first in (b"", b"\xb3", b"\xb3CBP\x01\x01\0", b"\x16\x03\x01"):
            with self.subTest(first):
                sock = socket.create_connection((broker.host, broker.port), PATIENCE)
                began = time.monotonic()
                sock.sendall(first)
                self.assertEqual(raw_to_end(sock), b"")
                self.assertGreater(time.monotonic() - began, 0.2)
                self.assertLess(time.monotonic() - began, 3)
                sock.close()

    def test_preface_deadline_is_total(self):
        broker = self.own(deadlines_preface_milliseconds=400)
        sock = socket.create_connection((broker.host, broker.port), PATIENCE)
        self.addCleanup(sock.close)
        began = time.monotonic()
        sock.settimeout(0.15)
        for octet in cbp.PREFACE[:7] + b"":
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.send(bytes([octet]))
            try:
                if sock.recv(8) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
        self.assertLess(time.monotonic() - began, 1.0)

    def test_hello_and_authentication_deadlines(self):
        broker = self.own(deadlines_hello_milliseconds=200, deadlines_authentication_milliseconds=300)
        connection = self.connection(broker)
        connection.send(cbp.PREFACE)
        self.assert_goodbye(connection, 114)
        connection = self.connection(broker)
        connection.send(cbp.PREFACE + HELLO)
        self.assert_goodbye(connection, 114)
        self.client(fresh("taken"), broker)
        connection = self.connection(broker)
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=b"NO"))
        self.assert_goodbye(connection, 114)

    def test_heartbeat(self):
        broker = self.own(deadlines_heartbeat_milliseconds=300)
        mute = self.raw_ready(broker)
        began = time.monotonic()
        ping = read_frame(mute, "ping")
        self.assertGreater(time.monotonic() - began, 0.2)
        self.assertNotEqual(ping.id, 0)
        mute.send(encode("pong", ping.id, ts=ping.get("ts")))
        self.assertEqual(read_frame(mute, "ping").name, "ping")
        frames = read_to_end(mute)                                # unanswered this time
        self.assertEqual((frames[-1].name, frames[-1]["code"]), ("goodbye", 114))
        client = self.client(fresh("alive"), broker)
        self.assertEqual(client.welcome["heartbeat"], 300)
        deadline = time.monotonic() + 1.5                         # five heartbeats
        with self.assertRaises(TimedOut):
            client.wait(lambda: False, deadline - time.monotonic())
        self.assertEqual(client.ping().name, "pong")

    def test_heartbeat_not_needed_while_frames_come(self):
        broker = self.own(deadlines_heartbeat_milliseconds=300)
        connection = self.raw_ready(broker)
        deadline, count = time.monotonic() + 1, 0
        while time.monotonic() < deadline:
            connection.send(encode("pong", 1) if count % 2 else encode_header(0, 0x1F))    # any frame counts
            count += 1
            with contextlib.suppress(TimedOut):
                self.assertNotEqual(interpret(connection.read(0.05)).name, "ping")

    def test_drain_deadline(self):
        """6.5: a client that does not close is closed, and nothing is said after GOODBYE."""
        broker = self.own(deadlines_drain_milliseconds=200)
        connection = self.raw_ready(broker)
        began = time.monotonic()
        connection.send(encode_header(0, 6, 0x20, 1))
        self.assert_goodbye(connection, 113)
        with self.assertRaises(Closed):
            while time.monotonic() < began + 5:
                connection.send(b"x" * 100)
        self.assertLess(time.monotonic() - began, 3)

    @unittest.expectedFailure       # open: the core counts every code of the hundred 1, and forgives one more than configured
    def test_number_of_faults(self):
        """5: the error that is one too many is answered, then comes GOODBYE 112; codes of other meaning do not count."""
        broker = self.own(limits_malformed_frames_max=3)
        connection = self.raw_ready(broker)
        bad = (encode("join", 9), encode_header(1, 6, 0, 9) + b"\x03", encode("join", 9, room="lobby", tail=1001))
        for octets in (encode("join", 9, room="NO"), encode("join", 9, room="no.such"), HELLO, encode_header(0, 0x3E, 0, 9)) * 2:
            connection.send(octets)
            self.assertEqual(read_frame(connection).name, "error")
        connection.send(b"".join(bad) + encode("ping", 10))
        frames = [f for f in read_to_end(connection) if f.name not in ("deliver", "joined")]
        self.assertEqual([f.get("code") for f in frames], [104, 101, 108, 112])

    def test_memory_of_messages_is_bounded(self):
        """9.3: the latest by number; what certainly is covered begins with the newest message dropped."""
        broker = self.own(rooms_deduplication_entries_per_account_max=4)
        client = self.client(fresh("a"), broker)
        ids = [os.urandom(8) for _ in range(6)]
        seqs = [client.publish("lobby", "x", cmid)["seq"] for cmid in ids]

        def retry(cmid, age):
            return client.reply(client.send("publish", flags=cbp.RETRY, room="lobby", body="x", cmid=cmid, age=age))
        for cmid, seq in list(zip(ids, seqs))[2:]:
            answer = retry(cmid, 10_000_000)
            self.assertEqual((answer["seq"], answer.get("dup")), (seq, True))
        for cmid in ids[:2]:
            with self.refused(602):
                retry(cmid, 5_000)
        self.assertEqual(client.join("lobby")["head"], seqs[-1])         # nothing was appended
        self.assertNotIn("dup", client.publish("lobby", "x", ids[0]).fields)

    def test_memory_of_messages_is_bounded_in_time(self):
        broker = self.own(rooms_deduplication_seconds=1)
        client = self.client(fresh("a"), broker)
        self.assertEqual(client.welcome["dedup"], 1)
        cmid = os.urandom(8)
        first = client.publish("lobby", "x", cmid)
        with self.refused(602):
            client.reply(client.send("publish", flags=cbp.RETRY, room="lobby", body="x", cmid=os.urandom(8), age=1000))
        answer = client.reply(client.send("publish", flags=cbp.RETRY, room="lobby", body="x", cmid=cmid, age=0))
        self.assertEqual((answer["seq"], answer.get("dup")), (first["seq"], True))

    def test_connections_of_one_address(self):
        broker = self.own(limits_connections_per_address_max=2)
        first, second = self.client(fresh("a"), broker), self.client(fresh("b"), broker)
        connection = self.connection(broker)
        with contextlib.suppress(Closed):
            connection.send(cbp.PREFACE + HELLO)
        self.assertIn([f.get("code") for f in read_to_end(connection)], ([], [704]))
        second.leave_broker()
        deadline = time.monotonic() + PATIENCE
        while True:
            third = self.client(broker=broker)
            with contextlib.suppress(Closed):
                third.log_in(fresh("c"))
                break
            third.close()
            self.assertLess(time.monotonic(), deadline, "the place is not free again")
        self.assertEqual(first.ping().name, "pong")

    def test_requests_under_way_at_shutdown_are_answered(self):
        """6.5: GOODBYE comes after the answers to the requests read before."""
        with Broker(2) as broker:
            client, room = self.client(fresh("late"), broker), fresh("room")
            client.create(room)
            ids = [client.send("publish", room=room, body="x" * 100) for _ in range(200)]
            client.reply(ids[0])
            broker.terminate()
            with self.assertRaises(Goodbye) as caught:
                client.wait(lambda: False)
            self.assertEqual(caught.exception.code, 503)
            outcomes = [i in client._outstanding for i in ids]
            self.assertEqual(outcomes, sorted(outcomes), "a request was passed over")       # answered, up to one, then none
            client.close()

    def test_shutdown(self):
        with Broker(2) as broker:
            clients = [self.client(fresh("shut"), broker) for _ in range(6)]
            early = [self.connection(broker) for _ in range(3)]
            early[1].send(cbp.PREFACE)
            early[2].send(cbp.PREFACE + HELLO)
            self.assertEqual(read_frame(early[2]).name, "welcome")
            broker.terminate()
            waits = []
            for client in clients:
                with self.assertRaises(Goodbye) as caught:
                    client.wait(lambda: False)
                self.assertEqual(caught.exception.code, 503)
                self.assertNotIn("end", caught.exception.frame.fields)
                waits.append(caught.exception.frame["retry_ms"])
                client.close()
            self.assertGreater(len(set(waits)), 1, waits)
            self.assertEqual(self.assert_goodbye(early[2], 503).id, 0)
            for connection in early:
                connection.close()
            self.assertEqual(broker.process.wait(PATIENCE), 0, broker.output())

    def test_shutdown_with_clients_that_do_not_close(self):
        with Broker(1, runtime_shutdown_timeout_milliseconds=1000) as broker:
            self.raw_ready(broker)
            self.connection(broker)
            broker.terminate()
            self.assertEqual(broker.process.wait(PATIENCE), 0, broker.output())

    def test_epoch_changes_with_the_process(self):
        with Broker() as broker:
            with self.client("", broker) as client:
                before = client.next_event("joined")
        with Broker() as broker:
            client = self.client("", broker)
            after = client.next_event("joined")
            self.assertGreater(after["epoch"], before["epoch"])
            with self.refused(600):
                client.join("lobby", (before["epoch"], before["head"]), tail=1000)
            self.assertEqual(client.join("lobby")["epoch"], after["epoch"])
            client.close()

    def test_max_inflight(self):
        broker = self.own(2, limits_requests_in_flight_max=2)
        client = self.client(fresh("flood"), broker)
        self.assertEqual(client.welcome["max_inflight"], 2)
        rooms = [fresh("r") for _ in range(8)]                    # on either loop
        for room in rooms:
            client.create(room)
        refused = 0
        for _ in range(20):
            ids = list(range(100, 200))
            client.connection.send(b"".join(encode("publish", i, room=rooms[i % 8], body="x") for i in ids))
            client._outstanding.update(ids)
            for i in ids:
                try:
                    self.assertEqual(client.reply(i).name, "published")
                except BrokerError as error:
                    self.assertEqual(error.code, 702)
                    refused += 1
            if refused:
                break
        self.assertGreater(refused, 0, "2000 requests, never more than 2 in flight")
        for i in range(300):                                      # id 0 does not count
            client.send_without_reply("publish", room=rooms[i % 8], body="x")
        self.assertEqual(client.ping().name, "pong")
        self.assertFalse([e for e in client.events if e.name == "error"])

    def test_rate_limit(self):
        broker = self.own(limits_publishes_per_second=20, limits_publish_burst=5)
        client = self.client(fresh("fast"), broker)
        ids = [client.send("publish", room="lobby", body="x") for _ in range(40)]
        outcomes = []
        for i in ids:
            try:
                outcomes.append(client.reply(i).name)
            except BrokerError as error:
                self.assertEqual(error.code, 700)
                self.assertGreater(error.frame["retry_ms"], 0)
                outcomes.append(700)
        self.assertEqual(len(outcomes), 40)
        self.assertGreaterEqual(outcomes.count("published"), 5)

    def test_full_rooms(self):
        broker = self.own(rooms_members_per_room_max=2)
        a, b = self.client(fresh("a"), broker), self.client(fresh("b"), broker)
        c = self.client(fresh("c"), broker)                       # the lobby is full
        self.assertEqual(c.ping().name, "pong")
        self.assertFalse([e for e in c.events if e.name == "joined"])
        with self.refused(502):
            c.join("lobby")
        a.create("r1")
        b.join("r1")
        with self.refused(502):
            c.join("r1")

    def test_too_many_rooms_in_all(self):
        """703: how many rooms the number counts (the lobby?) the document does not say."""
        broker = self.own(rooms_rooms_max=5)
        a = self.client(fresh("a"), broker)
        with self.refused(703):
            for i in range(6):
                a.create(f"r{i}")

    def test_too_many_rooms_of_an_account_by_join(self):
        """13: the lobby and conversations are not counted."""
        broker = self.own(rooms_rooms_per_account_max=2)
        a, b = self.client(fresh("a"), broker), self.client(fresh("b"), broker)
        c = self.client(fresh("c"), broker)
        a.create("r1")
        a.create("r2")
        c.create("r3")
        b.dm(a.user, "x")
        b.join("r1")
        b.join("r2")
        for _ in range(2):
            with self.refused(701):
                b.join("r3")
        b.join("r2")                                              # a member already
        b.leave("r1")
        b.join("r3")
        with self.refused(701):
            b.join("r1")

    def test_too_many_rooms_of_an_account_by_create(self):
        """7.16: 701."""
        broker = self.own(rooms_rooms_per_account_max=2)
        a = self.client(fresh("a"), broker)
        for room in ("r0", "r1"):
            a.create(room)
            with self.refused(408):
                a.create(room)
        for _ in range(2):
            with self.refused(701):
                a.create("r2")
        a.leave("r0")
        a.create("r2")

    def test_guests_off_and_numbered(self):
        client = self.client(None, self.own(guests_mode="off"))
        with self.refused(202):
            client.log_in("alice")
        self.assertEqual(client.welcome["mechs"], [])
        broker = self.own(guests_mode="numbered")
        for wish in ("alice", ""):
            client = self.client(wish, broker)
            self.assertTrue(client.user.startswith("guest-"))
            self.assertEqual(client.authenticate("bob")["user"], client.user)

    def test_lobby_not_joined(self):
        broker = self.own(rooms_lobby_autojoin="false", rooms_lobby_topic="Be kind")
        client = self.client(fresh("a"), broker)
        client.ping()
        self.assertFalse(client.events)
        self.assertEqual(client.join("lobby")["topic"], "Be kind")
        client.leave("lobby")

    def test_notices_end_in_large_rooms(self):
        broker = self.own(rooms_notice_members_max=2)
        a, b, c = (self.client(fresh("n"), broker) for _ in range(3))
        a.publish("lobby", "mark")
        a.next_event("deliver", body="mark")
        self.assertFalse([e for e in a.events if e.get("user") == c.user])
        self.assertTrue([e for e in a.events if e.get("user") == b.user])

    def test_removed_room(self):
        broker = self.own(rooms_empty_room_seconds=0)
        a = self.client(fresh("a"), broker)
        a.create("passing")
        epoch = a.join("passing")["epoch"]
        a.leave("passing")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                a.create("passing")
                break
            except BrokerError as error:
                self.assertEqual(error.code, 408)
                self.assertLess(time.monotonic(), deadline, "still there")
        joined = a.join("passing", tail=1000)
        self.assertGreater(joined["epoch"], epoch)
        self.assertEqual(joined["next"], 1)

    def test_slow_reader_and_lag(self):
        broker = self.own(2, queues_outbound_high_water_bytes=2048, queues_outbound_low_water_bytes=1024,
                          rooms_recent_events_per_room=16)
        reader, writer = self.client(fresh("reader"), broker), self.client(fresh("writer"), broker)
        writer.create("fast")
        writer.join("fast")
        writer.leave("fast", detach=True)
        reader.join("fast")
        first = reader.positions["fast"].next
        body = "x" * 16384
        for _ in range(12):                                        # more than the kernel holds
            ids = [writer.send("publish", room="fast", body=body) for _ in range(100)]
            head = max(writer.reply(i)["seq"] for i in ids)
        ping = reader.send("ping")                                 # replies are not skipped
        reader.wait(lambda: reader.positions["fast"].next > head, 20)
        reader.reply(ping)
        events = [e for e in reader.events if e.get("room") == "fast"]
        lags = [e for e in events if e.name == "lag"]
        self.assertTrue(lags)
        expected = first
        for event in events:
            if event.name == "lag":
                self.assertEqual((event.id, event["from_seq"], event["next"]), (0, expected, event["to_seq"] + 1))
                self.assertEqual(event["epoch"], reader.positions["fast"].epoch)
                expected = event["next"]
            else:
                self.assertEqual(event["seq"], expected)
                expected += 1
        self.assertEqual(expected, head + 1)

    @unittest.expectedFailure       # open: only a queue above its bound starts the clock, and events alone never fill it that far
    def test_stalled_reader_is_closed(self):
        """6.2: a peer that takes nothing is closed."""
        broker = self.own(1, deadlines_slow_consumer_milliseconds=300)
        reader, writer = self.client(fresh("reader"), broker), self.client(fresh("writer"), broker)
        writer.create("fast")
        reader.join("fast")
        for _ in range(20):                                        # 32 MB: more than the kernel holds
            for i in [writer.send("publish", room="fast", body="x" * 16384) for _ in range(100)]:
                writer.reply(i)
        writer.next_event("deliver", room="lobby", kind=33, user=reader.user, seconds=3)

    def test_max_body(self):
        broker = self.own(limits_body_byte_count_max=10)
        client = self.client(fresh("a"), broker)
        self.assertEqual(client.welcome["max_body"], 10)
        client.publish("lobby", "x" * 10)
        with self.refused(402, "body"):
            client.publish("lobby", "x" * 11)

    def test_announced_limits_fit_their_fields(self):
        """7.2, 18.2: what WELCOME cannot say, or a client cannot live with, no operator can set."""
        for field, setting, least, most in (("max_frame", "limits_frame_byte_count_max", 65536, 1048576),
                                            ("max_inflight", "limits_requests_in_flight_max", 1, 65535),
                                            ("max_body", "limits_body_byte_count_max", 1, 16384),
                                            ("heartbeat", "deadlines_heartbeat_milliseconds", 10, 3600000)):
            for value in (least, most):
                with self.subTest(field, value=value), Broker(**{setting: value}) as broker:
                    client = self.client(broker=broker)
                    client.log_in(fresh("a"))
                    self.assertEqual(client.welcome[field], value)
                    client.close()
            for value in (least - 1, most + 1):
                with self.subTest(field, value=value), self.assertRaisesRegex(RuntimeError, "not accepted"):
                    Broker(**{setting: value})

    def test_connection_limit(self):
        broker = self.own(limits_connections_max=1)
        self.client(fresh("a"), broker)
        connection = self.connection(broker)
        with contextlib.suppress(Closed):
            connection.send(cbp.PREFACE + HELLO)
        frames = read_to_end(connection)
        self.assertIn([f.get("code") for f in frames], ([], [704]))


if __name__ == "__main__":
    unittest.main()
