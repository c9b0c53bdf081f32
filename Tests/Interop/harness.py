"""Brokers, connections and assertions for the tests of this folder.

BROKER_BINARY names the broker; the default is .build/debug/broker of the package.
Nothing here sleeps to synchronise: every wait is for a condition, with a deadline.
"""
import atexit
import contextlib
import functools
import itertools
import json
import os
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import cbp
from cbp import BrokerError, Client, Closed, Connection, Frame, decode_payload, encode


ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BROKER_BINARY", str(ROOT / ".build/debug/broker"))
DOCUMENT = (ROOT / "docs/PROTOCOL.md").read_text("utf-8")
PATIENCE = 10                   # seconds for whatever must come
_numbers = itertools.count(1)


def fresh(stem):
    """A name that no other test uses."""
    return f"{stem}{next(_numbers)}"


class Broker:
    """One broker process on a port of its own, with settings as environment variables."""

    def __init__(self, loops=1, tls=None, log_level="warning", listen="127.0.0.1:0", **settings):
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-interop-")
        ready = Path(self.directory.name, "ready.json")
        self.log = open(Path(self.directory.name, "log"), "w+b")
        command = [BINARY, "--listen", listen, "--loops", str(loops), "--ready-file", str(ready),
                   "--log-level", log_level]
        if tls:
            command += ["--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)]
        settings.setdefault("storage_enabled", "true" if "runtime_data_directory" in settings else "false")
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

    def lines_with(self, part, count):
        """The lines of the log that have `part` in them, once there are `count`."""
        deadline = time.monotonic() + PATIENCE
        while len(lines := [line for line in self.output().splitlines() if part in line]) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"not {count} lines with {part!r}: {self.output()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
        return lines

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


@functools.cache
def certificate():
    """One for all tests of this process."""
    made = Certificate()
    atexit.register(made.directory.cleanup)
    return made


@functools.cache
def shared_broker(loops):
    """A broker with default settings for all tests that leave it as it was."""
    broker = Broker(loops, certificate())
    atexit.register(broker.stop)
    return broker


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


class Case:
    """What tests ask of connections. Mixed into unittest.TestCase."""

    broker = None
    tls = None

    def own(self, loops=1, **settings):
        """A broker of the test's own, with settings other than the default."""
        broker = Broker(loops, **settings)
        self.addCleanup(broker.stop)
        return broker

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


class Sessions(Case):
    """Tests of a broker that is as good on one loop as on two, under TLS as in clear text: see `everywhere`."""

    loops = 1
    secure = False

    @classmethod
    def setUpClass(cls):
        cls.broker = shared_broker(cls.loops)
        cls.tls = cbp.tls_context(str(certificate().certificate)) if cls.secure else None

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

    def two_in_a_room(self, **fields):
        room = fresh("room")
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        alice.create(room, **fields)
        alice.join(room)
        bob.join(room)
        return alice, bob, room

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


def everywhere(tests):
    """Classes of `tests` for each transport and number of loops, by name."""
    return {name: type(name, (tests, unittest.TestCase), {"loops": loops, "secure": secure, "__module__": tests.__module__})
            for loops, count in ((1, "OneLoop"), (2, "TwoLoops")) for secure, transport in ((False, ""), (True, "TLS"))
            for name in [tests.__name__ + count + transport]}
