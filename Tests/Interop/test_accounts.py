"""Names, renames, devices, and the conversations that live and end with accounts."""
import os

import cbp
from broker import fresh
from cbp import Goodbye, conversation
from harness import Sessions, everywhere


class Accounts(Sessions):
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
        alice, _, room = self.two_in_a_room()
        alice.authenticate(fresh("owner"))
        # She asks, because her own requests have an order: to somebody else the new name may come later.
        self.assertEqual({m["user"]: m["role"] for m in alice.members(room)[0]}[alice.user], 4)

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


globals().update(everywhere(Accounts))
