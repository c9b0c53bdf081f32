"""The vectors against the broker; prefaces, states, and what follows AUTH."""
import time

import cbp
from broker import fresh
from cbp import Fault, Frame, encode, encode_frame
from harness import HELLO, Sessions, everywhere, read_frame
from vectors import NEGATIVE, TOLERATED, judge


class States(Sessions):
    def test_negative_vectors(self):
        for octets, sender, code, what in NEGATIVE:
            if sender != "C":
                continue
            with self.subTest(what, octets=octets.hex()):
                type_, id_ = octets[3], int.from_bytes(octets[5:8], "big")
                connection = self.in_state_for(type_)
                connection.send(octets)
                if code in (105, 113) or "GOODBYE" in what:
                    self.assert_goodbye(connection, code)
                else:
                    frame = read_frame(connection)
                    self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, code), frame)
                    if id_ == 0:
                        self.assertEqual(frame.get("type"), type_)
                    self.assert_goes_on(connection, type_)
                connection.close()

    def test_negative_vectors_blame_a_tag(self):
        """`field` of ERROR is the tag concerned, as far as this decoder is sure of it too."""
        for octets, sender, code, what in NEGATIVE:
            if sender != "C" or code not in (103, 104, 108, 400, 401):
                continue
            with self.subTest(what, octets=octets.hex()):
                with self.assertRaises(Fault) as caught:
                    judge(octets)
                connection = self.in_state_for(octets[3])
                connection.send(octets)
                frame = read_frame(connection)
                self.assertEqual((frame.name, frame.get("field")), ("error", caught.exception.tag), frame)
                connection.close()

    def test_negative_frame_then_good_frame_in_one_segment(self):
        connection = self.raw_ready()
        for octets, sender, code, what in NEGATIVE:
            if sender == "C" and 400 <= code <= 401 and octets[3] not in (1, 3, 4):
                connection.send(octets + encode("ping", 5))
                self.assertEqual(read_frame(connection)["code"], code, what)
                self.assertEqual(read_frame(connection).name, "pong")

    def test_tolerated_vectors(self):
        for octets, sender, _, what in TOLERATED:
            if sender != "C":
                continue
            with self.subTest(what, octets=octets.hex()):
                connection = self.in_state_for(octets[3])
                connection.send(octets)
                if octets[5:8] != b"\0\0\0":
                    frame = read_frame(connection)
                    self.assertEqual(frame.id, int.from_bytes(octets[5:8], "big"))
                    if frame.name == "error":                 # well read, but there is no such room, and nothing is stored
                        self.assertIn(frame["code"], (404, 501))
                self.assert_alive(connection)
                connection.close()

    def test_versions(self):
        for preface, answer in (("b343425001010000", "b343425001010000"), ("b343425009010000", "b343425001010000"),
                                ("b343425001010102", "b343425001010000"), ("b34342500100ffff", "b343425001010000")):
            with self.subTest(preface):
                connection = self.connection()
                connection.send(bytes.fromhex(preface) + HELLO)
                self.assertEqual(read_frame(connection).name, "welcome")
                self.assertEqual(connection.preface.hex(), answer)
        for preface in ("b343425009020000", "b343425001020000", "b343425000000000"):
            with self.subTest(preface):
                connection = self.connection()
                connection.send(bytes.fromhex(preface))
                self.assert_goodbye(connection, 107)
                self.assertEqual(connection.preface.hex(), "b343425000010000")

    def test_log_in(self):
        name = fresh("alice")
        client = self.client()
        answer = client.log_in(name)
        self.assertEqual(answer["user"], name)
        self.assertEqual(len(answer["session"]), 16)
        self.assertEqual(client.connection.preface, cbp.PREFACE)
        welcome = client.welcome
        self.assertEqual(welcome["mechs"], ["ANONYMOUS"])
        self.assertEqual([welcome[n] for n in ("heartbeat", "max_frame", "max_body", "max_inflight", "dedup")],
                         [30000, 65536, 16384, 256, 600])
        self.assertLess(abs(welcome["ts"] - time.time() * 1000), 60_000)
        self.assertNotIn("cb", welcome.fields)
        self.assertEqual(client.wait(lambda: client.events and client.events[0]).name, "joined")
        lobby = client.next_event("joined", room="lobby")
        self.assertEqual((lobby["policy"], lobby["role"]), (16, 2))
        self.assertGreater(lobby["epoch"], 0)
        self.assertGreaterEqual(lobby["members"], 1)

    def test_role_in_auth_ok(self):
        """7.5: `role` 1 for a guest."""
        self.assertEqual(self.client().log_in(fresh("guest.role"))["role"], 1)

    def test_lobby_attached_with_tail_0(self):
        """12, 8.4: no cursor, tail 0: the first event is one's own joining."""
        client = self.client(fresh("tail0."))
        joined = client.next_event("joined", room="lobby")
        self.assertEqual(joined["next"], joined["head"])
        own = client.next_event("deliver", room="lobby")
        self.assertEqual((own["seq"], own.get("kind"), own["user"], own["from"]), (joined["head"], 32, client.user, client.user))

    def test_frames_before_their_state(self):
        connection = self.connection()
        connection.send(cbp.PREFACE + encode("auth", 1, mech="ANONYMOUS") + encode("ping", 2) + encode("list", 3))
        for id_ in (1, 2, 3):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, 106))
        connection.send(HELLO)
        self.assertEqual(read_frame(connection).name, "welcome")
        connection.send(HELLO + encode("join", 4, room="lobby") + encode("auth_step", 5, sasl=b"")
                        + encode("publish", 0, room="lobby", body="x"))
        for id_ in (1, 4, 5, 0):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, 106))
        self.assertEqual(frame.get("type"), 0x20)
        connection.send(encode("ping", 6) + encode("auth", 7, mech="ANONYMOUS"))
        self.assertEqual(read_frame(connection).name, "pong")
        self.assertEqual(read_frame(connection).name, "auth_ok")

    def test_frames_that_only_brokers_send(self):
        connection = self.raw_ready()
        connection.send(encode("auth_step", 4, sasl=b"") + encode("ok", 5) + HELLO)
        for id_ in (4, 5, 1):
            frame = read_frame(connection)
            self.assertEqual((frame.name, frame.id, frame.get("code")), ("error", id_, 106))
        connection.send(encode("ok", 0))
        frame = read_frame(connection)
        self.assertEqual((frame.id, frame["code"], frame.get("type")), (0, 106, 8))
        connection.send(encode("pong", 4) + encode("error", 4, code=102) + encode("error", 0, code=500, type=0x22))
        self.assert_alive(connection)

    def test_every_frame_in_every_state(self):
        """6.1: the table of states; 106 for whatever is out of its state or direction, and the state stays."""
        room = fresh("states")
        sender = {"hello": "C", "auth": "C", "ping": "CS", "pong": "CS", "error": "CS", "goodbye": "CS", "auth_step": "CS",
                  "join": "C", "leave": "C", "list": "C", "members": "C", "create": "C", "publish": "C", "dm": "C",
                  "mark": "CS", "typing": "CS", "presence": "CS", "inbox": "C", "resume": "C", "history": "C", "search": "C",
                  "register": "C", "password": "C", "devices": "C", "revoke": "C"}
        examples = {"hello": {"agent": "x"}, "auth": {"mech": "ANONYMOUS"}, "auth_step": {"sasl": b""}, "error": {"code": 500},
                    "join": {"room": room}, "leave": {"room": room}, "members": {"room": room}, "create": {"room": room},
                    "publish": {"room": room, "body": "x"}, "dm": {"to": "nobody.here", "body": "x"},
                    "register": {"user": "x", "sasl": b"x"}, "password": {"sasl": b"x"}, "revoke": {"session": b"x" * 16},
                    "welcome": {"mechs": [], "heartbeat": 1, "max_frame": 65536, "max_body": 1, "max_inflight": 1, "server": "x",
                                "dedup": 1}, "auth_ok": {"user": "x", "session": b"x" * 16},
                    "resume": {"items": []}, "resumed": {"items": []}, "history": {"room": room, "from_seq": 1, "to_seq": 9},
                    "batch": {"room": room, "epoch": 1, "floor": 1, "from_seq": 1, "to_seq": 0, "frames": []},
                    "joined": {"room": room, "epoch": 1, "head": 0, "floor": 1, "next": 1}, "items": {"items": []},
                    "published": {"room": room, "seq": 1, "ts": 1, "ack": 1},
                    "deliver": {"room": room, "seq": 1, "ts": 1, "from": "x"},
                    "lag": {"room": room, "epoch": 1, "next": 2, "from_seq": 1, "to_seq": 1},
                    "mark": {"room": room, "mark": 0}, "typing": {"room": room, "state": 1}, "inbox": {"usn": 0},
                    "search": {"query": "x"}, "found": {"frames": []}}
        allowed = {1: {"hello"}, 3: {"auth", "ping", "register"}, 0x20: {n for n, s in sender.items() if "C" in s} - {"hello", "auth_step"}}
        never_answered = {"pong", "error", "goodbye"}
        for state, names in allowed.items():
            for name in cbp.FRAME_NAMED:
                for id_ in (9, 0):
                    if name in names and id_ == 0 or name == "goodbye":
                        continue                                      # test_id_0, test_goodbye_in_every_state
                    with self.subTest(state=hex(state), frame=name, id=id_):
                        connection = self.in_state_for(state)
                        connection.send(encode_frame(Frame(name, id_, examples.get(name, {}))))
                        if name not in never_answered:
                            frame = read_frame(connection)
                            self.assertEqual(frame.id, id_)
                            if name in names:
                                self.assertNotEqual(frame.get("code"), 106, frame)
                                connection.close()
                                continue
                            needs_id = ("hello", "auth", "auth_step", "ping", "register", "password", "devices", "revoke")
                            code = 108 if id_ == 0 and name in needs_id else 106
                            self.assertEqual((frame.name, frame.get("code")), ("error", code), frame)
                            self.assertEqual(frame.get("type"), None if id_ else cbp.FRAME_NAMED[name].number)
                        self.assert_goes_on(connection, state)
                        connection.close()

    def test_mechanism_not_offered(self):
        connection = self.connection()
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="PLAIN", sasl=b"x"))
        self.assertEqual(read_frame(connection).name, "welcome")
        self.assertEqual(read_frame(connection)["code"], 202)
        connection.send(encode("auth", 3, mech="ANONYMOUS"))
        self.assertEqual(read_frame(connection).name, "auth_ok")

    def test_what_follows_authentication_waits(self):
        """6.3: also another AUTH; what comes behind it happens under the name it granted."""
        first, second, room = fresh("first"), fresh("second"), fresh("room")
        connection = self.connection()
        connection.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=first.encode())
                        + encode("auth", 3, mech="ANONYMOUS", sasl=second.encode()) + encode("create", 4, room=room)
                        + encode("join", 5, room=room, tail=10) + encode("publish", 6, room=room, body="x"))
        frames = [read_frame(connection) for _ in range(6)]
        self.assertEqual([(f.name, f.id) for f in frames[:3]], [("welcome", 1), ("auth_ok", 2), ("auth_ok", 3)])
        self.assertEqual([f["user"] for f in frames[1:3]], [first, second])
        self.assertEqual(sorted(f.id for f in frames), [1, 2, 3, 4, 5, 6])
        connection.send(encode("join", 7, room=room))
        self.assertEqual(read_frame(connection)["role"], 4)
        taken = self.connection()
        taken.send(cbp.PREFACE + HELLO + encode("auth", 2, mech="ANONYMOUS", sasl=second.encode())
                   + encode("auth", 3, mech="ANONYMOUS", sasl=fresh("third").encode()) + encode("ping", 4))
        frames = [read_frame(taken) for _ in range(4)]
        self.assertEqual([(f.name, f.id, f.get("code")) for f in frames],
                         [("welcome", 1, None), ("error", 2, 408), ("auth_ok", 3, None), ("pong", 4, None)])

    def test_publishes_around_a_rename(self):
        """11: before the rename the old name, behind it the new one, and the event of the rename between them, in every room."""
        watcher, rooms = self.client(fresh("watcher")), [fresh("room") for _ in range(6)]
        old, new = fresh("old"), fresh("new")
        connection = self.raw_ready(wish=old)
        for room in rooms:
            watcher.create(room)
            watcher.join(room)
        connection.send(b"".join(encode("join", 0, room=room) for room in rooms)
                        + b"".join(encode("publish", 0, room=room, body="before") for room in rooms)
                        + encode("auth", 5, mech="ANONYMOUS", sasl=new.encode())
                        + b"".join(encode("publish", 0, room=room, body="after") for room in rooms))
        for room in rooms:
            seen = [watcher.next_event("deliver", room=room, kind=kind) for kind in (None, 38, None)]
            self.assertEqual([(e["from"], e.get("body")) for e in seen], [(old, "before"), (new, None), (new, "after")])
            self.assertEqual([e["seq"] for e in seen], sorted(e["seq"] for e in seen))
            self.assertEqual(seen[1]["user"], old)


globals().update(everywhere(States))
