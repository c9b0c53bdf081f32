"""Typing, presence, read markers and the inbox (10.1, 12.1, 12.2)."""
import time

from broker import PATIENCE, fresh
from cbp import TimedOut
from harness import Sessions, everywhere

ALL = ["inbox", "marks", "presence", "typing"]


class Presence(Sessions):
    def pair(self, caps=ALL):
        return [self.client(fresh(name), caps=caps) for name in ("alice", "bob")]

    def room_of(self, *clients, **fields):
        room = fresh("room")
        clients[0].create(room, **fields)
        for client in clients:
            client.join(room)
        return room

    def nothing(self, client, name):
        """No such frame came before the answer to a PING."""
        client.ping()
        return not [event for event in client.events if event.name == name]

    # Capabilities

    def test_what_is_in_force(self):
        """7.2, 15.1: those offered that the broker knows."""
        for offered, in_force in ((None, None), (["grease-1"], None), (["typing", "x-y", "marks"], {"typing", "marks"}), (ALL, set(ALL))):
            client = self.client(fresh("caps"), caps=offered)
            caps = client.welcome.get("caps")
            self.assertEqual(set(caps) if caps else None, in_force)

    def test_what_is_not_in_force(self):
        alice = self.client(fresh("alice"))
        for name, fields in (("mark", {"room": "lobby", "mark": 1}), ("typing", {"room": "lobby", "state": 1}),
                             ("presence", {"state": 1}), ("inbox", {"usn": 0})):
            with self.subTest(name), self.refused(501):
                alice.request(name, **fields)
            alice.send_without_reply(name, **fields)
            error = alice.next_event("error")
            self.assertEqual(error["code"], 501)

    # Typing

    def test_typing(self):
        alice, bob = self.pair()
        cyd = self.client(fresh("cyd"))
        room = self.room_of(alice, bob, cyd)
        # Who has not been sent all events yet is not told who is typing.
        bob.next_event("deliver", room=room, user=cyd.user)
        self.assertEqual(alice.request("typing", room=room, state=1).name, "ok")
        self.assertEqual(bob.next_event("typing", room=room, user=alice.user)["state"], 1)
        alice.request("typing", room=room, state=1)              # within 3 s: not relayed
        alice.request("typing", room=room, state=0)
        self.assertEqual(bob.next_event("typing", room=room)["state"], 0)
        self.assertTrue(self.nothing(bob, "typing"))
        self.assertTrue(self.nothing(alice, "typing"))
        self.assertTrue(self.nothing(cyd, "typing"))

    def test_typing_refused(self):
        alice, bob = self.pair()
        room = self.room_of(alice, policy=4)
        for where, state, code in ((room, 1, 407), (fresh("none"), 1, 404)):
            with self.refused(code):
                bob.request("typing", room=where, state=state)
        bob.join(room)
        with self.refused(300):
            bob.request("typing", room=room, state=1)
        with self.refused(108, "state"):
            alice.request("typing", room=room, state=2)

    def test_typing_in_a_conversation(self):
        alice, bob = self.pair()
        room = alice.dm(bob.user, "hello")["room"]
        bob.next_event("deliver", room=room)
        bob.request("typing", room=room, state=1)
        self.assertEqual(alice.next_event("typing", room=room)["user"], bob.user)

    # Presence

    def test_presence(self):
        alice, bob = self.pair()
        absent = fresh("absent")
        alice.request("presence", users=[bob.user, absent])
        self.assertEqual(alice.next_event("presence", user=bob.user)["state"], 1)
        bob.request("presence", state=3)
        self.assertEqual(alice.next_event("presence", user=bob.user)["state"], 3)
        late = self.client(absent)
        self.assertEqual(alice.next_event("presence", user=absent)["state"], 1)
        late.leave_broker()
        self.assertEqual(alice.next_event("presence", user=absent)["state"], 0)
        for state in (2, 1, 2):                                  # coalesced to the newest
            bob.request("presence", state=state)
        self.assertEqual(alice.next_event("presence", user=bob.user)["state"], 2)
        alice.request("presence", users=[])
        bob.request("presence", state=1)
        with self.assertRaises(TimedOut):                        # longer than anything is held back
            alice.next_event("presence", seconds=1.3)

    def test_presence_once_a_second(self):
        alice, bob = self.pair()
        alice.request("presence", users=[bob.user])
        alice.next_event("presence", user=bob.user, state=1)
        began, states = time.monotonic(), []
        while time.monotonic() < began + 2.5:
            for state in (2, 3):
                bob.request("presence", state=state)
            alice.ping()
        while alice.events:
            event = alice.events.popleft()
            if event.name == "presence":
                states.append(event["state"])
        self.assertLessEqual(len(states), 4)
        self.assertGreaterEqual(len(states), 1)

    def test_presence_refused(self):
        alice, _ = self.pair()
        for state in (0, 4, 255):
            with self.refused(108, "state"):
                alice.request("presence", state=state)
        alice.request("presence", users=["u%d" % i for i in range(256)])
        alice.request("presence")

    def test_members_have_states(self):
        alice, bob = self.pair()
        room = self.room_of(alice, bob)
        bob.request("presence", state=2)
        states = {item["user"]: item["state"] for item in alice.members(room)[0]}
        self.assertEqual(states, {alice.user: 1, bob.user: 2})

    # Read markers and the inbox

    def test_marks(self):
        alice, bob = self.pair()
        told = alice.dm(bob.user, "hello")
        room = told["room"]
        joined = bob.next_event("joined", room=room)
        bob.request("mark", room=room, mark=told["seq"], epoch=joined["epoch"])
        mark = alice.next_event("mark", room=room)
        self.assertEqual((mark["user"], mark["mark"], mark["epoch"]), (bob.user, told["seq"], joined["epoch"]))
        self.assertIn("ts", mark.fields)
        bob.request("mark", room=room, mark=0)                   # it only grows
        self.assertEqual(bob.join(room).get("mark"), told["seq"])
        self.assertTrue(self.nothing(alice, "mark"))
        with self.refused(406, "mark"):
            bob.request("mark", room=room, mark=told["seq"] + 1)
        with self.refused(600):
            bob.request("mark", room=room, mark=1, epoch=joined["epoch"] + 1)
        with self.refused(404):
            bob.request("mark", room=fresh("none"), mark=0)
        plain = self.client(fresh("plain"))
        self.assertNotIn("mark", plain.join("lobby").fields)
        with self.refused(407):
            bob.request("mark", room=self.room_of(alice), mark=0)

    def inbox(self, client, usn=0, **fields):
        answer = client.request("inbox", usn=usn, **fields)
        return [item for part in answer.parts for item in part["items"]], answer["usn"]

    def until_known(self, client, usn):
        """Asks until the milliseconds of what has happened are over."""
        def known():
            items, following = self.inbox(client, usn)
            return None if [item for item in items if item["usn"] > following] else (items, following)
        return self.wait_for(known, "end of the millisecond")

    def test_inbox(self):
        alice, bob = self.pair()
        room = self.room_of(alice, bob, policy=0)
        items, usn = self.until_known(bob, 0)
        lines = {item["room"]: item for item in items}
        self.assertEqual(lines[room]["unread"], 0)
        self.assertEqual([item["usn"] for item in items], sorted(item["usn"] for item in items))
        head = [alice.publish(room, f"m{i}")["seq"] for i in range(3)][-1]
        alice.publish(room, "a notice", kind=7)
        items, usn = self.until_known(bob, usn)
        line = {item["room"]: item for item in items}[room]
        self.assertEqual((line["unread"], line["head"]), (3, head + 1))
        bob.request("mark", room=room, mark=head - 1)
        items, usn = self.until_known(bob, usn)
        line = {item["room"]: item for item in items}[room]
        self.assertEqual((line["unread"], line["mark"]), (1, head - 1))
        told = alice.dm(bob.user, "hello")
        items, _ = self.until_known(bob, usn)
        line = {item["room"]: item for item in items}[told["room"]]
        self.assertEqual((line["unread"], line["mark"], line["head"], line["ts"]), (1, 0, 1, told["ts"]))
        bob.leave(room)
        self.assertNotIn(room, [item["room"] for item in self.inbox(bob)[0]])

    def test_inbox_pages(self):
        alice, _ = self.pair()
        rooms = {self.room_of(alice) for _ in range(5)}
        seen, usn, deadline = set(), 0, time.monotonic() + PATIENCE
        while not rooms <= seen and time.monotonic() < deadline:
            items, usn = self.inbox(alice, usn, limit=2)
            seen |= {item["room"] for item in items}
        self.assertLessEqual(rooms, seen)

    def test_inbox_of_another_process(self):
        alice, _ = self.pair()
        for usn in (1, 2**53 - 1):
            with self.refused(600):
                self.inbox(alice, usn)


globals().update(everywhere(Presence))
