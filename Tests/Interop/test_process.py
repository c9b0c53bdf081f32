"""How a broker ends, what it reports while it works, and what the next one is (6.5, 8.1)."""
import os
import re
import signal
import unittest

import cbp
from broker import PATIENCE, Broker, fresh
from cbp import Goodbye
from harness import HELLO, Case, read_frame


class Process(Case, unittest.TestCase):
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


if __name__ == "__main__":
    unittest.main()
