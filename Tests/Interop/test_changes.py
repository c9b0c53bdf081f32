"""Events that change events: edits, deletions, reactions, pins (9.4)."""
import os

import cbp
from broker import fresh
from cbp import DELETE, EDIT, PIN, REACT, UNPIN, UNREACT
from harness import Sessions, everywhere


class Changes(Sessions):
    def change(self, client, room, kind, ref, body=None, **fields):
        return client.request("publish", room=room, kind=kind, ref=ref, body=body, **fields)

    def talk(self, **fields):
        alice, bob, room = self.two_in_a_room(**fields)
        return alice, bob, room, alice.publish(room, "of alice")["seq"], bob.publish(room, "of bob")["seq"]

    def test_changes_are_events(self):
        alice, bob, room, of_alice, _ = self.talk()
        cmid = os.urandom(8)
        answer = self.change(alice, room, EDIT, of_alice, "better", cmid=cmid, mime="text/markdown", meta=b"\1")
        for client in (alice, bob):
            event = client.next_event("deliver", room=room, kind=EDIT)
            self.assertEqual((event["seq"], event["ts"], event["from"]), (answer["seq"], answer["ts"], alice.user))
            self.assertEqual((event["ref"], event["body"], event["cmid"]), (of_alice, "better", cmid))
            self.assertEqual((event["mime"], event["meta"]), ("text/markdown", b"\1"))
        for kind, body in ((REACT, "👍"), (UNREACT, "👍"), (PIN, None), (UNPIN, None), (DELETE, None)):
            self.change(alice, room, kind, of_alice, body)
            event = bob.next_event("deliver", room=room, kind=kind)
            self.assertEqual((event["ref"], event.get("body")), (of_alice, body))
            self.assertNotIn("redacted", event.fields)

    def test_who_may(self):
        alice, bob, room, of_alice, of_bob = self.talk()
        for client, kind, ref, body in ((bob, EDIT, of_alice, "x"), (alice, EDIT, of_bob, "x"), (bob, DELETE, of_alice, None),
                                        (bob, PIN, of_bob, None)):
            with self.subTest(kind=kind, ref=ref), self.refused(300):
                self.change(client, room, kind, ref, body)
        self.change(bob, room, EDIT, of_bob, "x")
        self.change(alice, room, PIN, of_bob)
        with self.refused(300):
            self.change(bob, room, UNPIN, of_bob)
        self.change(alice, room, DELETE, of_bob)
        again = bob.publish(room, "again")["seq"]
        self.change(bob, room, DELETE, again)

    def test_what_cannot_be_changed(self):
        alice, _, room, of_alice, _ = self.talk()
        react = self.change(alice, room, REACT, of_alice, "+1")["seq"]
        for ref in (0, 1, react, react + 1, cbp.MAX_UINT):
            with self.subTest(ref=ref), self.refused(406, "ref"):
                self.change(alice, room, REACT, ref, "x")
        self.change(alice, room, DELETE, of_alice)
        for kind, body in ((EDIT, "x"), (DELETE, None), (REACT, "x"), (UNREACT, "+1"), (PIN, None), (UNPIN, None)):
            with self.subTest(kind=kind), self.refused(406):
                self.change(alice, room, kind, of_alice, body)

    def test_what_is_no_longer_retained(self):
        writer, room, _, head = self.filled_room(300)
        floor = writer.join(room)["floor"]
        self.assertGreater(floor, 1)
        self.change(writer, room, REACT, floor + 3, "x")
        with self.refused(411, "ref"):
            self.change(writer, room, REACT, 2, "x")

    def test_what_was_deleted_is_not_sent_again(self):
        alice, bob, room, of_alice, _ = self.talk(policy=0)
        thread = alice.publish(room, "in a thread", thread=of_alice, reply=of_alice, mime="text/plain", meta=b"m")["seq"]
        edit = self.change(alice, room, EDIT, thread, "an edit")["seq"]
        self.change(alice, room, DELETE, thread)
        late = self.client(fresh("late"))
        late.join(room, tail=1000)
        seen = {}
        while edit + 1 not in seen:
            event = late.next_event("deliver", room=room)
            seen[event["seq"]] = event
        for seq, kind in ((thread, 0), (edit, EDIT)):
            event = seen[seq]
            self.assertTrue(event["redacted"])
            self.assertEqual((event.get("kind", 0), event["from"]), (kind, alice.user))
            self.assertFalse({"body", "mime", "meta"} & set(event.fields))
        self.assertEqual((seen[thread]["thread"], seen[thread]["reply"]), (of_alice, of_alice))
        self.assertEqual(seen[edit]["ref"], thread)
        self.assertEqual((seen[edit + 1]["kind"], seen[edit + 1]["ref"]), (DELETE, thread))

    def test_reactions_are_there_once(self):
        alice, bob, room, of_alice, _ = self.talk()
        with self.refused(406):
            self.change(bob, room, UNREACT, of_alice, "+1")
        for client in (alice, bob):
            self.change(client, room, REACT, of_alice, "+1")
            with self.refused(408):
                self.change(client, room, REACT, of_alice, "+1")
        self.change(bob, room, REACT, of_alice, "\u00e9")
        self.change(bob, room, REACT, of_alice, "e\u0301")
        self.change(bob, room, UNREACT, of_alice, "+1")
        self.change(bob, room, REACT, of_alice, "+1")

    def test_a_name_is_not_the_author(self):
        """9.4: the account, not the name."""
        alice, bob, room, _, of_bob = self.talk()
        name = bob.user
        bob.authenticate(name + "-2")
        self.change(bob, room, EDIT, of_bob, "still mine")
        namesake = self.client(name)
        namesake.join(room)
        for kind, body in ((EDIT, "x"), (DELETE, None)):
            with self.refused(300):
                self.change(namesake, room, kind, of_bob, body)

    def test_retried_change(self):
        alice, _, room, of_alice, _ = self.talk()
        cmid = os.urandom(8)
        first = self.change(alice, room, DELETE, of_alice, cmid=cmid)
        second = self.change(alice, room, DELETE, of_alice, cmid=cmid)
        self.assertEqual((second["seq"], second.get("dup")), (first["seq"], True))

    def test_conversations(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        with self.refused(406):
            alice.request("dm", to=bob.user, kind=REACT, ref=1, body="+1")
        told = alice.dm(bob.user, "hello")
        with self.refused(300):
            bob.request("dm", to=alice.user, kind=EDIT, ref=told["seq"], body="x")
        bob.request("dm", to=alice.user, kind=REACT, ref=told["seq"], body="+1")
        bob.request("dm", to=alice.user, kind=PIN, ref=told["seq"])
        alice.request("dm", to=bob.user, kind=DELETE, ref=told["seq"])
        kinds = [bob.next_event("deliver", room=told["room"]).get("kind", 0) for _ in range(4)]
        self.assertEqual(kinds, [0, REACT, PIN, DELETE])


globals().update(everywhere(Changes))
