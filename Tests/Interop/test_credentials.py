"""Accounts (section 23): log-ins by password and device, what outlives a connection, and what is refused."""
import os
import ssl
import time
import unittest

import cbp
from cbp import conversation
from credentials import mac, resume, scram, verifier
from harness import PATIENCE, certificate, fresh
from kept import PASSWORD, Kept
from websocket import Socket


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
