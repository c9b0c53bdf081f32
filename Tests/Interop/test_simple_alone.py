"""Simple JSON on brokers of its own: standing rooms, passwords, silence, slowness and the end (21.4)."""
import asyncio
import json
import re
import unittest

from broker import PATIENCE, Broker
from simple import SimpleCase
from stored import Stored


class SimpleAlone(SimpleCase, Stored, unittest.TestCase):
    def rooms(self, broker):
        talker = self.talker(broker=broker)
        talker.say("ListRooms")
        rooms = talker.next("RoomList")["rooms"]
        talker.close()
        return rooms

    def test_the_rooms_of_the_first_start(self):
        broker = self.start()
        self.assertEqual(self.rooms(broker), ["general", "lobby", "random", "tech"])
        ada = self.named(room="general", broker=broker)
        for i in range(3):
            ada.say("SendMessage", content=f"m{i}")
        ada.until("Message", content="m2")
        broker.stop()
        # They are made once: a name that is added later is not, and one that is taken out stays.
        broker = self.start(rooms_standing="general,later")
        self.assertEqual(self.rooms(broker), ["general", "lobby", "random", "tech"])
        bob = self.named(broker=broker)
        bob.say("JoinRoom", room="general")
        replayed, _ = bob.until("UserJoined", username=bob.name)
        self.assertEqual([m["content"] for m in replayed], ["m0", "m1", "m2"])

    def test_other_rooms_or_none(self):
        self.assertEqual(self.rooms(self.own(rooms_standing="")), ["lobby"])
        self.assertEqual(self.rooms(self.own(rooms_standing="b, a")), ["a", "b", "lobby"])
        with self.assertRaisesRegex(RuntimeError, "rooms.standing.*\"No\" is no name of a room"):
            Broker(rooms_standing="No")

    def test_standing_rooms_stay_when_they_are_empty(self):
        broker = self.own(rooms_empty_room_seconds=0)
        ada = self.named(room="tech", broker=broker)
        ada.say("JoinRoom", room="fleeting")
        ada.until("UserJoined", username=ada.name, room="fleeting")
        ada.close()
        self.wait_for(lambda: "fleeting" not in self.rooms(broker), "end of a room")
        self.assertEqual(self.rooms(broker), ["general", "lobby", "random", "tech"])

    def test_a_password_proves_an_account(self):
        broker = self.start()
        self.add_account("ada", "secret words")
        talker = self.talker(broker=broker)
        for password, expected in ((None, "in use|registered|exists"), ("wrong", "Error: not the name and password of an account"), ("secret words", "Welcome, ada!")):
            talker.say("SetUsername", username="ada", **({"password": password} if password else {}))
            self.assertRegex(talker.next("SystemMessage")["content"], expected)

    def test_messages_that_came_meanwhile_follow_the_password(self):
        broker = self.start()
        self.add_account("ada", "secret words")
        bob = self.named("bob", broker=broker)
        bob.say("PrivateMessage", to="ada", content="while away")
        bob.until("PrivateMessage", **{"from": "bob"})
        for expected in (["while away"], []):
            ada = self.talker(broker=broker)
            ada.say("SetUsername", username="ada", password="secret words")
            ada.say("Ping")
            before, _ = ada.until("Pong")
            self.assertEqual([m["content"] for m in before if m["type"] == "PrivateMessage"], expected)
            ada.close()

    def test_silent_clients_live_and_dead_ones_do_not(self):
        broker = self.own(deadlines_heartbeat_milliseconds=1000, log_level="info")
        ada = self.named(room="general", broker=broker)
        dead = self.named(broker=broker, max_queue=1)
        # Nobody reads for it, so that no Ping is answered.
        dead.socket.transport.pause_reading()
        self.addCleanup(dead.socket.transport.abort)
        broker.lines_with("nothing was heard", 1)
        with self.assertRaises((TimeoutError, asyncio.TimeoutError)):
            ada.receive(2)
        ada.say("SendMessage", content="still here")
        self.assertEqual(ada.next("Message")["content"], "still here")
        self.assertTrue(broker.process.poll() is None)

    def test_the_end_of_the_broker_is_told(self):
        broker = self.own()
        ada, bob = self.named(broker=broker), self.in_room("general", broker=broker)
        broker.terminate()
        self.assertEqual(ada.next(), {"type": "SystemMessage", "content": "Error: the broker is shutting down"})
        self.assertEqual(bob.until("Error")[1]["reason"], "the broker is shutting down")
        self.assertEqual(ada.wait_closed(), 4503)
        self.assertEqual(broker.process.wait(PATIENCE), 0)

    def test_a_slow_member_is_told_what_it_missed(self):
        broker = self.own(queues_outbound_high_water_bytes=65_536, queues_outbound_low_water_bytes=16_384,
                          rooms_recent_events_per_room=16)
        # It asks for no signs of life: as long as it reads nothing, it would see none.
        slow = self.named(room="general", broker=broker, max_queue=1, ping_interval=None)
        fast = self.in_room("general", broker=broker)
        slow.next("UserJoined")
        slow.socket.transport.pause_reading()
        for i in range(8_000):
            fast.send(json.dumps({"type": "SendMsg", "text": f"{i:04}" + "x" * 2_000}))
            fast.until("Message")
        slow.socket.transport.resume_reading()
        missed, seen, last = 0, 0, -1
        while last < 7_999:
            message = slow.next("Message", "SystemMessage")
            if message["type"] == "Message":
                number = int(message["content"][:4])
                self.assertGreater(number, last)
                seen, last = seen + 1, number
            else:
                missed += int(re.fullmatch(r"Error: (\d+) messages of general were missed", message["content"])[1])
        self.assertEqual(seen + missed, 8_000)
        self.assertGreater(missed, 0)


if __name__ == "__main__":
    unittest.main()
