"""Clients that ask for too much at a time, or take too little: brokers with bounds made small (6.2, 8.3, 13)."""
import unittest

from broker import fresh
from cbp import BrokerError, encode
from harness import Case


class Overload(Case, unittest.TestCase):
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


if __name__ == "__main__":
    unittest.main()
