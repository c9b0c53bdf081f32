"""Logging in to accounts (23.1, 23.2, 23.5): what is offered, what is bound to what, and what is refused."""
import os
import time

import cbp
from accounts import PASSWORD, SharedAccounts
from broker import fresh, web_tls
from credentials import scram, verifier
from harness import IN_CLEAR, everywhere
from websocket import Socket


class Credentials(SharedAccounts):
    def test_what_is_offered(self):
        """23.1: by what protects the connection."""
        self.assertEqual(self.opened().welcome["mechs"], ["SCRAM-SHA-256", "HT-SHA-256-NONE", "ANONYMOUS"])
        self.assertNotIn("cb", self.opened().welcome.fields)
        client, _ = self.bound()
        self.assertEqual(client.welcome["mechs"], ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "HT-SHA-256-EXPR", "ANONYMOUS"])
        self.assertEqual(client.welcome["cb"], ["tls-exporter"])
        for mech in ("PLAIN", "SCRAM-SHA-1", "EXTERNAL", "OAUTHBEARER", "HT-SHA-256-NONE"):
            with self.subTest(mech), self.refused(202):
                client.request("auth", mech=mech, sasl=b"x")

    def test_a_web_page_comes_back_without_binding(self):
        """23.1: what web pages speak has the resume token unbound under TLS as well, because they cannot compute the exporter."""
        page = Socket("localhost", self.broker.port, tls=web_tls())
        self.addCleanup(page.close)
        page.send(t="hello", id=1, agent="page")
        self.assertIn("HT-SHA-256-NONE", page.next("welcome", id=1)["mechs"])

    def test_register_and_log_in(self):
        name = fresh("ada")
        client = self.opened()
        client.request("register", user=name, sasl=verifier(PASSWORD))
        with self.refused(300):                                     # one account a connection
            client.request("register", user=fresh("eve"), sasl=verifier(PASSWORD))
        ok = scram(client, name, PASSWORD)
        self.assertEqual((ok["user"], ok["role"]), (name, 2))
        self.assertNotIn("token", ok.fields)                        # HELLO had no device
        self.assertEqual(client.next_event("joined")["room"], "lobby")
        self.assertEqual(client.publish("lobby", "hello")["ack"], 1)

    def test_register_refusals(self):
        name = self.registered()
        client = self.opened()
        for sasl in (b"", b"x", b"SCRAM-SHA-1$4096:AAAAAAAAAAA=$AAAA:AAAA", verifier(PASSWORD, 4095), verifier(PASSWORD)[:-4],
                     verifier(PASSWORD, salt=b"short"), PASSWORD.encode()):
            with self.subTest(sasl), self.refused(108):
                client.request("register", user=fresh("user"), sasl=sasl)
        client = self.opened()
        with self.refused(408):
            client.request("register", user=name, sasl=verifier(PASSWORD))
        with self.refused(408):
            client.request("register", user="guest-1", sasl=verifier(PASSWORD))
        guest = self.client(fresh("guest"))
        with self.refused(408):
            client.request("register", user=guest.user, sasl=verifier(PASSWORD))
        with self.refused(400):
            client.request("register", user="Ada", sasl=verifier(PASSWORD))

    def test_log_in_under_tls(self):
        name = self.registered()
        client, exporter = self.bound()
        self.assertEqual(scram(client, name, PASSWORD, exporter)["user"], name)
        client, _ = self.bound()
        self.assertEqual(scram(client, name, PASSWORD)["user"], name)

    def test_binding(self):
        """23.2: another connection, another beginning, and less than is offered are 203, whatever the password."""
        name = self.registered()
        lies = [{"exporter": os.urandom(32)}, {"transcript": os.urandom(32)}, {"transcript": None}, {"header": "y,,", "exporter": None},
                {"header": "n,,"}, {"header": "p=tls-unique,,"}, {"binding": b""}]
        for lie in lies:
            with self.subTest(lie):
                client, exporter = self.bound()
                with self.refused(203):
                    scram(client, name, PASSWORD, **({"exporter": exporter} | lie))
                self.assert_ended(client, 203)
        client = self.opened()
        with self.refused(203):
            scram(client, name, PASSWORD, transcript=b"x" * 32)
        self.assert_ended(client, 203)

    def test_wrong_passwords(self):
        """23.1: late, without detail, and at most three."""
        name = self.registered()
        client = self.opened()
        for _ in range(3):
            began = time.monotonic()
            with self.refused(201) as caught:
                scram(client, name, "wrong")
            self.assertGreaterEqual(time.monotonic() - began, 0.19)
            self.assertNotIn("reason", caught.exception.frame.fields)
        self.assert_ended(client, 201)
        self.assertEqual(self.logged_in(name).user, name)

    def test_unknown_names(self):
        """23.2: the same exchange to the end, with the same salt every time."""
        self.registered()
        name, seen = fresh("nobody"), set()
        for _ in range(2):
            client = self.opened()
            with self.refused(201):
                scram(client, name, PASSWORD)
            seen.add((client.challenge["s"], client.challenge["i"]))
        self.assertEqual(len(seen), 1)
        self.assertEqual(seen.pop()[1], "4096")
        for name in ("Not A Name", "a" * 40):
            client = self.opened()
            with self.refused(201):
                scram(client, name, PASSWORD)

    def test_messages_that_are_none(self):
        client = self.opened()
        with self.refused(201):
            client.request("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=x")
        id_ = client.send("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=ada,r=0123456789")
        self.assertEqual(client.reply(id_).name, "auth_step")
        with self.refused(106):
            client.request("auth", mech="ANONYMOUS")
        with self.refused(106):
            client.request("auth_step", sasl=b"x")                  # another id
        client.ping()
        client._outstanding.add(id_)
        client.connection.send(cbp.encode("auth_step", id_, sasl=b"c=biws"))
        with self.refused(201):
            client.reply(id_)
        self.assertTrue(client.authenticate(fresh("guest"))["user"])

    def test_goodbye_in_the_midst_of_an_exchange(self):
        client = self.opened()
        id_ = client.send("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=ada,r=0123456789")
        client.reply(id_)
        began = time.monotonic()
        client.leave_broker()
        self.assertLess(time.monotonic() - began, 1.5)

    def test_renewal_must_be_of_the_same_account(self):
        name, other = self.registered(), self.registered()
        client = self.logged_in(name)
        with self.refused(300):
            scram(client, other, PASSWORD)
        self.assertEqual(scram(client, name, PASSWORD)["user"], name)
        client.ping()


globals().update(everywhere(Credentials, transports=[IN_CLEAR]))
