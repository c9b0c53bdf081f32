"""Brokers of their own, with timers made short: what ends when, and what does not."""
import contextlib
import socket
import time
import unittest

import cbp
from broker import PATIENCE, certificate, fresh
from cbp import Closed, TimedOut, encode, encode_header
from harness import HELLO, Case, interpret, raw_to_end, read_frame, read_to_end


class Deadlines(Case, unittest.TestCase):
    def test_preface_deadline(self):
        broker = self.own(tls=certificate(), deadlines_preface_milliseconds=300)
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
        for octet in cbp.PREFACE[:7]:
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
