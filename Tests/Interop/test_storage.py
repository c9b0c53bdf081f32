"""What outlives the broker: durable publishes, HISTORY, cursors and retries across restarts (7.22 to 7.25, 8, 9)."""
import os
import resource
import socket
import unittest
from pathlib import Path

from broker import PATIENCE, Broker, fresh
from cbp import RETRY, BrokerError
from stored import Stored


class Storage(Stored, unittest.TestCase):
    def room_of(self, client, count, **fields):
        room = fresh("room")
        client.create(room)
        joined = client.join(room)
        for i in range(count):
            last = client.publish(room, f"m{i}", **fields)
        return room, joined["epoch"], last["seq"]

    def bodies(self, events):
        return [event["body"] for event in events if event.get("body") is not None]

    def test_durable_publishes_outlive_a_clean_stop(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                self.start(loops)
                ada = self.client("ada")
                room, epoch, head = self.room_of(ada, 10, ack=2)
                self.assertEqual(ada.publish(room, "level 1", ack=1)["ack"], 1)
                self.assertEqual(ada.publish(room, "level 2", ack=2)["ack"], 2)
                self.assertEqual(ada.publish(room, "level 3", ack=3)["ack"], 2)
                self.assertEqual(self.broker.stop(), 0)
                self.start(loops)
                bob = self.client("bob")
                joined = bob.join(room, cursor=(epoch, head - 1), tail=1000)
                self.assertEqual((joined["epoch"], joined["next"]), (epoch, head))
                self.assertEqual(joined["policy"] & 8, 8)
                self.assertEqual(bob.next_event("deliver", room=room)["body"], "m9")
                events, covered, floor = bob.history(room)
                self.assertEqual(self.bodies(events), [f"m{i}" for i in range(10)] + ["level 1", "level 2", "level 3"])
                self.assertEqual((covered[0], floor), (1, 1))
                self.broker.stop()

    def test_what_was_acknowledged_as_durable_outlives_a_kill(self):
        self.start(2)
        ada = self.client("ada")
        room, epoch, head = self.room_of(ada, 20, ack=2)
        self.broker.kill()
        self.start(2)
        bob = self.client("bob")
        joined = bob.join(room, cursor=(epoch, head), tail=1000)
        self.assertEqual((joined["epoch"], joined["next"]), (epoch, head + 1))
        # What may have been delivered and was not stored is named by one event, and the numbers go on behind it.
        void = bob.next_event("deliver", room=room)
        self.assertEqual((void["kind"], void["from"], void["from_seq"], void["to_seq"]),
                         (37, "broker", head + 1, void["seq"] - 1))
        events, covered, _ = bob.history(room)
        self.assertEqual(self.bodies(events), [f"m{i}" for i in range(20)])
        self.assertEqual(bob.publish(room, "goes on", ack=2)["ack"], 2)
        # A tail counts events and not the numbers that were lost.
        eve = self.client("eve")
        self.assertEqual(eve.join(room, tail=10)["next"], head - 10 + 4)      # void, bob, "goes on", eve comes after
        self.assertEqual(eve.next_event("deliver", room=room)["body"], "m13")

    def test_a_retry_after_a_restart_has_one_effect(self):
        for end in (Broker.stop, Broker.kill):
            with self.subTest(end=end.__name__):
                self.start()
                ada = self.client("ada")
                room, _, _ = self.room_of(ada, 1, ack=2)
                cmid = os.urandom(8)
                first = ada.publish(room, "once", cmid, ack=2)
                end(self.broker)
                self.start()
                ada = self.client("ada")
                ada.join(room)
                again = ada.reply(ada.send("publish", RETRY, room=room, body="once", cmid=cmid, age=1000, ack=2))
                self.assertEqual((again["seq"], again.get("dup"), again["ack"]), (first["seq"], True, 2))
                # What never arrived is published now, and once.
                lost = os.urandom(8)
                fields = dict(room=room, body="late", cmid=lost, age=60000, ack=2)
                new = ada.reply(ada.send("publish", RETRY, **fields))
                self.assertIsNone(new.get("dup"))
                self.assertEqual(ada.reply(ada.send("publish", RETRY, **fields))["seq"], new["seq"])
                self.assertEqual(self.bodies(ada.history(room)[0]), ["m0", "once", "late"])
                self.broker.stop()

    def test_a_tail_reaches_below_memory(self):
        self.start(2, rooms_recent_events_per_room=8)
        ada = self.client("ada")
        room, epoch, head = self.room_of(ada, 400)
        bob = self.client("bob")
        joined = bob.join(room, tail=300)
        self.assertEqual((joined["floor"], joined["next"]), (1, head + 1 - 300))
        for seq in range(joined["next"], head + 1):
            self.assertEqual(bob.next_event("deliver", room=room)["seq"], seq)
        eve = self.client("eve")
        self.assertEqual(eve.join(room, cursor=(epoch, 5), tail=1000)["next"], 6)
        while eve.next_event("deliver", room=room)["seq"] < head:
            pass

    def test_history_in_pages(self):
        self.start(2, rooms_recent_events_per_room=8)
        ada = self.client("ada")
        room, epoch, head = self.room_of(ada, 300)
        whole = [f"m{i}" for i in range(300)]
        backwards, to = [], head
        while to > 0:
            events, covered, floor = ada.history(room, 0, to, limit=37)
            self.assertEqual((covered[1], floor), (to, 1))
            backwards = events + backwards
            to = covered[0] - 1
        self.assertEqual(self.bodies(backwards), whole)
        forwards, at = [], 1
        while at <= head:
            events, covered, _ = ada.history(room, at, limit=41, dir=1, epoch=epoch)
            self.assertEqual(covered[0], at)
            forwards += events
            at = covered[1] + 1
        self.assertEqual(self.bodies(forwards), whole)
        self.assertEqual([e["seq"] for e in ada.history(room, 7, 9)[0]], [7, 8, 9])
        self.assertEqual(ada.history(room, head + 5)[:2], ([], (head + 1, head)))
        with self.refused(600):
            ada.history(room, 1, 5, epoch=epoch + 1)
        with self.refused(108, "to_seq"):
            ada.history(room, 6, 5)
        bob = self.client("bob")
        with self.refused(407):
            bob.history(room)
        with self.refused(404):
            bob.history("nowhere")

    def test_large_pages_come_in_several_frames(self):
        self.start(rooms_recent_events_per_room=2)
        ada = self.client("ada")
        room = fresh("large")
        ada.create(room)
        ada.join(room)
        for i in range(12):
            head = ada.publish(room, f"{i:02}" + "x" * 16000)["seq"]
        events, covered, _ = ada.history(room, 1, head)
        self.assertEqual([body[:2] for body in self.bodies(events)], [f"{i:02}" for i in range(12)])
        self.assertEqual(covered, (1, head))

    def test_resuming_many_rooms(self):
        self.start(2)
        device = os.urandom(16)
        ada = self.client("ada", device=device, caps=["resume", "x-other"])
        self.assertEqual(ada.welcome["caps"], ["resume"])
        rooms = [self.room_of(ada, 3) for _ in range(20)]
        again = self.client("ada", device=device)             # the account goes on, with its memberships
        cursors = {room: (epoch, head - 1) for room, epoch, head in rooms}
        cursors[rooms[0][0]] = (1, 1)
        cursors[rooms[1][0]] = (rooms[1][1], rooms[1][2] + 100)
        cursors["nowhere"] = (1, 1)
        records = again.resume(cursors)
        self.assertEqual([record["room"] for record in records], list(cursors))
        self.assertEqual([record.get("code") for record in records], [600, 601] + 18 * [None] + [404])
        self.assertEqual(records[0]["epoch"], rooms[0][1])
        for room, _, head in rooms[2:]:
            self.assertEqual(again.next_event("deliver", room=room)["seq"], head)
        bob = self.client("bob")
        self.assertEqual([r["code"] for r in bob.resume({rooms[5][0]: cursors[rooms[5][0]]})], [407])

    def test_history_of_a_conversation_and_its_end(self):
        self.start(2)
        ada, bob = self.client("ada"), self.client("bob")
        for i in range(5):
            said = ada.dm("bob", f"d{i}", ack=2)
            self.assertEqual(said["ack"], 2)
        self.assertEqual(self.bodies(bob.history("@ada+bob")[0]), [f"d{i}" for i in range(5)])
        eve = self.client("eve")
        with self.refused(404):
            eve.history("@ada+bob")

    def test_without_storage_history_is_what_memory_holds(self):
        self.broker = self.own(rooms_recent_events_per_room=4)
        ada = self.client("ada")
        room, _, head = self.room_of(ada, 10)
        self.assertEqual(ada.publish(room, "m10", ack=2)["ack"], 1)
        events, covered, floor = ada.history(room)
        self.assertEqual((self.bodies(events), covered, floor), (["m7", "m8", "m9", "m10"], (head - 2, head + 1), head - 2))
        with self.refused(411):
            ada.history(room, 1, 3)
        with self.refused(501):
            ada.create(fresh("kept"), policy=8)

    def test_retention_raises_the_floor(self):
        self.start(storage_retained_events_per_room_max=50, rooms_recent_events_per_room=4)
        ada = self.client("ada")
        room, epoch, head = self.room_of(ada, 300)
        self.broker.stop()
        self.start(storage_retained_events_per_room_max=50, rooms_recent_events_per_room=4)
        ada = self.client("ada")
        ada.join(room)
        floor = ada.wait(lambda: max(0, ada.history(room)[2] - 1), what="a floor") + 1
        self.assertGreater(floor, head - 60)
        with self.refused(411):
            ada.history(room, 1, 5)

    def health(self):
        """The whole answer of /healthz."""
        with socket.create_connection((self.broker.host, self.broker.port), PATIENCE) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(4096), b""))

    def limit_files(self, size):
        resource.prlimit(self.broker.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def test_a_disk_that_takes_nothing_more(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                self.start(loops)
                ada = self.client("ada")
                room, epoch, head = self.room_of(ada, 5, ack=2)
                self.limit_files(Path(self.folder, "history.sqlite3-wal").stat().st_size)
                codes = []
                for i in range(4):
                    with self.assertRaises(BrokerError) as caught:
                        ada.publish(room, f"lost {i}", ack=2)
                    codes.append(caught.exception.code)
                # What was sent before anybody knew may have had its number; what came later was refused at once.
                self.assertIn(codes, ([603, 504, 504, 504], [504, 504, 504, 504]))
                self.assertEqual(ada.publish(room, "lost too")["ack"], 1)
                with self.refused(504):
                    ada.create(fresh("never"))
                self.assertEqual(self.bodies(ada.history(room, 1, head)[0]), [f"m{i}" for i in range(5)])
                self.broker.lines_with("STORAGE: nothing is stored", 1)
                self.assertIn(b"\nSTORAGE ", self.health())
                self.limit_files(resource.RLIM_INFINITY)

                def stored():
                    try:
                        return ada.publish(room, "again", ack=2)
                    except BrokerError as error:
                        self.assertEqual(error.code, 504)
                self.assertEqual(ada.wait(stored, what="recovery")["ack"], 2)
                self.broker.lines_with("messages are stored again", 1)
                self.assertTrue(self.health().endswith(b"\r\n\r\nok\n"))
                events = ada.history(room)[0]
                self.assertEqual(self.bodies(events), [f"m{i}" for i in range(5)] + ["again"])
                voids = [event for event in events if event.get("kind") == 37]
                self.assertEqual([void["from_seq"] for void in voids], [head + 1])
                self.broker.kill()
                self.start(loops)
                bob = self.client("bob")
                bob.join(room)
                self.assertEqual(self.bodies(bob.history(room, epoch=epoch)[0]), [f"m{i}" for i in range(5)] + ["again"])
                self.broker.stop()

    def refusal(self, **settings):
        with self.assertRaises(RuntimeError) as caught:
            Broker(**{"runtime_data_directory": self.folder} | settings)
        lines = [line for line in str(caught.exception).splitlines() if "broker: " in line]
        self.assertEqual(len(lines), 1, str(caught.exception))
        return lines[0]

    def test_what_cannot_be_opened_is_refused_in_one_line(self):
        self.start()
        ada = self.client("ada")
        self.room_of(ada, 1, ack=2)
        self.assertIn(f"in use by another broker (process {self.broker.process.pid})", self.refusal())
        self.broker.stop()
        file = Path(self.folder, "history.sqlite3")
        octets = file.read_bytes()
        file.write_bytes(b"")
        self.assertIn("is damaged", self.refusal())
        file.write_bytes(b"no database at all" + octets[18:])
        self.assertIn("is damaged", self.refusal())
        file.unlink()
        self.assertIn("is damaged", self.refusal())
        file.write_bytes(octets)
        self.start()
        self.assertEqual(self.client("ada").join("lobby")["policy"], 24)
        self.broker.stop()
        self.assertIn("making the directory", self.refusal(runtime_data_directory="/proc/nowhere/data"))


if __name__ == "__main__":
    unittest.main()
