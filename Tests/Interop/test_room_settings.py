"""Brokers with other settings for their rooms: how many, how large, and how long they stay (13)."""
import unittest

from broker import fresh
from cbp import BrokerError
from harness import Case


class RoomSettings(Case, unittest.TestCase):
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
        self.wait_for(lambda: self.is_created(a, "passing"), "end of a room")
        joined = a.join("passing", tail=1000)
        self.assertGreater(joined["epoch"], epoch)
        self.assertEqual(joined["next"], 1)

    def is_created(self, client, room):
        try:
            return client.create(room)
        except BrokerError as error:
            self.assertEqual(error.code, 408)


if __name__ == "__main__":
    unittest.main()
