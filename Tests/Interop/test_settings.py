"""Brokers of their own, with limits made small."""
import contextlib
import os
import re
import signal
import time
import unittest

import cbp
from cbp import BrokerError, Closed, Goodbye, encode, encode_header
from harness import PATIENCE, fresh, Broker, read_frame, read_to_end, HELLO, Case


class Settings(Case, unittest.TestCase):
    def test_number_of_faults(self):
        """5: the error that is one too many is answered, then comes GOODBYE 112; codes of other meaning do not count."""
        broker = self.own(limits_malformed_frames_max=3)
        connection = self.raw_ready(broker)
        bad = (encode("join", 9), encode_header(1, 6, 0, 9) + b"\x03", encode("join", 9, room="lobby", tail=1001))
        for octets in (encode("join", 9, room="NO"), encode("join", 9, room="no.such"), HELLO, encode_header(0, 0x3E, 0, 9)) * 2:
            connection.send(octets)
            self.assertEqual(read_frame(connection).name, "error")
        connection.send(b"".join(bad) + encode("ping", 10))
        frames = [f for f in read_to_end(connection) if f.name not in ("deliver", "joined")]
        self.assertEqual([f.get("code") for f in frames], [104, 101, 108, 112])

    def test_memory_of_messages_is_bounded(self):
        """9.3: the latest by number; what certainly is covered begins with the newest message dropped."""
        broker = self.own(rooms_deduplication_entries_per_account_max=4)
        client = self.client(fresh("a"), broker)
        ids = [os.urandom(8) for _ in range(6)]
        seqs = [client.publish("lobby", "x", cmid)["seq"] for cmid in ids]

        def retry(cmid, age):
            return client.reply(client.send("publish", flags=cbp.RETRY, room="lobby", body="x", cmid=cmid, age=age))
        for cmid, seq in list(zip(ids, seqs))[2:]:
            answer = retry(cmid, 10_000_000)
            self.assertEqual((answer["seq"], answer.get("dup")), (seq, True))
        for cmid in ids[:2]:
            with self.refused(602):
                retry(cmid, 5_000)
        self.assertEqual(client.join("lobby")["head"], seqs[-1])         # nothing was appended
        self.assertNotIn("dup", client.publish("lobby", "x", ids[0]).fields)

    def test_memory_of_messages_is_bounded_in_time(self):
        broker = self.own(rooms_deduplication_seconds=1)
        client = self.client(fresh("a"), broker)
        self.assertEqual(client.welcome["dedup"], 1)
        cmid = os.urandom(8)
        first = client.publish("lobby", "x", cmid)
        with self.refused(602):
            client.reply(client.send("publish", flags=cbp.RETRY, room="lobby", body="x", cmid=os.urandom(8), age=1000))
        answer = client.reply(client.send("publish", flags=cbp.RETRY, room="lobby", body="x", cmid=cmid, age=0))
        self.assertEqual((answer["seq"], answer.get("dup")), (first["seq"], True))

    def test_connections_of_one_address(self):
        broker = self.own(limits_connections_per_address_max=2)
        first, second = self.client(fresh("a"), broker), self.client(fresh("b"), broker)
        connection = self.connection(broker)
        with contextlib.suppress(Closed):
            connection.send(cbp.PREFACE + HELLO)
        self.assertIn([f.get("code") for f in read_to_end(connection)], ([], [704]))
        second.leave_broker()
        deadline = time.monotonic() + PATIENCE
        while True:
            third = self.client(broker=broker)
            with contextlib.suppress(Closed):
                third.log_in(fresh("c"))
                break
            third.close()
            self.assertLess(time.monotonic(), deadline, "the place is not free again")
        self.assertEqual(first.ping().name, "pong")

    def test_requests_under_way_at_shutdown_are_answered(self):
        """6.5: GOODBYE comes after the answers to the requests read before."""
        with Broker(2) as broker:
            client, room = self.client(fresh("late"), broker), fresh("room")
            client.create(room)
            ids = [client.send("publish", room=room, body="x" * 100) for _ in range(200)]
            client.reply(ids[0])
            broker.terminate()
            with self.assertRaises(Goodbye) as caught:
                client.wait(lambda: False)
            self.assertEqual(caught.exception.code, 503)
            outcomes = [i in client._outstanding for i in ids]
            self.assertEqual(outcomes, sorted(outcomes), "a request was passed over")       # answered, up to one, then none
            client.close()

    def test_shutdown(self):
        with Broker(2) as broker:
            clients = [self.client(fresh("shut"), broker) for _ in range(6)]
            early = [self.connection(broker) for _ in range(3)]
            early[1].send(cbp.PREFACE)
            early[2].send(cbp.PREFACE + HELLO)
            self.assertEqual(read_frame(early[2]).name, "welcome")
            broker.terminate()
            waits = []
            for client in clients:
                with self.assertRaises(Goodbye) as caught:
                    client.wait(lambda: False)
                self.assertEqual(caught.exception.code, 503)
                self.assertNotIn("end", caught.exception.frame.fields)
                waits.append(caught.exception.frame["retry_ms"])
                client.close()
            self.assertGreater(len(set(waits)), 1, waits)
            self.assertEqual(self.assert_goodbye(early[2], 503).id, 0)
            for connection in early:
                connection.close()
            self.assertEqual(broker.process.wait(PATIENCE), 0, broker.output())

    def test_shutdown_with_clients_that_do_not_close(self):
        with Broker(1, runtime_shutdown_timeout_milliseconds=1000) as broker:
            self.raw_ready(broker)
            self.connection(broker)
            broker.terminate()
            self.assertEqual(broker.process.wait(PATIENCE), 0, broker.output())

    def test_loops_report_what_they_have(self):
        """SIGUSR1 (docs/OPERATIONS.md): a line for each loop, and the broker goes on."""
        broker = self.own(loops=2, log_level="notice")
        client = self.client(fresh("a"), broker)
        for _ in range(3):
            client.publish("lobby", "x", os.urandom(8))
        broker.process.send_signal(signal.SIGUSR1)
        counts = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in broker.lines_with("delivered=", 2)]
        self.assertEqual(sorted(c["loop"] for c in counts), ["0", "1"])
        for name, total in {"connections": 1, "rooms": 4, "accounts": 1, "published": 3, "backlog_bytes": 0, "lags": 0}.items():
            self.assertEqual(sum(int(c[name]) for c in counts), total, name)
        client.publish("lobby", "x", os.urandom(8))

    def test_epoch_changes_with_the_process(self):
        with Broker() as broker:
            with self.client("", broker) as client:
                before = client.next_event("joined")
        with Broker() as broker:
            client = self.client("", broker)
            after = client.next_event("joined")
            self.assertGreater(after["epoch"], before["epoch"])
            with self.refused(600):
                client.join("lobby", (before["epoch"], before["head"]), tail=1000)
            self.assertEqual(client.join("lobby")["epoch"], after["epoch"])
            client.close()

    def test_max_inflight(self):
        broker = self.own(2, limits_requests_in_flight_max=2)
        client = self.client(fresh("flood"), broker)
        self.assertEqual(client.welcome["max_inflight"], 2)
        rooms = [fresh("r") for _ in range(8)]                    # on either loop
        for room in rooms:
            client.create(room)
        refused = 0
        for _ in range(20):
            ids = list(range(100, 200))
            client.connection.send(b"".join(encode("publish", i, room=rooms[i % 8], body="x") for i in ids))
            client._outstanding.update(ids)
            for i in ids:
                try:
                    self.assertEqual(client.reply(i).name, "published")
                except BrokerError as error:
                    self.assertEqual(error.code, 702)
                    refused += 1
            if refused:
                break
        self.assertGreater(refused, 0, "2000 requests, never more than 2 in flight")
        for i in range(300):                                      # id 0 does not count
            client.send_without_reply("publish", room=rooms[i % 8], body="x")
        self.assertEqual(client.ping().name, "pong")
        self.assertFalse([e for e in client.events if e.name == "error"])

    def test_rate_limit(self):
        broker = self.own(limits_publishes_per_second=20, limits_publish_burst=5)
        client = self.client(fresh("fast"), broker)
        ids = [client.send("publish", room="lobby", body="x") for _ in range(40)]
        outcomes = []
        for i in ids:
            try:
                outcomes.append(client.reply(i).name)
            except BrokerError as error:
                self.assertEqual(error.code, 700)
                self.assertGreater(error.frame["retry_ms"], 0)
                outcomes.append(700)
        self.assertEqual(len(outcomes), 40)
        self.assertGreaterEqual(outcomes.count("published"), 5)

    def test_full_rooms(self):
        broker = self.own(rooms_members_per_room_max=2)
        a, b = self.client(fresh("a"), broker), self.client(fresh("b"), broker)
        c = self.client(fresh("c"), broker)                       # the lobby is full
        self.assertEqual(c.ping().name, "pong")
        self.assertFalse([e for e in c.events if e.name == "joined"])
        with self.refused(502):
            c.join("lobby")
        a.create("r1")
        b.join("r1")
        with self.refused(502):
            c.join("r1")

    def test_too_many_rooms_in_all(self):
        """703: how many rooms the number counts (the lobby?) the document does not say."""
        broker = self.own(rooms_rooms_max=5)
        a = self.client(fresh("a"), broker)
        with self.refused(703):
            for i in range(6):
                a.create(f"r{i}")

    def test_too_many_rooms_of_an_account_by_join(self):
        """13: the lobby and conversations are not counted."""
        broker = self.own(rooms_rooms_per_account_max=2)
        a, b = self.client(fresh("a"), broker), self.client(fresh("b"), broker)
        c = self.client(fresh("c"), broker)
        a.create("r1")
        a.create("r2")
        c.create("r3")
        b.dm(a.user, "x")
        b.join("r1")
        b.join("r2")
        for _ in range(2):
            with self.refused(701):
                b.join("r3")
        b.join("r2")                                              # a member already
        b.leave("r1")
        b.join("r3")
        with self.refused(701):
            b.join("r1")

    def test_too_many_rooms_of_an_account_by_create(self):
        """7.16: 701."""
        broker = self.own(rooms_rooms_per_account_max=2)
        a = self.client(fresh("a"), broker)
        for room in ("r0", "r1"):
            a.create(room)
            with self.refused(408):
                a.create(room)
        for _ in range(2):
            with self.refused(701):
                a.create("r2")
        a.leave("r0")
        a.create("r2")

    def test_guests_off_and_numbered(self):
        client = self.client(None, self.own(guests_mode="off"))
        with self.refused(202):
            client.log_in("alice")
        self.assertEqual(client.welcome["mechs"], [])
        broker = self.own(guests_mode="numbered")
        for wish in ("alice", ""):
            client = self.client(wish, broker)
            self.assertTrue(client.user.startswith("guest-"))
            self.assertEqual(client.authenticate("bob")["user"], client.user)

    def test_lobby_not_joined(self):
        broker = self.own(rooms_lobby_autojoin="false", rooms_lobby_topic="Be kind")
        client = self.client(fresh("a"), broker)
        client.ping()
        self.assertFalse(client.events)
        self.assertEqual(client.join("lobby")["topic"], "Be kind")
        client.leave("lobby")

    def test_notices_end_in_large_rooms(self):
        broker = self.own(rooms_notice_members_max=2)
        a, b, c = (self.client(fresh("n"), broker) for _ in range(3))
        a.publish("lobby", "mark")
        a.next_event("deliver", body="mark")
        self.assertFalse([e for e in a.events if e.get("user") == c.user])
        self.assertTrue([e for e in a.events if e.get("user") == b.user])

    def test_removed_room(self):
        broker = self.own(rooms_empty_room_seconds=0)
        a = self.client(fresh("a"), broker)
        a.create("passing")
        epoch = a.join("passing")["epoch"]
        a.leave("passing")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                a.create("passing")
                break
            except BrokerError as error:
                self.assertEqual(error.code, 408)
                self.assertLess(time.monotonic(), deadline, "still there")
        joined = a.join("passing", tail=1000)
        self.assertGreater(joined["epoch"], epoch)
        self.assertEqual(joined["next"], 1)

    def test_slow_reader_and_lag(self):
        broker = self.own(2, queues_outbound_high_water_bytes=2048, queues_outbound_low_water_bytes=1024,
                          rooms_recent_events_per_room=16)
        reader, writer = self.client(fresh("reader"), broker), self.client(fresh("writer"), broker)
        writer.create("fast")
        writer.join("fast")
        writer.leave("fast", detach=True)
        reader.join("fast")
        first = reader.positions["fast"].next
        body = "x" * 16384
        for _ in range(12):                                        # more than the kernel holds
            ids = [writer.send("publish", room="fast", body=body) for _ in range(100)]
            head = max(writer.reply(i)["seq"] for i in ids)
        ping = reader.send("ping")                                 # replies are not skipped
        reader.wait(lambda: reader.positions["fast"].next > head, 20)
        reader.reply(ping)
        events = [e for e in reader.events if e.get("room") == "fast"]
        lags = [e for e in events if e.name == "lag"]
        self.assertTrue(lags)
        expected = first
        for event in events:
            if event.name == "lag":
                self.assertEqual((event.id, event["from_seq"], event["next"]), (0, expected, event["to_seq"] + 1))
                self.assertEqual(event["epoch"], reader.positions["fast"].epoch)
                expected = event["next"]
            else:
                self.assertEqual(event["seq"], expected)
                expected += 1
        self.assertEqual(expected, head + 1)

    def test_stalled_reader_is_closed(self):
        """6.2: a peer that takes nothing is closed."""
        broker = self.own(1, deadlines_slow_consumer_milliseconds=300)
        reader, writer = self.client(fresh("reader"), broker), self.client(fresh("writer"), broker)
        writer.create("fast")
        reader.join("fast")
        for _ in range(20):                                        # 32 MB: more than the kernel holds
            for i in [writer.send("publish", room="fast", body="x" * 16384) for _ in range(100)]:
                writer.reply(i)
        writer.next_event("deliver", room="lobby", kind=33, user=reader.user, seconds=3)

    def test_max_body(self):
        broker = self.own(limits_body_byte_count_max=10)
        client = self.client(fresh("a"), broker)
        self.assertEqual(client.welcome["max_body"], 10)
        client.publish("lobby", "x" * 10)
        with self.refused(402, "body"):
            client.publish("lobby", "x" * 11)

    def test_announced_limits_fit_their_fields(self):
        """7.2, 18.2: what WELCOME cannot say, or a client cannot live with, no operator can set."""
        for field, setting, least, most in (("max_frame", "limits_frame_byte_count_max", 65536, 1048576),
                                            ("max_inflight", "limits_requests_in_flight_max", 1, 65535),
                                            ("max_body", "limits_body_byte_count_max", 1, 16384),
                                            ("heartbeat", "deadlines_heartbeat_milliseconds", 10, 3600000)):
            for value in (least, most):
                with self.subTest(field, value=value), Broker(**{setting: value}) as broker:
                    client = self.client(broker=broker)
                    client.log_in(fresh("a"))
                    self.assertEqual(client.welcome[field], value)
                    client.close()
            for value in (least - 1, most + 1):
                with self.subTest(field, value=value), self.assertRaisesRegex(RuntimeError, "not accepted"):
                    Broker(**{setting: value})

    def test_connection_limit(self):
        broker = self.own(limits_connections_max=1)
        self.client(fresh("a"), broker)
        connection = self.connection(broker)
        with contextlib.suppress(Closed):
            connection.send(cbp.PREFACE + HELLO)
        frames = read_to_end(connection)
        self.assertIn([f.get("code") for f in frames], ([], [704]))
