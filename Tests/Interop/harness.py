"""Connections, assertions, and the classes that tests are made of.

Nothing here sleeps to synchronise: every wait is for a condition, with a deadline.
"""
import contextlib
import ssl
import tempfile
import time
import unittest

import cbp
from broker import PATIENCE, Broker, fresh, native_tls, shared_broker, web_tls
from cbp import BrokerError, Client, Closed, Connection, Frame, decode_payload, encode


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
    loops = 1
    secure = False

    @classmethod
    def setUpClass(cls):
        # What clients of this class connect with.
        cls.tls, cls.web_tls = (native_tls(), web_tls()) if cls.secure else (None, None)

    def folder_of_its_own(self):
        """A folder that is gone when the test is over."""
        folder = tempfile.TemporaryDirectory(prefix="cbp-interop-data-")
        self.addCleanup(folder.cleanup)
        return folder.name

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

    def wait_for(self, condition, what="condition"):
        """What the condition gives once it is true. It takes its time: each time it asks a broker."""
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()):
            self.assertLess(time.monotonic(), deadline, f"no {what}")
        return result

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

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = shared_broker(cls.loops)

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


# How a class of tests is to be run, and how its name then ends.
IN_CLEAR, UNDER_TLS = (False, ""), (True, "TLS")


def everywhere(tests, transports=(IN_CLEAR, UNDER_TLS)):
    """Classes of `tests` for each transport and number of loops, by name."""
    return {name: type(name, (tests, unittest.TestCase), {"loops": loops, "secure": secure, "__module__": tests.__module__})
            for loops, count in ((1, "OneLoop"), (2, "TwoLoops")) for secure, transport in transports
            for name in [tests.__name__ + count + transport]}
