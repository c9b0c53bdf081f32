"""Brokers with other limits than the default for connections, messages and payloads."""
import contextlib
import os
import unittest

import cbp
from broker import Broker, fresh
from cbp import Closed, encode, encode_header
from harness import HELLO, Case, read_frame, read_to_end


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
        self.wait_for(lambda: self.is_let_in(broker), "free place")
        self.assertEqual(first.ping().name, "pong")

    def is_let_in(self, broker):
        client = self.client(broker=broker)
        with contextlib.suppress(Closed):
            return client.log_in(fresh("c"))
        client.close()

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


if __name__ == "__main__":
    unittest.main()
