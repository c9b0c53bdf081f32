"""The stream however it is cut, request ids, and how connections end."""
import contextlib
import socket

import cbp
from broker import PATIENCE, fresh
from cbp import Closed, encode, encode_field, encode_header
from harness import HELLO, Sessions, everywhere, interpret, read_frame, read_to_end


class Stream(Sessions):
    def test_pipelined_in_one_segment(self):
        """The whole session of section 1, and more, in one write."""
        name, room = fresh("pipe"), fresh("piped")
        connection = self.connection()
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=name.encode()))
        self.assertEqual(read_frame(connection, "auth_ok")["user"], name)
        connection.send(encode("create", 3, room=room) + encode("join", 4, room=room)
                        + b"".join(encode("publish", 10 + i, room=room, body=f"{i}") for i in range(100))
                        + encode("members", 5, room=room))
        order, delivered = [], []
        while len(order) < 103 or len(delivered) < 100:
            frame = interpret(connection.read(PATIENCE))
            self.assertNotEqual(frame.name, "error", frame)
            if frame.name == "deliver" and frame["room"] == room and frame.get("kind") is None:
                delivered.append(frame["body"])
            elif frame.id:
                order.append(frame.id)
        self.assertEqual(sorted(order), [3, 4, 5] + list(range(10, 110)))
        self.assertEqual(delivered, [f"{i}" for i in range(100)])

    def test_leave_in_the_segment_of_the_publishes(self):
        """7.12: no DELIVER after OK. Whether those before it must all come, the document does not say."""
        connection, room = self.raw_ready(), fresh("brief")
        connection.send(encode("create", 3, room=room) + encode("join", 4, room=room)
                        + b"".join(encode("publish", 10 + i, room=room, body=f"{i}") for i in range(5))
                        + encode("leave", 6, room=room) + encode("ping", 7))
        frames, ids = [], set()
        while len(ids) < 9:
            raw = connection.read(PATIENCE)
            if raw[0][1] == 0x22 or raw[0][3]:
                frames.append(interpret(raw))
                ids |= {frames[-1].id} - {0}
        delivered = [f["body"] for f in frames if f.name == "deliver" and f["room"] == room and "body" in f.fields]
        last = [f.id for f in frames].index(6)
        self.assertFalse([f for f in frames[last:] if f.name == "deliver" and f["room"] == room])
        self.assertEqual(delivered, [f"{i}" for i in range(len(delivered))])     # without a gap, as far as they go

    def test_one_octet_per_segment(self):
        name, room = fresh("slow"), fresh("drip")
        connection = self.connection()

        def drip(octets):
            for i in range(len(octets)):
                connection.send(octets[i:i + 1])
        drip(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=name.encode()))
        self.assertEqual(read_frame(connection).name, "welcome")
        self.assertEqual(read_frame(connection)["user"], name)
        drip(encode("create", 3, room=room) + encode("join", 4, room=room))
        self.assertEqual([read_frame(connection).id for _ in range(2)], [3, 4])
        drip(encode("publish", 5, room=room, body="drop by drop"))
        self.assertEqual(read_frame(connection, "published").id, 5)
        drip(encode("goodbye", code=0))
        self.assertNotIn("goodbye", [f.name for f in read_to_end(connection)])

    def test_odd_cuts(self):
        """Three frames cut at every place into two segments."""
        connection = self.raw_ready()
        octets = encode("ping", 1, ts=5) + encode("list", 2, limit=1) + encode("ping", 3)
        for cut in range(1, len(octets)):
            connection.send(octets[:cut])
            connection.send(octets[cut:])
            self.assertEqual(sorted(read_frame(connection).id for _ in range(3)), [1, 2, 3])

    def test_grease(self):
        connection = self.connection()
        hello = (encode_field(0x30, False, b"grease/1") + encode_field(0x31, False, b"\x0agrease-q7z\x03x-y")
                 + encode_field(0x3F, False, b"\xde\xad\xbe\xef") + encode_field(0x8F, False, b"\0")
                 + encode_field(20000, False, b"z" * 100))
        grease = b"".join(encode_header(3, t, 0, 0) + b"\xff\xff\xff" for t in (0x0F, 0x1F, 0x3E, 0x7F, 0xC0, 0xFE, 0xFF))
        connection.send(cbp.PREFACE + grease + encode_header(len(hello), 1, 0x0C, 1) + hello + grease)
        welcome = read_frame(connection)
        self.assertEqual(welcome.name, "welcome")
        connection.send(grease + encode("auth", 2, mech="ANONYMOUS", flags=0x0C))
        self.assertEqual(read_frame(connection).name, "auth_ok")
        ping = encode_field(0x0F, False, b"x" * 1000) + encode_field(0xFF, False, b"")
        connection.send(grease + encode_header(len(ping), 6, 0x08, 4) + ping + grease)
        self.assertEqual((read_frame(connection).name), "pong")
        connection.send(encode_header(1, 0x1F, 0, 7) + b"\xff" + encode_header(1, 0x2F, 0x40, 8) + b"\xff")
        for id_ in (7, 8):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame["code"]), ("error", id_, 102))
        self.assert_alive(connection)
        body = encode_field(1, True, b"lobby") + encode_field(0x10, False, b"greased") + encode_field(0x7D, False, b"\xff")
        connection.send(encode_header(len(body), 0x20, 0, 9) + body)
        self.assertEqual(read_frame(connection).name, "published")

    def test_reserved_types(self):
        reserved = "0D 17 18 19 1A 30 31 32 33 34 35 38 39"
        for type_ in bytes.fromhex(reserved):
            with self.subTest(hex(type_)):
                connection = self.raw_ready()
                connection.send(encode_header(1, type_, 0, 9) + b"\xff" + encode_header(1, type_, 0, 0) + b"\xff")
                frame = read_frame(connection)
                self.assertEqual((frame.name, frame.id, frame["code"]), ("error", 9, 102), hex(type_))
                self.assert_alive(connection)
                connection.close()

    def test_unknown_types_end_no_connection(self):
        """4: ERROR 102, and the connection goes on; 102 is not among the errors counted by section 5."""
        connection = self.raw_ready()
        for _ in range(12):
            connection.send(encode_header(0, 0x3E, 0, 9))
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame["code"]), ("error", 9, 102), frame)
        self.assert_alive(connection)

    def test_other_errors_end_no_connection(self):
        """5: only 101, 103, 104 and 108 count as faulty payloads."""
        connection = self.raw_ready()
        for octets, code in ((encode("join", 9, room="NO"), 400), (encode("publish", 9, room="lobby", body=b"\xff"), 401),
                             (encode("publish", 9, room="lobby", body="x" * 16385), 402), (HELLO, 106),
                             (encode("join", 9, room="no.such"), 404)):
            for _ in range(12):
                connection.send(octets)
                self.assertEqual(read_frame(connection).get("code"), code)

    def test_oversize_frames(self):
        filler = encode_field(0x6F, False, b"x" * 16000)
        size = 16384 - len(filler) - 8
        payload = encode_field(0x30, False, b"big/1") + filler + encode_field(0x7D, False, b"y" * (size - 2))
        self.assertLessEqual(len(payload), 16384)
        connection = self.connection()
        connection.send(cbp.PREFACE + encode_header(len(payload), 1, 0, 1) + payload)
        self.assertEqual(read_frame(connection).name, "welcome")
        connection.send(encode_header(16385, 6, 0, 1))
        self.assert_goodbye(connection, 105)
        connection = self.raw_ready()
        payload = encode_field(0x6F, False, b"x" * (65536 - 5))
        self.assertEqual(len(payload), 65536)
        connection.send(encode_header(65536, 6, 0, 1) + payload)
        self.assertEqual(read_frame(connection).name, "pong")
        connection.send(encode("ping", 7) + encode_header(65537, 6, 0, 1))
        self.assertEqual(read_frame(connection).id, 7)           # what came before is answered
        self.assert_goodbye(connection, 105)

    def test_id_0(self):
        alice, bob, room = self.two_in_a_room()
        bob.send_without_reply("publish", room=room, body="quietly", ack=1)
        alice.next_event("deliver", room=room, body="quietly")
        bob.send_without_reply("publish", room=fresh("nowhere"), body="x")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error.get("type"), error.get("room", "")[:7]), (404, 0x20, "nowhere"))
        bob.send_without_reply("dm", to="nobody.at.all", body="x")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error.get("type")), (405, 0x23))
        mine = fresh("mine")
        bob.send_without_reply("create", room=mine)
        bob.send_without_reply("join", room=mine)
        joined = bob.next_event("joined", room=mine)
        self.assertEqual((joined.id, joined["role"]), (0, 4))
        bob.send_without_reply("leave", room=mine)
        bob.publish("lobby", "x")
        with self.refused(407):
            bob.publish(mine, "x")
        bob.send_without_reply("join", room=mine, epoch=1, seq=1)
        error = bob.next_event("error")
        self.assertEqual((error["code"], error["type"], error["room"]), (600, 0x10, mine))
        self.assertIn("head", error.fields)
        bob.send_without_reply("ping")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error["type"]), (108, 6))
        bob.send_without_reply("auth", mech="ANONYMOUS")
        error = bob.next_event("error")
        self.assertEqual((error["code"], error["type"]), (108, 3))
        bob.connection.send(encode_header(3, 6, 0, 0) + b"\xff\xff\xff")     # before the payload
        self.assertEqual(bob.next_event("error")["code"], 108)
        bob.send_without_reply("list")
        bob.send_without_reply("members", room=room)
        self.assertEqual(bob.ping().name, "pong")
        self.assertFalse([e for e in bob.events if e.name == "error"])

    def test_id_used_again_after_its_reply(self):
        connection = self.raw_ready()
        for _ in range(20):
            connection.send(encode("list", 0xFFFFFF, limit=1))
            self.assertEqual(read_frame(connection).id, 0xFFFFFF)

    def test_id_used_again_before_its_reply(self):
        """GOODBYE 109, if the first was not answered yet; both are answered otherwise."""
        connection = self.raw_ready()
        connection.send(b"".join(encode("publish", 5, room="lobby", body="x") for _ in range(50)))
        replies = 0
        with contextlib.suppress(Closed):
            while replies < 50:
                frame = read_frame(connection)
                if frame.name == "goodbye":
                    self.assertEqual(frame["code"], 109)
                    return
                self.assertEqual((frame.name, frame.id), ("published", 5))
                replies += 1
        self.assertEqual(replies, 50, "closed without GOODBYE")

    def test_id_used_again_in_one_segment(self):
        """4: a room on the other loop has certainly not answered yet."""
        if self.loops == 1:
            self.skipTest("with one loop the first may be answered before the second is read")
        ends = []
        for _ in range(12):
            connection, room = self.raw_ready(), fresh("room")
            connection.send(encode("create", 3, room=room))
            self.assertEqual(read_frame(connection).id, 3)
            connection.send(encode("publish", 5, room=room, body="x") + encode("publish", 5, room=room, body="y") + encode("goodbye", code=0))
            frames = [f for f in read_to_end(connection) if f.name not in ("deliver", "joined")]
            self.assertEqual((frames[0].name, frames[0].id), ("published", 5))
            ends.append((frames[-1].name, frames[-1].get("code")))
            connection.close()
        self.assertIn(("goodbye", 109), ends)
        self.assertLessEqual(set(ends), {("goodbye", 109), ("published", None)})

    def test_seven_faults_are_survived(self):
        connection = self.raw_ready()
        for i in range(7):
            connection.send(encode_header(1, 6, 0, 3) + b"\x03")
            self.assertEqual(read_frame(connection)["code"], 101)
        self.assert_alive(connection)
        connection.send(encode_header(1, 6, 0, 3) + b"\x03" + encode("ping", 4))
        self.assertEqual(read_frame(connection)["code"], 101)
        frame = read_frame(connection)
        self.assertTrue(frame.name == "pong" or frame["code"] == 112, frame)

    def test_fatal_frame_ends_after_the_answers(self):
        """6.5: the frames before the faulty one are answered, GOODBYE is the last frame, and input behind it destroys nothing."""
        faults = ((encode_header(65537, 6, 0, 9), 105), (encode_header(0, 6, 0x20, 9), 113), (encode_header(0, 0x3E, 0x40, 0), 102))
        for octets, code in faults:
            with self.subTest(code):
                connection, rooms = self.raw_ready(), [fresh("room") for _ in range(8)]
                connection.send(b"".join(encode("create", 10 + i, room=room) + encode("publish", 20 + i, room=room, body="x" * 1000)
                                         + encode("join", 30 + i, room=room, tail=5) for i, room in enumerate(rooms))
                                + encode("list", 40) + encode("ping", 41) + octets + b"\xff" * 300_000)
                frames = read_to_end(connection)
                self.assertEqual((frames[-1].name, frames[-1].get("code"), frames[-1].id), ("goodbye", code, 0))
                self.assertEqual(sorted(f.id for f in frames if f.id and not f.flags & cbp.MORE),
                                 [*range(10, 18), *range(20, 28), *range(30, 38), 40, 41])

    def test_goodbye_of_the_client(self):
        connection = self.raw_ready()
        connection.send(encode("publish", 3, room="lobby", body="bye") + encode("list", 4, limit=1)
                        + encode("goodbye", code=0) + encode("ping", 5))
        frames = read_to_end(connection)
        self.assertEqual({f.id for f in frames if f.id}, {3, 4})
        self.assertNotIn("goodbye", [f.name for f in frames])

    def test_goodbye_in_every_state(self):
        for before in (cbp.PREFACE, cbp.PREFACE + HELLO):
            connection = self.connection()
            connection.send(before + encode("goodbye", code=0))
            self.assertNotIn("goodbye", [f.name for f in read_to_end(connection)])

    def test_half_close(self):
        """6.5: as without GOODBYE; the account ends."""
        if self.secure:
            self.skipTest("the ssl module cannot close one direction")
        alice, name = self.client(fresh("alice")), fresh("half")
        alice.wait(lambda: "lobby" in alice.positions)
        connection = self.raw_ready(wish=name)
        connection.sock.shutdown(socket.SHUT_WR)
        read_to_end(connection)
        alice.next_event("deliver", room="lobby", kind=33, user=name)

    def test_end_is_noticed(self):
        alice, bob, room = self.two_in_a_room()
        name = bob.user
        bob.close()
        alice.next_event("deliver", room=room, kind=33, user=name)
        self.assertEqual(self.log_in_when_free(name).user, name)
        self.assertEqual([m["user"] for m in alice.members(room)[0]], [alice.user])


globals().update(everywhere(Stream))
