"""Accounts (section 23): log-ins of every kind, what outlives a connection, and what is refused."""
import contextlib
import functools
import os
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import cbp
from cbp import BrokerError, Goodbye, conversation
from credentials import begin, bearer, connect_with_exporter, Issuer, mac, resume, scram, verifier
from harness import PATIENCE, Broker, Case, certificate, fresh
from websocket import Socket

PASSWORD = "correct horse"


class Kept(Case):
    """A broker that keeps accounts, with a folder that outlives it."""

    loops = 1

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")
        cls.broker = cls.start()

    @classmethod
    def start(cls, loops=None, **settings):
        wanted = {"runtime_data_directory": cls.folder.name, "accounts_registration": "open", "accounts_registrations_per_hour_max": 0,
                  "accounts_iterations_min": 4096}
        return Broker(loops or cls.loops, certificate(), **(wanted | settings))

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.folder.cleanup()

    def opened(self, device=None, broker=None, **options):
        client = self.client(broker=broker, device=device, **options)
        begin(client)
        return client

    def registered(self, name=None, password=PASSWORD):
        name = name or fresh("user")
        client = self.opened()
        client.request("register", user=name, sasl=verifier(password))
        client.close()
        return name

    def logged_in(self, name, password=PASSWORD, device=None, broker=None, **options):
        client = self.opened(device, broker, **options)
        client.ok = scram(client, name, password)
        return client

    def bound(self, device=None):
        client = connect_with_exporter(self.broker, certificate().certificate, device=device)
        self.addCleanup(client.close)
        begin(client)
        return client, client.connection.sock.exporter

    def assert_ended(self, client, code, end=None):
        with self.assertRaises(Goodbye) as caught:
            client.wait(lambda: False)
        self.assertEqual((caught.exception.code, caught.exception.frame.get("end")), (code, end))


class Credentials(Kept):
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
        trust = ssl.create_default_context(cafile=str(certificate().certificate))
        page = Socket("localhost", self.broker.port, tls=trust)
        self.addCleanup(page.sock.close)
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

    def test_guests_and_accounts(self):
        name = self.registered()
        guest = self.client()
        with self.refused(408):
            guest.log_in(name)
        self.assertTrue(guest.authenticate(fresh("guest"))["user"])
        with self.refused(408):
            guest.authenticate(name)
        guest.transcript = b""
        with self.refused(300):
            guest.request("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=ada,r=0123456789")
        owner = self.logged_in(name)
        with self.refused(300):
            owner.authenticate(fresh("other"))

    def test_owner_displaces_guest(self):
        """23.1: a guest registers its own name, and logs in on another connection."""
        guest = self.client(fresh("self"))
        guest.request("register", user=guest.user, sasl=verifier(PASSWORD))
        guest.publish("lobby", "still a guest")
        owner = self.logged_in(guest.user)
        self.assert_ended(guest, 208, True)
        self.assertEqual(owner.publish("lobby", "mine")["ack"], 1)
        self.assertEqual([m["role"] for m in owner.members("lobby")[0] if m["user"] == owner.user], [2])

    def test_several_connections(self):
        name, room = self.registered(), fresh("room")
        one, two, friend = self.logged_in(name), self.logged_in(name), self.client(fresh("friend"))
        one.create(room)
        for client in (one, two, friend):
            client.join(room)
        friend.publish(room, "to both")
        for client in (one, two):
            self.assertEqual(client.next_event("deliver", body="to both")["from"], friend.user)
        friend.dm(name, "privately")
        for client in (one, two):
            client.next_event("deliver", body="privately")
        one.dm(friend.user, "answer")
        two.next_event("deliver", body="answer")
        cmid = os.urandom(8)
        seq = one.publish(room, "once", cmid)["seq"]
        again = two.reply(two.send("publish", flags=cbp.RETRY, room=room, body="once", cmid=cmid, age=50))
        self.assertEqual((again["seq"], again.get("dup")), (seq, True))
        self.assertEqual(sum(m["user"] == name for m in friend.members(room)[0]), 1)
        one.leave(room)
        with self.refused(407):
            two.publish(room, "out")

    def test_several_connections_have_one_state(self):
        """12.2, 10.1: the most present one counts; markers are the account's, and outlive connections."""
        name, room, caps = self.registered(), fresh("room"), ["inbox", "marks", "presence"]
        friend = self.client(fresh("friend"), caps=caps)
        friend.create(room)
        friend.join(room)
        friend.request("presence", users=[name])
        one = self.logged_in(name, caps=caps)
        friend.next_event("presence", user=name, state=1)
        one.join(room)
        one.request("presence", state=2)
        friend.next_event("presence", user=name, state=2)
        two = self.logged_in(name, caps=caps)
        friend.next_event("presence", user=name, state=1)
        two.request("presence", state=3)
        friend.next_event("presence", user=name, state=3)
        self.assertEqual({m["user"]: m["state"] for m in friend.members(room)[0]}[name], 3)
        seq = friend.publish(room, "news")["seq"]
        one.request("mark", room=room, mark=seq)
        self.assertEqual(two.next_event("mark", room=room, user=name)["mark"], seq)
        two.leave_broker()
        friend.next_event("presence", user=name, state=2)
        one.leave_broker()
        friend.next_event("presence", user=name, state=0)
        back = self.logged_in(name, caps=caps)
        self.assertEqual(back.join(room)["mark"], seq)
        lines = [item for part in back.request("inbox", usn=0).parts for item in part["items"]]
        self.assertEqual([(line["mark"], line["unread"]) for line in lines if line["room"] == room], [(seq, 0)])

    def test_only_the_author_changes_a_message(self):
        """9.4: by name, from any connection of the account."""
        ada, eve = (self.logged_in(self.registered()) for _ in range(2))
        room, name = fresh("room"), ada.ok["user"]
        ada.create(room)
        ada.join(room)
        eve.join(room)
        seq = ada.publish(room, "mine")["seq"]
        for kind, fields in ((1, {"body": "hers"}), (2, {})):
            with self.subTest(kind), self.refused(300):
                eve.request("publish", room=room, kind=kind, ref=seq, **fields)
        ada.leave_broker()
        self.wait_for(lambda: {m["user"]: m["state"] for m in eve.members(room)[0]}[name] == 0)
        again = self.logged_in(name)
        again.join(room)
        again.request("publish", room=room, kind=1, ref=seq, body="still mine")
        self.assertEqual(eve.next_event("deliver", room=room, kind=1)["ref"], seq)

    def test_what_outlives_connections(self):
        name, room = self.registered(), fresh("room")
        client, friend = self.logged_in(name), self.client(fresh("friend"))
        client.create(room)
        client.join(room)
        friend.join(room)
        cmid = os.urandom(8)
        seq = client.publish(room, "before", cmid)["seq"]
        friend.dm(name, "before")
        client.leave_broker()
        self.wait_for(lambda: {m["user"]: m["state"] for m in friend.members(room)[0]}[name] == 0)
        friend.publish(room, "meanwhile")
        friend.dm(name, "meanwhile")
        client = self.logged_in(name)
        self.assertEqual({m["user"]: (m["role"], m["state"]) for m in client.members(room)[0]}[name], (4, 1))
        again = client.reply(client.send("publish", flags=cbp.RETRY, room=room, body="before", cmid=cmid, age=1000))
        self.assertEqual((again["seq"], again.get("dup")), (seq, True))
        address = conversation(name, friend.user)
        client.join(address, tail=10)
        for body in ("before", "meanwhile"):
            client.next_event("deliver", room=address, body=body)
        client.join(room, tail=10)
        client.next_event("deliver", room=room, body="meanwhile")

    def test_direct_message_to_an_account_that_never_came(self):
        name, friend = self.registered(), self.client(fresh("friend"))
        address = friend.dm(name, "welcome")["room"]
        client = self.logged_in(name)
        client.join(address, tail=10)
        self.assertEqual(client.next_event("deliver", room=address)["body"], "welcome")
        with self.refused(405):
            friend.dm(fresh("nobody"), "?")

    def test_device_takes_over(self):
        name, device = self.registered(), os.urandom(16)
        old, other = self.logged_in(name, device=device), self.logged_in(name, device=os.urandom(16))
        new = self.logged_in(name, device=device)
        self.assert_ended(old, 208, True)
        other.ping()
        new.ping()

    def test_resume_tokens(self):
        name, device = self.registered(), os.urandom(16)
        first = self.logged_in(name, device=device)
        self.assertEqual((len(first.ok["token"]), first.ok["ttl"]), (32, 2592000))
        second = self.opened(device)
        ok = resume(second, name, first.ok["token"])
        self.assertEqual(ok["user"], name)
        self.assertNotEqual(ok["token"], first.ok["token"])
        third = self.opened(device)
        third.ok = resume(third, name, first.ok["token"])                # the reply with the newer one may have been lost
        fourth = self.opened(device)
        self.assertEqual(resume(fourth, name, third.ok["token"])["user"], name)
        waiting = []                                                     # refusals come late, so all at once
        for who, secret, token in ((name, os.urandom(16), third.ok["token"]), (name, device, os.urandom(32)), (name, device, ok["token"]),
                                   (fresh("nobody"), device, ok["token"]), (name, None, ok["token"])):
            client = self.opened(secret)
            waiting.append((client, client.send("auth", mech="HT-SHA-256-NONE", sasl=who.encode() + b"\0" + mac(token, b"Initiator"))))
        for client, id_ in waiting:
            with self.refused(205):
                client.reply(id_)
        with self.refused(300):                                          # a token is not a password
            fourth.request("password", sasl=verifier("another"))

    def test_resume_tokens_under_tls(self):
        name, device = self.registered(), os.urandom(16)
        client, exporter = self.bound(device)
        token = scram(client, name, PASSWORD, exporter)["token"]
        client, _ = self.bound(device)
        with self.refused(205):
            resume(client, name, token, os.urandom(32))
        client, exporter = self.bound(device)
        self.assertEqual(resume(client, name, token, exporter)["user"], name)

    def test_passwords_change(self):
        name, device = self.registered(), os.urandom(16)
        client, other = self.logged_in(name, device=device), self.logged_in(name, device=os.urandom(16))
        with self.refused(108):
            client.request("password", sasl=b"new")
        client.request("password", sasl=verifier("new password"))
        self.assert_ended(other, 204, True)
        with self.refused(201):
            self.logged_in(name)
        self.assertEqual(self.logged_in(name, "new password").user, name)
        back = self.opened(other.device)
        with self.refused(205):
            resume(back, name, other.ok["token"])
        again = self.opened(device)
        again.ok = resume(again, name, client.ok["token"])
        with self.refused(300):
            again.request("password", sasl=verifier("third"))
        self.assertEqual(scram(again, name, "new password")["user"], name)      # in READY
        again.request("password", sasl=verifier("third"))
        for request, fields in (("password", {"sasl": verifier("x")}), ("devices", {}), ("revoke", {"session": os.urandom(16)})):
            with self.subTest(request), self.refused(300):
                self.client(fresh("guest")).request(request, **fields)

    def test_devices_are_listed_and_revoked(self):
        name = self.registered()
        phone, laptop = self.logged_in(name, device=os.urandom(16)), self.logged_in(name, device=os.urandom(16))
        listed, _ = laptop._items("devices")
        self.assertEqual([(d["agent"], d["state"]) for d in listed], [("interop/1", 1)] * 2)
        self.assertFalse({phone.device, laptop.device} & {d["session"] for d in listed})
        self.assertGreater(listed[0]["until"], listed[0]["ts"])
        phone.leave_broker()
        self.wait_for(lambda: [d["state"] for d in laptop._items("devices")[0]].count(0) == 1)
        lost = next(d for d in laptop._items("devices")[0] if d["state"] == 0)
        back = self.opened(phone.device)
        back.ok = resume(back, name, phone.ok["token"])
        laptop.request("revoke", session=lost["session"])
        self.assert_ended(back, 204, True)
        with self.refused(205):
            resume(self.opened(phone.device), name, back.ok["token"])
        with self.refused(205):
            laptop.request("revoke", session=lost["session"])
        self.assertEqual(len(laptop._items("devices")[0]), 1)

    def test_renewal_must_be_of_the_same_account(self):
        name, other = self.registered(), self.registered()
        client = self.logged_in(name)
        with self.refused(300):
            scram(client, other, PASSWORD)
        self.assertEqual(scram(client, name, PASSWORD)["user"], name)
        client.ping()

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)


class CredentialsOneLoop(Credentials, unittest.TestCase):
    pass


class CredentialsTwoLoops(Credentials, unittest.TestCase):
    loops = 2


class CredentialsOfBrokers(Kept, unittest.TestCase):
    """Brokers of their own, with other settings, each in a folder of its own: one broker at a time works in one."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def start(cls, loops=None, **settings):
        return super().start(loops, **({"runtime_data_directory": str(Path(cls.folder.name, fresh("data")))} | settings))

    def test_accounts_and_tokens_survive_a_restart(self):
        folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")
        self.addCleanup(folder.cleanup)
        device = os.urandom(16)
        with self.start(runtime_data_directory=folder.name) as broker:
            client = self.opened(broker=broker)
            client.request("register", user="ada", sasl=verifier(PASSWORD))
            token = self.logged_in("ada", device=device, broker=broker).ok["token"]
        with self.start(runtime_data_directory=folder.name) as broker:
            self.assertEqual(resume(self.opened(device, broker), "ada", token)["user"], "ada")
            self.assertEqual(self.logged_in("ada", broker=broker).user, "ada")
        for path in Path(folder.name).iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
            self.assertNotIn(token, path.read_bytes())
            self.assertNotIn(PASSWORD.encode(), path.read_bytes())

    def test_memberships_and_conversations_survive_a_restart(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")
                self.addCleanup(folder.cleanup)
                settings = {"runtime_data_directory": folder.name, "loops": loops, "storage_enabled": "true"}
                with self.start(**settings) as broker:
                    for name in ("ada", "bob"):
                        self.opened(broker=broker).request("register", user=name, sasl=verifier(PASSWORD))
                    ada, bob = (self.logged_in(name, broker=broker) for name in ("ada", "bob"))
                    ada.create("tea")
                    bob.join("tea")
                    bob.publish("tea", "milk?", ack=2)
                    self.assertEqual(ada.dm("bob", "secretly", ack=2)["ack"], 2)
                    guest = self.client("guest", broker)
                    guest.join("tea")
                with self.start(**settings) as broker:
                    ada = self.logged_in("ada", broker=broker)
                    members = {m["user"]: (m["role"], m["state"]) for m in ada.members("tea")[0]}
                    self.assertEqual(members, {"ada": (4, 1), "bob": (2, 0)})
                    self.assertEqual(ada.publish("tea", "yes", ack=2)["ack"], 2)       # a member without JOIN
                    bob = self.logged_in("bob", broker=broker)
                    bob.join("@ada+bob", tail=10)
                    self.assertEqual(bob.next_event("deliver", room="@ada+bob")["body"], "secretly")
                    self.assertEqual(ada.dm("bob", "again", ack=2)["ack"], 2)
                    self.assertEqual(bob.next_event("deliver", room="@ada+bob")["body"], "again")
                    self.assertEqual(bob.leave("tea").name, "ok")
                with self.start(**settings) as broker:
                    bob = self.logged_in("bob", broker=broker)
                    with self.refused(407):
                        bob.publish("tea", "no more")

    def test_registration_closed(self):
        with self.start(accounts_registration="closed") as broker:
            client = self.opened(broker=broker)
            with self.refused(300):
                client.request("register", user="ada", sasl=verifier(PASSWORD))

    def test_registrations_from_one_address(self):
        """A name that is refused does not count, and the bound does not keep anybody from logging in."""
        with self.start(accounts_registrations_per_hour_max=2) as broker:
            for name in (names := [fresh("one"), fresh("two")]):
                self.opened(broker=broker).request("register", user=name, sasl=verifier(PASSWORD))
                with self.refused(408 if name == names[0] else 703):
                    self.opened(broker=broker).request("register", user=name, sasl=verifier(PASSWORD))
            self.assertEqual(self.logged_in(names[1], broker=broker).user, names[1])

    def test_no_accounts(self):
        client = self.opened(broker=self.own())
        self.assertEqual(client.welcome["mechs"], ["ANONYMOUS"])
        with self.refused(501):
            client.request("register", user="ada", sasl=verifier(PASSWORD))
        with self.refused(202):
            client.request("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=ada,r=0123456789")

    def test_no_guests(self):
        with self.start(guests_mode="off") as broker:
            client = self.opened(broker=broker)
            self.assertNotIn("ANONYMOUS", client.welcome["mechs"])
            client.request("register", user="off", sasl=verifier(PASSWORD))
            with self.refused(202):
                client.authenticate("x")
            self.assertEqual(scram(client, "off", PASSWORD)["user"], "off")

    def test_bearer_tokens(self):
        folder = Path(self.folder.name, "issuer")
        folder.mkdir()
        issuer, now = Issuer(folder), int(time.time())
        good = {"iss": "https://issuer.example", "aud": ["chat"], "sub": "webuser", "nbf": now - 10, "exp": now + 600}
        settings = {"accounts_bearer_keys_file": issuer.key_set, "accounts_bearer_issuer": good["iss"], "accounts_bearer_audience": "chat"}
        with self.start(**settings) as broker:
            def log_in(token, name=""):
                client = self.opened(broker=broker)
                try:
                    return bearer(client, token, name)
                finally:
                    client.close()
            for key in ("oct", "rsa", "ec", "ed"):
                with self.subTest(key):
                    ok = log_in(issuer.token(good, key), "webuser" if key == "ec" else "")
                    self.assertEqual((ok["user"], ok["until"]), ("webuser", (now + 600) * 1000))
                    self.assertNotIn("token", ok.fields)
            with self.refused(408):
                self.client("webuser", broker)
            rsa = issuer.public_pem("rsa")
            issuer.secret, secret = rsa, issuer.secret
            confused = issuer.token(good)
            issuer.secret = secret
            valid = issuer.token(good)
            wrong = {
                "none": issuer.token(good, header={"alg": "none"}), "empty": valid.rsplit(".", 1)[0] + ".", "confused": confused,
                "crit": issuer.token(good, header={"alg": "HS256", "crit": ["exp"]}), "signature": valid[:-4] + "AAAA",
                "algorithm": issuer.token(good, "rsa", {"alg": "ES256"}), "key": issuer.token(good, header={"alg": "HS256", "kid": "rsa"}),
                "early": issuer.token(good | {"nbf": now + 300}), "audience": issuer.token(good | {"aud": "mail"}),
                "issuer": issuer.token(good | {"iss": "https://other.example"}), "subject": issuer.token(good | {"sub": "Not A Name"}),
                "guest": issuer.token(good | {"sub": "guest-1"}), "large": issuer.token(good | {"x": "y" * 5000}), "nothing": "",
            } | {f"no {claim}": issuer.token({k: v for k, v in good.items() if k != claim}) for claim in good}
            waiting = []                                                 # refusals come late, so all at once
            for what, token in wrong.items():
                client = self.opened(broker=broker)
                sasl = f"n,,\x01auth=Bearer {token}\x01\x01".encode()
                waiting.append((what, client, client.send("auth", mech="OAUTHBEARER", sasl=sasl)))
            for what, client, id_ in waiting:
                with self.subTest(what), self.refused(201):
                    client.reply(id_)
            with self.refused(201):
                log_in(valid, "somebody")
            with self.refused(204):
                log_in(issuer.token(good | {"exp": now - 61}))
            issuer.publish("ed")                                         # rotation: read again by itself
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    log_in(issuer.token(good, "ec"))
                except BrokerError as error:
                    self.assertEqual(error.code, 201)
                    break
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(log_in(issuer.token(good, "ed"))["user"], "webuser")

    def test_bearer_connection_ends_with_its_token(self):
        folder = Path(self.folder.name, "short")
        folder.mkdir()
        issuer, now = Issuer(folder), int(time.time())
        claims = {"iss": "i", "aud": "chat", "sub": "brief", "nbf": now - 100, "exp": now + 2}
        settings = {"accounts_bearer_keys_file": issuer.key_set, "accounts_bearer_issuer": "i", "accounts_bearer_audience": "chat"}
        with self.start(**settings) as broker:
            client = self.opened(broker=broker)
            bearer(client, issuer.token(claims))
            self.assert_ended(client, 204)

    def test_bearer_connection_is_told_before_its_token_ends(self):
        folder = Path(self.folder.name, "soon")
        folder.mkdir()
        issuer, now = Issuer(folder), int(time.time())
        claims = {"iss": "i", "aud": "chat", "sub": "soon", "nbf": now - 100}
        settings = {"accounts_bearer_keys_file": issuer.key_set, "accounts_bearer_issuer": "i", "accounts_bearer_audience": "chat"}
        with self.start(**settings) as broker:
            # Of the one that ends in less than two minutes, AUTH_OK has said so.
            sooner, soon = self.opened(broker=broker), self.opened(broker=broker)
            bearer(sooner, issuer.token(claims | {"exp": now + 60}))
            until = bearer(soon, issuer.token(claims | {"exp": now + 122}))["until"]
            notice = soon.next_event("notice")
            self.assertEqual((notice["code"], notice["until"], notice.id), (204, until, 0))
            self.assertTrue(0 < until - notice["ts"] <= 120_000)
            for client in (sooner, soon):
                client.ping()
                self.assertFalse([event for event in client.events if event.name == "notice"])
            # Renewed, it is told anew when the time has come.
            again = int(time.time()) + 122
            self.assertEqual(bearer(soon, issuer.token(claims | {"exp": again}))["until"], again * 1000)
            self.assertEqual(soon.next_event("notice")["until"], again * 1000)

    def test_certificates(self):
        folder = Path(self.folder.name, "authority")
        folder.mkdir()
        made = functools.partial(subprocess.run, check=True, capture_output=True, timeout=60)
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

        def authority(name):
            made([*new, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"])

        def issued(subject, uri=None, by="ours"):
            path = folder / fresh("client")
            extension = ["-addext", f"subjectAltName=URI:{uri}"] if uri else []
            made([*new, "-subj", subject, *extension, "-CA", folder / f"{by}.pem", "-CAkey", folder / f"{by}.key",
                  "-keyout", f"{path}.key", "-out", f"{path}.pem"])
            return path
        authority("ours")
        authority("theirs")
        with self.start(tls_client_authorities_file=folder / "ours.pem") as broker:
            def opened(path=None):
                context = cbp.tls_context(str(certificate().certificate))
                if path:
                    context.load_cert_chain(f"{path}.pem", f"{path}.key")
                client = cbp.Client.connect(broker.host, broker.port, context, "localhost")
                self.addCleanup(client.close)
                begin(client)
                return client
            for path, name in ((issued("/CN=ada.lovelace"), "ada.lovelace"), (issued("/CN=Ada", "cbp:user:ada"), "ada")):
                client = opened(path)
                self.assertEqual(client.welcome["mechs"][0], "EXTERNAL")
                with self.refused(201):
                    client.request("auth", mech="EXTERNAL", sasl=b"somebody")
                self.assertEqual(client.request("auth", mech="EXTERNAL", sasl=b"" if name == "ada" else name.encode())["user"], name)
            for path in (None, issued("/CN=Not A Name"), issued("/O=Nobody"), issued("/CN=X", "https://example.com")):
                client = opened(path)
                self.assertNotIn("EXTERNAL", client.welcome["mechs"])
                with self.refused(202):
                    client.request("auth", mech="EXTERNAL")
            with self.assertRaises((cbp.Closed, OSError)):
                opened(issued("/CN=ada", by="theirs"))


if __name__ == "__main__":
    unittest.main()
