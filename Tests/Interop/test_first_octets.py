"""What is no client: noise, HTTP, TLS of every kind."""
import contextlib
import socket
import ssl
import unittest
import warnings

import cbp
from broker import PATIENCE, certificate, fresh, native_tls, shared_broker
from cbp import Client, Closed, Connection, encode
from harness import HELLO, Case, interpret, raw_to_end


class FirstOctets(Case, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = shared_broker(2)

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
                sock.sendall(f"{method} /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
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
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = native_tls()
                context.minimum_version = context.maximum_version = version
                client = self.tls_session(context)
                self.assertEqual(client.connection.sock.selected_alpn_protocol(), "cbp/1")
        with self.subTest("no ALPN"):
            client = self.tls_session(ssl.create_default_context(cafile=str(certificate().certificate)))
            self.assertIsNone(client.connection.sock.selected_alpn_protocol())
        with self.subTest("several"):
            context = native_tls()
            context.set_alpn_protocols(["h2", "cbp/1"])
            self.assertEqual(self.tls_session(context).connection.sock.selected_alpn_protocol(), "cbp/1")
        with self.subTest("another ALPN"):
            context = native_tls()
            context.set_alpn_protocols(["h2", "spdy/1"])
            with self.assertRaises(ssl.SSLError) as caught:
                self.tls_session(context)
            self.assertIn("NO_APPLICATION_PROTOCOL", str(caught.exception).upper().replace(" ", "_"))

    def test_old_tls_is_refused(self):
        context = native_tls()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.tls_session(context)

    def test_nothing_else_inside_tls(self):
        """3.3: what is not the preface gets at most an HTTP error, ALPN or not."""
        without_alpn = ssl.create_default_context(cafile=str(certificate().certificate))
        for context in (native_tls(), without_alpn):
            for octets in (b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
                           b"hello\n", b"\0" * 9):
                with self.subTest(octets[:8]):
                    sock = context.wrap_socket(self.socket(), server_hostname="localhost")
                    sock.sendall(octets)
                    answer = raw_to_end(sock)
                    if answer:
                        self.assertRegex(answer, rb"^HTTP/1\.[01] [45]\d\d ")
                    sock.close()

    def test_tls_octet_by_octet(self):
        """17.2: any split, under TLS too: records cut at every place."""
        context = native_tls()
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
        secure = self.tls_session(native_tls())
        secure.dm(clear.user, "x")
        self.assertEqual(clear.next_event("deliver", body="x")["from"], secure.user)
