"""Creating, joining, leaving and listing rooms, and publishing to them."""
import os

import cbp
from broker import fresh
from harness import Sessions, everywhere


class Rooms(Sessions):
    def test_create_join_publish_receive(self):
        alice, bob, room = self.two_in_a_room(title="A room", topic="Tea – and\tmore\n")
        joined = bob.join(room)
        self.assertEqual((joined["title"], joined["topic"]), ("A room", "Tea – and\tmore\n"))
        self.assertEqual((joined["members"], joined["role"], joined["policy"]), (2, 2, 16))
        self.assertEqual(alice.join(room)["role"], 4)
        alice.next_event("deliver", room=room, kind=32, user=bob.user, from_=bob.user)
        cmid = os.urandom(8)
        answer = alice.publish(room, "hello ✓", cmid)
        self.assertEqual((answer["room"], answer["ack"]), (room, 1))
        events = [c.next_event("deliver", room=room, from_=alice.user, cmid=cmid) for c in (alice, bob)]
        self.assertEqual(events[0], events[1])
        self.assertEqual((events[0].id, events[0].flags), (0, 0))
        self.assertEqual((events[0]["seq"], events[0]["ts"], events[0]["body"]),
                         (answer["seq"], answer["ts"], "hello ✓"))
        self.assertEqual(set(events[0].fields), {"room", "seq", "ts", "from", "cmid", "body"})

    def test_publish_fields_are_forwarded(self):
        alice, bob, room = self.two_in_a_room()
        first = alice.publish(room, "first")["seq"]
        meta = bytes(range(256)) * 4
        alice.publish(room, "second", kind=7, thread=first, reply=first, mime="text/markdown", meta=meta)
        got = bob.next_event("deliver", body="second")
        self.assertEqual((got["kind"], got["thread"], got["reply"], got["mime"], got["meta"]),
                         (7, first, first, "text/markdown", meta))
        alice.publish(room, "third", age=12, ack=3)
        got = bob.next_event("deliver", body="third")
        self.assertEqual(set(got.fields), {"room", "seq", "ts", "from", "cmid", "body"})
        alice.publish(room, "")
        self.assertEqual(bob.next_event("deliver", body="").get("body"), "")

    def test_kind_0_is_left_out(self):
        """5: the broker leaves out `kind` when it is 0."""
        alice, bob, room = self.two_in_a_room()
        alice.publish(room, "plain", kind=0)
        self.assertNotIn("kind", bob.next_event("deliver", body="plain").fields)

    def test_reply_and_thread_name_an_event(self):
        """9.1: `reply` and `thread` lie in 1..head, else 406."""
        alice, bob, room = self.two_in_a_room()
        head = alice.join(room)["head"]
        for request, where in (("publish", {"room": room}), ("dm", {"to": bob.user})):
            for field in ("reply", "thread"):
                for seq in (0, head + 100, cbp.MAX_UINT):
                    with self.subTest(request=request, field=field, seq=seq), self.refused(406):
                        alice.request(request, **where, body="x", **{field: seq})

    def test_created_notices(self):
        alice = self.client(fresh("maker"))
        room = fresh("new")
        alice.create(room, title="T", topic="U")
        self.assertEqual(alice.next_event("deliver", room="lobby", kind=36, title=room)["from"], alice.user)
        alice.join(room, tail=1000)
        created = alice.next_event("deliver", room=room, kind=36)
        self.assertEqual((created["seq"], created["title"], created["from"]), (1, "T", alice.user))
        hidden = fresh("hidden")
        alice.create(hidden, policy=1)
        alice.publish("lobby", "after")
        alice.next_event("deliver", room="lobby", body="after")
        self.assertFalse([e for e in alice.events if e.get("title") == hidden])

    def test_created_event_has_the_topic(self):
        """7.19: kind 36 in the new room: its `title` and `topic` if set."""
        alice, room = self.client(fresh("maker")), fresh("new")
        alice.create(room, topic="U")
        alice.join(room, tail=1000)
        created = alice.next_event("deliver", room=room, kind=36)
        self.assertEqual((created.get("title"), created.get("topic")), (None, "U"))

    def test_ok_has_no_fields(self):
        """7.7: no fields in this release."""
        alice, room = self.client(fresh("maker")), fresh("new")
        self.assertEqual(alice.create(room).fields, {})
        self.assertEqual(alice.leave(room).fields, {})

    def test_create_refused(self):
        alice = self.client(fresh("maker"))
        room = fresh("taken")
        alice.create(room)
        with self.refused(408):
            alice.create(room)
        with self.refused(408):
            alice.create("lobby")
        for policy, code in ((2, 501), (8, 501), (32, 501), (42, 501), (64, 108), (66, 108), (128, 108), (256, 108)):
            with self.subTest(policy), self.refused(code):
                alice.create(fresh("policy"), policy=policy)
        for field, value in (("title", "x" * 129), ("topic", "x" * 513)):
            with self.refused(108, field):
                alice.create(fresh("long"), **{field: value})
        alice.create(fresh("long"), title="x" * 128, topic="x" * 512)

    def test_moderated_room(self):
        alice, bob, room = self.two_in_a_room(policy=4)
        self.assertEqual(bob.join(room)["role"], 1)
        with self.refused(300):
            bob.publish(room, "may I?")
        alice.publish(room, "I may")
        self.assertEqual(bob.next_event("deliver", body="I may")["from"], alice.user)
        roles = {m["user"]: m["role"] for m in alice.members(room)[0]}
        self.assertEqual(roles, {alice.user: 4, bob.user: 1})

    def test_policy_0_has_no_notices(self):
        alice, bob, room = self.two_in_a_room(policy=0)
        alice.publish(room, "x")
        alice.next_event("deliver", room=room, body="x")
        self.assertFalse([e for e in alice.events if e.get("room") == room])

    def test_leave_and_detach(self):
        alice, bob, room = self.two_in_a_room()
        bob.leave(room, detach=True)
        with self.refused(407):
            bob.leave(room, detach=True)
        alice.publish(room, "unseen")
        self.assertIn(bob.user, [m["user"] for m in alice.members(room)[0]])
        bob.publish(room, "a member still")
        alice.next_event("deliver", body="a member still")
        self.assertFalse([e for e in bob.events if e.get("room") == room and e.get("body")])
        cursor = (alice.positions[room].epoch, alice.positions[room].next - 2)
        bob.join(room, cursor)
        bob.next_event("deliver", body="a member still")
        bob.leave(room, reason="back at nine")
        left = alice.next_event("deliver", room=room, kind=33)
        self.assertEqual((left["user"], left["from"]), (bob.user, bob.user))
        for request, fields in (("publish", {"body": "x"}), ("members", {}), ("leave", {}), ("leave", {"detach": True})):
            with self.refused(407):
                bob.request(request, room=room, **fields)

    def test_reason_of_leave(self):
        """7.19: kind 33 has `reason` if LEAVE had one."""
        alice, bob, room = self.two_in_a_room()
        bob.leave(room, reason="back at nine")
        self.assertEqual(alice.next_event("deliver", room=room, kind=33).get("reason"), "back at nine")
        bob.join(room)
        bob.leave(room)
        self.assertNotIn("reason", alice.next_event("deliver", room=room, kind=33).fields)

    def test_lobby_cannot_be_left(self):
        alice = self.client(fresh("lobbyist"))
        with self.refused(300):
            alice.leave("lobby")
        alice.leave("lobby", detach=True)
        alice.publish("lobby", "still a member")
        joined = alice.join("lobby", tail=1)
        self.assertEqual(joined["next"], joined["head"])

    def test_no_such_room_not_a_member(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        nowhere, room = fresh("nowhere"), fresh("room")
        alice.create(room)
        for request, fields in (("publish", {"body": "x"}), ("members", {}), ("leave", {}), ("leave", {"detach": True}),
                                ("join", {}), ("join", {"tail": 5}), ("join", {"epoch": 5, "seq": 0})):
            with self.subTest(request), self.refused(404):
                bob.request(request, room=nowhere, **fields)
            if request != "join":
                with self.subTest(request), self.refused(407):
                    bob.request(request, room=room, **fields)

    def test_members_with_paging(self):
        room = fresh("paged")
        clients = [self.client(fresh("member")) for _ in range(5)]
        clients[0].create(room)
        for client in clients[1:]:
            client.join(room)
        names, cursor, pages = [], None, 0
        while True:
            items, cursor = clients[0].members(room, limit=2, cursor=cursor)
            self.assertLessEqual(len(items), 2)
            names += [(m["user"], m["role"], m["state"]) for m in items]
            pages += 1
            if cursor is None:
                break
        self.assertGreaterEqual(pages, 3)
        self.assertEqual(names, sorted((c.user, 4 if c is clients[0] else 2, 1) for c in clients))
        with self.refused(108):
            clients[0].members(room, cursor=b"\xff\x00nonsense")
        with self.refused(108, "limit"):
            clients[0].members(room, limit=1001)
        self.assertEqual(len(clients[0].members(room, limit=0)[0]), 5)

    def test_list_with_paging(self):
        alice = self.client(fresh("lister"))
        stem = fresh("shelf")
        rooms = sorted(f"{stem}/{i}" for i in range(7))
        for room in rooms:
            alice.create(room, title=f"Title of {room}", topic="t")
        alice.create(fresh("other"), title=f"about {stem}/0")
        alice.create(f"{stem}/hidden", policy=1)
        found, cursor = [], None
        while True:
            items, cursor = alice.list(title=stem + "/", limit=3, cursor=cursor)
            self.assertLessEqual(len(items), 3)
            found += items
            if cursor is None:
                break
        self.assertEqual([r["room"] for r in found], sorted(r["room"] for r in found))
        self.assertEqual(set(rooms), {r["room"] for r in found if r["room"].startswith(stem)})
        self.assertEqual(len(found), 8)
        self.assertEqual((found[-1]["members"], found[-1]["policy"], found[-1]["topic"]), (1, 16, "t"))
        self.assertEqual(alice.list(title="no such thing at all"), ([], None))
        self.assertEqual(alice.list(title=stem.upper()), ([], None))
        self.assertIn("lobby", [r["room"] for r in alice.list(title="lobby")[0]])
        with self.refused(108):
            alice.list(cursor=b"\xff\x00nonsense")

    def test_items_in_several_frames(self):
        """6.3, 7.14: M on all frames but the last; no frame above 65 536."""
        alice, stem = self.client(fresh("lister")), fresh("large")
        ids = [alice.send("create", room=f"{stem}.{i:03}", topic="t" * 512, title="t" * 128) for i in range(150)]
        for i in ids:
            alice.reply(i)
        frame = alice.request("list", title=stem, limit=1000)
        found = []
        while True:
            found += [item["room"] for part in frame.parts for item in part["items"]]
            for part in frame.parts[:-1]:
                self.assertNotIn("cursor", part.fields)
            if "cursor" not in frame.fields:
                break
            frame = alice.request("list", title=stem, limit=1000, cursor=frame["cursor"])
        self.assertEqual(found, [f"{stem}.{i:03}" for i in range(150)])

    def test_list_default_limit_is_100(self):
        alice = self.client(fresh("lister"))
        stem = fresh("many")
        for i in range(103):
            alice.send_without_reply("create", room=f"{stem}.{i:03}", policy=0)
        alice.create(f"{stem}.zzz")

        def everything():
            pages, cursor = [], None
            while True:
                items, cursor = alice.list(title=stem, cursor=cursor)
                self.assertLessEqual(len(items), 100)
                pages += items
                if cursor is None:
                    return pages if len(pages) >= 104 else None
        found = self.wait_for(everything, "creations")       # without a reply, they end some time
        self.assertEqual(len({r["room"] for r in found}), 104)
        items, cursor = alice.list(title=stem, limit=1000)
        self.assertLessEqual(len(items), 104)


globals().update(everywhere(Rooms))
