"""Accounts that have several connections, or none (9.4, 10, 12.2, 23.1)."""
import os

import cbp
from accounts import PASSWORD, SharedAccounts
from broker import fresh
from cbp import conversation
from credentials import verifier
from harness import IN_CLEAR, everywhere


class AccountConnections(SharedAccounts):
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


globals().update(everywhere(AccountConnections, transports=[IN_CLEAR]))
