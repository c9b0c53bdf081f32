"""Publishers and readers that outlive their broker, and write down what they were told."""
import os
import random
import threading
import time

from cbp import RETRY, BrokerError, Client, Closed, Fault, TimedOut

OUTCOME_KNOWN = (602, 603)             # the event is in the log or is not, and a repetition would not tell


class Place:
    """Where the broker is at present; for all threads."""

    def __init__(self):
        self.condition = threading.Condition()
        self.address = None
        self.is_over = False

    def set(self, address):
        with self.condition:
            self.address = address
            self.condition.notify_all()

    def get(self):
        with self.condition:
            self.condition.wait_for(lambda: self.address)
            return self.address

    def wait_a_little(self):
        """Until the broker is elsewhere, or for a moment if it is only that the name is still in use."""
        with self.condition:
            self.condition.wait(0.02)

    def end(self):
        with self.condition:
            self.is_over = True


class Person(threading.Thread):
    """Connects again and again, and lives until there is nothing more to do."""

    def __init__(self, name, place, tls, rooms, seed):
        super().__init__(name=name, daemon=True)
        self.place, self.tls, self.rooms = place, tls, rooms
        self.random = random.Random(seed)
        self.faults = []

    def run(self):
        while not self.is_through():
            try:
                host, port = self.place.get()
                with Client.connect(host, port, self.tls, reply_timeout=20) as client:
                    self.log_in(client)
                    self.live(client)
            except (Closed, TimedOut, ConnectionError, OSError):
                self.place.wait_a_little()
            except (Fault, BrokerError, AssertionError) as error:
                self.faults.append(f"{self.name}: {error!r}")
                return

    def log_in(self, client):
        try:
            client.log_in(self.name)
        except BrokerError as error:
            if error.code == 408:                          # the connection before is still there
                raise Closed("the name is in use") from None
            raise

    def enter(self, client, room, **fields):
        try:
            return client.join(room, **fields)
        except BrokerError as error:
            if error.code != 404:
                raise
        try:
            client.create(room)
        except BrokerError as error:
            if error.code != 408:
                raise
        return client.join(room, **fields)


class Publisher(Person):
    """Says numbered sentences, some at a time, and repeats those whose outcome it does not know."""

    def __init__(self, name, place, tls, rooms, seed, level):
        super().__init__(name, place, tls, rooms, seed)
        self.level = level
        self.count = 0
        self.open = []                 # [room, cmid, body, since when, whether it was sent before]
        self.acknowledged = []         # (room, seq, cmid, body, level)
        self.undecided = 0

    def is_through(self):
        return self.place.is_over and not self.open

    def live(self, client):
        for room in self.rooms:
            self.enter(client, room)
        while not self.is_through():
            while not self.place.is_over and len(self.open) < self.random.choice((1, 4, 16)):
                self.count += 1
                room = self.random.choice(self.rooms)
                self.open.append([room, os.urandom(8), f"{self.name} {self.count}", None, False])
            self.say(client)

    def say(self, client):
        """Sends everything that is open, in order, and awaits the answers."""
        sent = []
        for item in self.open:
            room, cmid, body, since, was_sent = item
            now = time.monotonic()
            fields = dict(room=room, cmid=cmid, body=body, ack=self.level)
            if was_sent:
                fields["age"] = int((now - since) * 1000)
            else:
                item[3], item[4] = now, True
            sent.append((client.send("publish", RETRY if was_sent else 0, **fields), item))
        for id_, item in sent:
            room, cmid, body, _, _ = item
            try:
                reply = client.reply(id_)
            except BrokerError as error:
                if error.code in OUTCOME_KNOWN:
                    self.undecided += 1
                elif error.code == 504:                    # nothing has happened: later
                    continue
                else:
                    raise
            else:
                self.acknowledged.append((room, reply["seq"], cmid, body, reply["ack"]))
            self.open.remove(item)


class Reader(Person):
    """Follows rooms by cursor, and keeps every event with its number."""

    def __init__(self, name, place, tls, rooms, seed):
        super().__init__(name, place, tls, rooms, seed)
        self.cursors = {}              # room -> (epoch, seq)
        self.seen = []                 # (room, epoch, seq, event)
        self.gaps = []                 # (room, epoch, first, last), as the broker announced them
        self.is_done = False
        self.heads = None              # once they are final: room -> seq

    def is_through(self):
        return self.is_done

    def live(self, client):
        for room in self.rooms:
            cursor = self.cursors.get(room)
            joined = self.enter(client, room, cursor=cursor, tail=1000)
            assert cursor is None or joined["epoch"] == cursor[0], f"{room} began anew"
            start = cursor[1] + 1 if cursor else joined["next"]
            if joined["next"] > start:
                self.gaps.append((room, joined["epoch"], start, joined["next"] - 1))
            self.cursors[room] = (joined["epoch"], max(start, joined["next"]) - 1)
        while not self.is_done:
            self.take(client)
            try:
                client.pump(0.05)
            except TimedOut:
                pass

    def take(self, client):
        while client.events:
            event = client.events.popleft()
            if event.get("room") not in self.rooms:
                continue
            room = event["room"]
            epoch, last = self.cursors[room]
            if event.name == "lag":
                self.gaps.append((room, epoch, event["from_seq"], event["to_seq"]))
                self.cursors[room] = (epoch, event["to_seq"])
            elif event.name == "deliver" and event["seq"] > last:
                self.seen.append((room, epoch, event["seq"], event))
                self.cursors[room] = (epoch, event["seq"])
        if self.heads and all(self.cursors.get(room, (0, 0))[1] >= head for room, head in self.heads.items()):
            self.is_done = True
