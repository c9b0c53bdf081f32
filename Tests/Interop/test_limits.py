"""Each limit at its value and one above; text; fields that nobody knows."""
import os

import cbp
from broker import fresh
from cbp import encode
from harness import Sessions, everywhere, read_frame


class Limits(Sessions):
    def test_limits_of_hello(self):
        good = {"agent": "x"}
        cases = [("agent", "x" * 64, "x" * 65), ("caps", ["x"] * 64, ["x"] * 65), ("caps", ["x" * 64], ["x" * 65]),
                 ("device", b"d" * 16, b"d" * 15), ("device", b"d" * 16, b"d" * 17), ("device", b"d" * 16, b""),
                 ("max_frame", 1048576, 1048577), ("agent", "", "ä" * 33), ("max_frame", 0, 2**53)]
        for field, largest, above in cases:
            with self.subTest(field, above=above):
                connection = self.in_state_for(1)
                connection.send(encode("hello", 1, **good | {field: above}))
                frame = read_frame(connection)
                self.assertEqual((frame.get("code"), frame.get("field")), (108, cbp.FIELD_NAMED[field].tag))
                connection.send(encode("hello", 2, **good | {field: largest}))
                self.assertEqual(read_frame(connection).name, "welcome")

    def test_limits_of_auth(self):
        connection = self.in_state_for(3)
        for id_, (fields, code, field) in enumerate((({"mech": "M" * 32}, 202, None), ({"mech": "M" * 33}, 108, "mech"),
                                                     ({"mech": "ANONYMOUS", "sasl": b"a" * 8192}, 400, "sasl"),
                                                     ({"mech": "ANONYMOUS", "sasl": b"a" * 8193}, 108, "sasl"),
                                                     ({"mech": "ANONYMOUS", "sasl": b"a" * 33}, 400, "sasl")), 2):
            connection.send(encode("auth", id_, **fields))
            frame = read_frame(connection)
            self.assertEqual((frame.id, frame.get("code")), (id_, code), fields)
            if field:
                self.assertEqual(frame.get("field"), cbp.FIELD_NAMED[field].tag)
        longest = fresh("n").ljust(32, "x")
        connection.send(encode("auth", 9, mech="ANONYMOUS", sasl=longest.encode()))
        self.assertEqual(read_frame(connection)["user"], longest)

    def test_limits_of_requests(self):
        """18.2: each limit, and one more."""
        cases = [("create", "title", "t" * 128, "t" * 129), ("create", "topic", "t" * 512, "t" * 513), ("join", "tail", 1000, 1001),
                 ("leave", "reason", "r" * 256, "r" * 257), ("list", "limit", 1000, 1001), ("members", "limit", 1000, 1001),
                 ("list", "title", "t" * 128, "t" * 129), ("publish", "mime", "m" * 64, "m" * 65),
                 ("publish", "meta", b"m" * 1024, b"m" * 1025), ("publish", "cmid", os.urandom(8), b"c" * 7),
                 ("publish", "cmid", os.urandom(8), b"c" * 9), ("publish", "age", cbp.MAX_UINT, 2**53), ("publish", "ack", 3, 4),
                 ("publish", "kind", 7, 8), ("publish", "kind", 0, 255), ("publish", "body", "b" * 16384, "b" * 16385),
                 ("dm", "meta", b"m" * 1024, b"m" * 1025), ("dm", "mime", "m" * 64, "m" * 65), ("dm", "body", "", "ä" * 8193),
                 ("join", "epoch", None, 2**53), ("join", "seq", None, 2**53), ("publish", "thread", None, 2**53),
                 ("publish", "reply", 1, 2**53), ("list", "cursor", None, b"c" * 65), ("members", "cursor", None, b"c" * 65)]
        for request, field, largest, above in cases:
            with self.subTest(request, field=field, above=str(above)[:12]):
                client, room = self.client(fresh("limits")), fresh("room")
                fields = {"room": room}
                if request != "create":
                    client.create(room)
                if request in ("publish", "dm"):
                    fields["body"] = "x"
                if request in ("dm", "list"):
                    fields.pop("room")
                if request == "dm":
                    fields["to"] = client.user
                if field in ("epoch", "seq"):
                    fields |= {"epoch": 1, "seq": 1}
                with self.refused(402 if field == "body" else 108, field):
                    client.request(request, **fields | {field: above})
                if largest is not None:
                    client.request(request, **fields | {field: largest})
                client.close()

    def test_grease_field_in_every_request(self):
        """15: a field that nobody knows is skipped wherever it stands."""
        alice, room = self.client(fresh("greased")), fresh("room")
        for request, fields in (("create", {"room": room}), ("join", {"room": room}), ("members", {"room": room}), ("list", {}),
                                ("publish", {"room": room, "body": "x"}), ("dm", {"to": alice.user, "body": "x"}), ("ping", {}),
                                ("leave", {"room": room}), ("auth", {"mech": "ANONYMOUS"})):
            grease = {f"#{number}": os.urandom(5) for number in (0x0F, 0x1F, 0x2F, 0x3F, 0x4F, 0x5F, 0x6F, 0x8F, 300, 20000)}
            with self.subTest(request):
                self.assertNotEqual(alice.request(request, **fields, **grease).name, "error")
        self.assertFalse([e for e in alice.events if any(name.startswith("#") for name in e.fields)])

    def test_pong_repeats_ts(self):
        connection = self.raw_ready()
        for ts in (None, 0, 1, 255, 256, cbp.MAX_UINT):
            connection.send(encode("ping", 9, ts=ts))
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.fields), ("pong", 9, {} if ts is None else {"ts": ts}))

    def test_bad_text(self):
        alice, bob, room = self.two_in_a_room()
        bad = [b"\x1b[2J", b"a\0b", b"\r\n", b"\x7f", b"\xc2\x80", b"\xc2\x9f", b"\xff", b"\xc3", b"\xc0\xaf",
               b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"] + [bytes([c]) for c in range(32) if c not in (9, 10)]
        for text in bad:
            with self.subTest(text):
                for request, field in (("publish", "body"), ("publish", "mime"), ("create", "title"), ("create", "topic")):
                    with self.refused(401, field):
                        alice.request(request, **{"room": room, field: text} | ({"body": b"x"} if field == "mime" else {}))
                with self.refused(401, "body"):
                    alice.request("dm", to=bob.user, body=text)
                with self.refused(401, "reason"):
                    bob.request("leave", room=room, reason=text)
        for text in ("\t\n", "\u00a0", "\ud7ff", "\ue000", "\U0010ffff", "\ufeff", "\u202e", "😀"):
            alice.publish(room, text)
            self.assertEqual(bob.next_event("deliver", body=text)["from"], alice.user)

    def test_body_limit(self):
        alice, bob, room = self.two_in_a_room()
        alice.publish(room, "x" * 16384, meta=b"m" * 1024, mime="m" * 64)
        self.assertEqual(len(bob.next_event("deliver", body="x" * 16384)["body"]), 16384)
        with self.refused(402, "body"):
            alice.publish(room, "x" * 16385)
        with self.refused(108, "meta"):
            alice.publish(room, "x", meta=b"m" * 1025)


globals().update(everywhere(Limits))
