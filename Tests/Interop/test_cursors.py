"""Where delivery starts, and the effect of one publish."""
import os

import cbp
from broker import fresh
from cbp import BrokerError, encode, encode_field, encode_header
from harness import Sessions, everywhere, read_frame


class Cursors(Sessions):
    def test_resume_after_a_reconnect(self):
        writer, room, epoch, head = self.filled_room(3)
        name = fresh("reader")
        reader = self.client(name)
        reader.join(room, tail=2)
        self.assertEqual(self.received(reader, room, 2), [head - 1, head])
        cursor = reader.positions[room].cursor
        self.assertEqual(cursor, (epoch, head))
        reader.close()
        for i in range(5):
            writer.publish(room, f"missed {i}")
        reader = self.log_in_when_free(name, resume=[room])
        joined = reader.join(room, cursor, tail=1000)
        self.assertEqual((joined["epoch"], joined["next"], joined["head"]), (epoch, head + 1, head + 5))
        self.assertEqual(self.received(reader, room, 5), list(range(head + 1, head + 6)))
        writer.publish(room, "live")
        self.assertEqual(reader.next_event("deliver", room=room)["body"], "live")

    def test_resume_the_lobby(self):
        """8.5, step 4: the events between the two JOINED come again, and only once to the user."""
        writer, reader = self.client(fresh("writer")), self.client(fresh("reader"))
        name = reader.user
        reader.wait(lambda: "lobby" in reader.positions)          # attached, perhaps on another loop
        writer.publish("lobby", "one")
        reader.next_event("deliver", body="one")
        cursor = reader.positions["lobby"].cursor
        reader.close()
        reader = self.log_in_when_free(name, resume=["lobby"])
        mark = fresh("mark")
        writer.publish("lobby", mark)
        joined = reader.join("lobby", cursor, tail=1000)
        self.assertEqual(joined["next"], cursor[1] + 1)
        reader.next_event("deliver", room="lobby", body=mark)
        seqs = [e["seq"] for e in reader.events if e.name == "deliver" and e["room"] == "lobby"]
        self.assertEqual(seqs[0], cursor[1] + 1)

    def test_lobby_starts_anew_once(self):
        """7.10: the first successful JOIN with `tail` or a cursor, of a room that the broker attached."""
        reader, writer = self.client(fresh("reader")), self.client(fresh("writer"))
        reader.wait(lambda: "lobby" in reader.positions)          # attached, perhaps on another loop
        for i in range(5):
            writer.publish("lobby", f"l{i}")
        reader.next_event("deliver", room="lobby", body="l4")
        epoch = reader.positions["lobby"].epoch
        with self.refused(600):
            reader.join("lobby", (epoch + 1, 0))                                            # not successful
        reader.events.clear()
        joined = reader.join("lobby", tail=3)
        self.assertEqual(joined["next"], joined["head"] + 1 - 3)
        self.assertEqual([reader.next_event("deliver", room="lobby")["seq"] for _ in range(3)][-1], joined["head"])
        again = reader.join("lobby", tail=3)
        self.assertEqual(again["next"], again["head"] + 1)

    def test_lobby_starts_anew_after_a_join_without_tail(self):
        """7.10: such a JOIN is not the first with `tail` or a cursor."""
        reader = self.client(fresh("reader"))
        for i in range(5):
            reader.publish("lobby", f"l{i}")
        reader.join("lobby")
        joined = reader.join("lobby", tail=3)
        self.assertEqual(joined["next"], joined["head"] + 1 - 3)

    def test_tail(self):
        writer, room, epoch, head = self.filled_room(10)
        for tail, count in ((0, 0), (3, 3), (1000, head), (None, 0)):
            with self.subTest(tail):
                reader = self.client(fresh("reader"))
                joined = reader.join(room, tail=tail)
                self.assertEqual((joined["head"], joined["floor"], joined["next"]), (head, 1, head + 1 - count))
                self.assertEqual(self.received(reader, room, count), list(range(head + 1 - count, head + 1)))
                again = reader.join(room, tail=5)          # attached: nothing changes
                self.assertEqual(again["next"], head + 1)
                reader.close()

    def test_cursor_and_tail(self):
        writer, room, epoch, head = self.filled_room(10)
        for seq, tail, following in ((head, None, head + 1), (head - 4, None, head - 3), (0, None, 1), (0, 3, head - 2),
                                     (head - 3, 3, head - 2), (head - 4, 3, head - 2), (head, 0, head + 1),
                                     (head - 1, 0, head + 1)):
            with self.subTest(seq=seq, tail=tail):
                reader = self.client(fresh("reader"))
                self.assertEqual(reader.join(room, (epoch, seq), tail)["next"], following)
                self.assertEqual(self.received(reader, room, head + 1 - following), list(range(following, head + 1)))
                reader.close()

    def test_floor(self):
        """8.1: 128 events are retained; a cursor before them gives a greater `next`."""
        writer, room, epoch, head = self.filled_room(140)
        reader = self.client(fresh("reader"))
        joined = reader.join(room, (epoch, 1), tail=1000)
        self.assertEqual((joined["head"], joined["floor"], joined["next"]), (head, head - 127, head - 127))
        self.assertEqual(self.received(reader, room, 128), list(range(head - 127, head + 1)))
        reader = self.client(fresh("reader"))
        self.assertEqual(reader.join(room, (epoch, 1))["next"], head - 99)

    def test_wrong_epoch_and_cursor_ahead(self):
        writer, room, epoch, head = self.filled_room(3)
        reader = self.client(fresh("reader"))
        with self.refused(600) as caught:
            reader.join(room, (epoch + 1, 0))
        frame = caught.exception.frame
        self.assertEqual((frame["epoch"], frame["head"], frame["floor"]), (epoch, head, 1))
        with self.refused(601):
            reader.join(room, (epoch, head + 1))
        with self.refused(407):                             # the membership is as before
            reader.members(room)
        with self.refused(407):
            reader.leave(room, detach=True)
        self.assertEqual(reader.join(room)["next"], head + 1)

    def test_half_a_cursor(self):
        reader = self.client(fresh("reader"))
        with self.refused(104, "epoch"):
            reader.request("join", room="lobby", seq=0)
        with self.refused(104, "seq"):
            reader.request("join", room="lobby", epoch=5)

    def test_cursor_when_attached(self):
        """7.10: JOIN of a room attached changes nothing; a cursor is refused as ever."""
        writer, room, epoch, head = self.filled_room(3)
        reader = self.client(fresh("reader"))
        reader.join(room)
        for cursor, code in (((epoch + 1, 0), 600), ((epoch, head + 1), 601)):
            with self.refused(code):
                reader.join(room, cursor)
        for cursor, tail in (((epoch, 0), None), ((epoch, head), 1000), (None, 3), ((epoch, 1), 2)):
            with self.subTest(cursor, tail=tail):
                self.assertEqual(reader.join(room, cursor, tail)["next"], head + 1)
        writer.publish(room, "once")
        self.assertEqual(self.received(reader, room, 1), [head + 1])
        self.assertFalse([e for e in reader.events if e.get("room") == room])

    def test_refused_join_changes_nothing(self):
        """6.3: no notice of a JOIN that failed, no membership."""
        alice, bob, room = self.two_in_a_room()
        eve = self.client(fresh("eve"))
        position = alice.join(room)
        for cursor in ((position["epoch"] + 1, 0), (position["epoch"], position["head"] + 5)):
            with self.assertRaises(BrokerError):
                eve.join(room, cursor)
        again = alice.join(room)
        self.assertEqual((again["head"], again["members"]), (position["head"], 2))

    def test_own_joining_is_delivered(self):
        """8.4: where joins are logged, `head` and `members` count the newcomer, and the event follows what is replayed."""
        alice, bob, room = self.two_in_a_room()
        for number, fields in enumerate(({}, {"tail": 0}, {"tail": 2}, {"cursor": (alice.join(room)["epoch"], 1)})):
            with self.subTest(fields):
                eve, head = self.client(fresh("eve")), alice.join(room)["head"]
                joined = eve.join(room, **fields)
                self.assertEqual((joined["head"], joined["members"]), (head + 1, 3 + number))
                self.assertEqual(joined["next"], head + 1 - fields.get("tail", 0) if "cursor" not in fields else 2)
                own = eve.next_event("deliver", room=room, seq=head + 1)
                self.assertEqual((own.get("kind"), own["user"]), (32, eve.user))
                for seq in range(joined["next"], head + 1):
                    self.assertEqual(eve.next_event("deliver", room=room)["seq"], seq)

    def test_joining_a_full_ring(self):
        """8.3, 8.4: one's own joining may push an event out of a full memory; then LAG names it, and nothing else is missing."""
        writer, room = self.client(fresh("writer")), fresh("full")
        writer.create(room)
        writer.join(room)
        for i in [writer.send("publish", room=room, body="x") for i in range(200)]:
            writer.reply(i)
        for _ in range(5):
            reader = self.client(fresh("reader"))
            joined = reader.join(room, tail=1000)
            self.assertGreaterEqual(joined["next"], joined["floor"])
            reader.next_event("deliver", room=room, seq=joined["head"])
            lags = [(e["from_seq"], e["to_seq"]) for e in reader.events if e.name == "lag"]
            self.assertIn(lags, ([], [(joined["next"], joined["next"])]))

    def test_duplicate(self):
        alice, bob, room = self.two_in_a_room()
        cmid = os.urandom(8)
        first = alice.publish(room, "once", cmid)
        second = alice.publish(room, "another body", cmid)
        self.assertNotIn("dup", first.fields)
        self.assertEqual((second.get("dup"), second["seq"], second["ts"]), (True, first["seq"], first["ts"]))
        self.assertNotIn("dup", bob.publish(room, "mine", cmid).fields)     # for each account
        bodies = [bob.next_event("deliver", room=room, from_=alice.user)["body"]]
        alice.publish(room, "end")
        bodies.append(bob.next_event("deliver", room=room, from_=alice.user, kind=None)["body"])
        self.assertEqual(bodies, ["once", "end"])
        direct = [alice.dm(bob.user, "x", cmid) for _ in range(2)]
        self.assertEqual([d.get("dup") for d in direct], [None, True])

    def test_duplicates_in_one_segment(self):
        connection, room, cmid = self.raw_ready(), fresh("room"), os.urandom(8)
        connection.send(encode("create", 3, room=room) + encode("publish", 0, room=room, body="x", cmid=cmid)
                        + b"".join(encode("publish", i, room=room, body="x", cmid=cmid, flags=cbp.RETRY * (i % 2)) for i in range(4, 9)))
        frames = {f.id: f for f in (read_frame(connection) for _ in range(6))}
        self.assertEqual([(frames[i].get("seq"), frames[i].get("dup")) for i in range(4, 9)], [(2, True)] * 5)

    def test_retry_too_old(self):
        alice, bob, room = self.two_in_a_room()
        retry = {"room": room, "body": "x", "age": 500_000}
        with self.refused(602):                              # before the log-in of the account
            alice.reply(alice.send("publish", flags=cbp.RETRY, **retry, cmid=os.urandom(8)))

    def test_retry_in_a_conversation_not_begun(self):
        alice, bob = self.client(fresh("alice")), self.client(fresh("bob"))
        with self.refused(602):
            alice.reply(alice.send("dm", flags=cbp.RETRY, to=bob.user, body="x", cmid=os.urandom(8), age=1))

    def test_retry_without_age_or_age_without_retry(self):
        alice, bob, room = self.two_in_a_room()
        answer = alice.reply(alice.send("publish", flags=cbp.RETRY, room=room, body="x", cmid=os.urandom(8)))
        self.assertNotIn("dup", answer.fields)
        self.assertNotIn("dup", alice.publish(room, "x", age=500_000).fields)

    def test_retry_without_cmid(self):
        alice, bob, room = self.two_in_a_room()
        for request, where in (("publish", {"room": room}), ("dm", {"to": bob.user})):
            with self.subTest(request), self.refused(104, "cmid"):
                alice.reply(alice.send(request, flags=cbp.RETRY, body="x", **where))

    def test_ref_needs_a_kind(self):
        """9.1: what is said refers to no event."""
        connection = self.raw_ready()
        for name, where in (("publish", encode_field(1, True, b"lobby")), ("dm", b"")):
            for kind in (b"", encode_field(5, True, b""), encode_field(5, True, b"\7")):
                with self.subTest(name, kind=kind):
                    to = encode_field(0x20, True, b"nobody") if name == "dm" else b""
                    payload = where + kind + encode_field(7, True, b"\1") + encode_field(0x10, False, b"hi") + to
                    connection.send(encode_header(len(payload), cbp.FRAME_NAMED[name].number, 0, 5) + payload)
                    frame = read_frame(connection)
                    self.assertEqual((frame.name, frame.get("code"), frame.get("field")), ("error", 108, 7), frame)
                    connection.close()
                    connection = self.raw_ready()

    def test_acknowledgement_levels(self):
        alice, bob, room = self.two_in_a_room()
        for ack in (1, 2, 3):
            self.assertEqual(alice.publish(room, "x", ack=ack)["ack"], 1)
        with self.refused(108, "ack"):
            alice.publish(room, "x", ack=0)
        with self.refused(108, "ack"):
            alice.publish(room, "x", ack=4)


globals().update(everywhere(Cursors))
