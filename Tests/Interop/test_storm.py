"""Many clients that do everything at once, at random: whatever they do, the document's promises hold.

Each run prints its seed when it fails; STORM_SEED repeats that run's choices (what the loops do with them may differ),
STORM_STEPS makes it longer.
"""
import collections
import os
import random
import unittest

import cbp
from broker import Broker, certificate, native_tls
from cbp import BrokerError, Client, Connection, conversation

STEPS = int(os.environ.get("STORM_STEPS", "1500"))
# What a client that keeps the rules may be told: it does not know what the others have just done.
EXPECTED = {
    "join": {404}, "leave": {300, 404, 407}, "members": {404, 407}, "create": {408}, "publish": {300, 404, 407},
    "dm": {405}, "list": set(), "ping": set(), "auth": {408},
}
TOO_MANY = {701, 702}
# Queues that are always full, rooms that forget and end, limits that are met.
NARROW = {
    "queues_outbound_high_water_bytes": 1024, "queues_outbound_low_water_bytes": 256, "rooms_recent_events_per_room": 4,
    "rooms_empty_room_seconds": 0, "rooms_notice_members_max": 4, "rooms_deduplication_entries_per_account_max": 2,
}


class Person(Client):
    """A client that sends without waiting, and remembers what came of it."""

    def __init__(self, broker, tls, **options):
        super().__init__(Connection(broker.host, broker.port, tls), **options)
        self.asked = {}                     # id -> (name, fields)
        self.published = {}                 # cmid -> (address, seq, body)
        self.outcomes = collections.Counter()

    def ask(self, name, **fields):
        self.asked[self.send(name, **fields)] = (name, fields)

    def _handle_deliver(self, frame):
        super()._handle_deliver(frame)
        frame.epoch = self.positions[frame["room"]].epoch

    def settle(self):
        """Looks at the replies that are complete."""
        for id_ in [i for i in self.asked if i not in self._outstanding]:
            name, fields = self.asked.pop(id_)
            try:
                answer = self.reply(id_)
            except BrokerError as error:
                if error.code not in EXPECTED[name] | TOO_MANY:
                    raise
                self.outcomes[name, error.code] += 1
                continue
            self.outcomes[name, 0] += 1
            if answer.name == "published":
                self.published[fields["cmid"]] = (answer["room"], answer["seq"], fields["body"])


class Storm(unittest.TestCase):
    def storm(self, loops, secure=False, **settings):
        broker = Broker(loops, certificate(), **settings)
        self.addCleanup(broker.stop)
        tls = native_tls() if secure else None
        seed = int(os.environ.get("STORM_SEED", random.SystemRandom().randrange(1 << 32)))
        with self.subTest(loops=loops, secure=secure, STORM_SEED=seed, **settings):
            self.run_storm(random.Random(seed), broker, tls)
        self.assertIsNone(broker.process.poll(), broker.output())

    def run_storm(self, chance, broker, tls):
        rooms = [f"r{i}" for i in range(6)]
        names = [f"n{i}" for i in range(12)]
        people, gone = [], []
        self.addCleanup(lambda: [p.close() for p in people])

        def arrive():
            person = Person(broker, tls)
            try:
                person.log_in(chance.choice(names))
            except BrokerError as error:
                self.assertEqual(error.code, 408)
                person.authenticate("")
            people.append(person)
        for _ in range(6):
            arrive()
        for step in range(STEPS):
            person, room = chance.choice(people), chance.choice(rooms)
            other = chance.choice(people).user if chance.random() < 0.9 else chance.choice(names)
            match chance.choices(("publish", "join", "leave", "detach", "create", "dm", "by address", "rename", "members", "list",
                                  "ping", "depart", "vanish", "read", "read all"),
                                 (30, 10, 5, 3, 4, 8, 3, 3, 2, 2, 2, 1, 1, 20, 5))[0]:
                case "publish":
                    for i in range(chance.choice((1, 1, 1, 5, 30))):
                        person.ask("publish", room=room, body=f"{step}.{i}", cmid=chance.randbytes(8))
                case "join":
                    person.ask("join", room=room, tail=chance.choice((None, 0, 5, 1000)))
                case "leave":
                    person.ask("leave", room=room)
                case "detach":
                    person.ask("leave", room=chance.choice((room, "lobby")), detach=True)
                case "create":
                    person.ask("create", room=room, policy=chance.choice((None, 0, 4, 16)))
                case "dm":
                    for i in range(chance.choice((1, 1, 4))):
                        person.ask("dm", to=other, body=f"{step}.{i}", cmid=chance.randbytes(8))
                case "by address":
                    person.ask("publish", room=conversation(person.user, other), body=f"{step}", cmid=chance.randbytes(8))
                case "rename":
                    person.ask("auth", mech="ANONYMOUS", sasl=chance.choice(names).encode())
                case "members":
                    person.ask("members", room=room, limit=chance.choice((None, 2, 1000)))
                case "list" | "ping" as request:
                    person.ask(request)
                case "depart":
                    person.leave_broker()
                    person.settle()
                    self.assertFalse(person.asked, "a request read before GOODBYE has no outcome")
                    people.remove(person)
                    gone.append(person)
                    arrive()
                case "vanish":
                    person.close()
                    people.remove(person)
                    arrive()
                case "read":
                    self.read(person, chance.randrange(20))
                case "read all":
                    for each in people:
                        self.read(each, 1000)
        for person in people:
            person.wait(lambda: not person._outstanding, what="outcomes")        # exactly one each: one more is a Fault
            person.settle()
        self.compare(people, gone)

    def read(self, person, count):
        """Takes so many frames, if they are there; the rules of delivery are checked by the client."""
        for _ in range(count):
            try:
                person.pump(0)
            except cbp.TimedOut:
                break
        person.settle()

    def compare(self, people, gone):
        """Nobody saw another log than the others, and what was acknowledged is where it was said to be."""
        logs = collections.defaultdict(dict)                # room, epoch -> seq -> event
        for person in people + gone:
            for event in person.events:
                if event.name == "deliver":
                    log = logs[event["room"], event.epoch]
                    self.assertEqual(log.setdefault(event["seq"], event), event)
        places = {}                                         # cmid -> where the message is, once
        for (room, epoch), log in logs.items():
            for seq, event in log.items():
                if "cmid" in event.fields:
                    self.assertEqual(places.setdefault(event["cmid"], (room, seq, event["body"])), (room, seq, event["body"]))
        checked = 0
        for person in people + gone:
            for cmid, place in person.published.items():
                if cmid in places:                          # else nobody was there, or all lagged
                    self.assertEqual(places[cmid], place)
                    checked += 1
        self.assertGreater(checked, 10)

    def test_one_loop(self):
        self.storm(1)

    def test_two_loops(self):
        self.storm(2)

    def test_three_loops(self):
        self.storm(3)

    def test_two_loops_tls(self):
        self.storm(2, secure=True)

    def test_narrow_one_loop(self):
        self.storm(1, **NARROW)

    def test_narrow_two_loops(self):
        self.storm(2, **NARROW)

    def test_narrow_limits(self):
        self.storm(2, **NARROW, limits_requests_in_flight_max=3, rooms_rooms_per_account_max=3)


if __name__ == "__main__":
    unittest.main()
