"""Simple JSON, by a client that somebody else wrote: section 21.4 of docs/PROTOCOL.md."""
import asyncio
import json
import re
import subprocess
import tempfile
import unittest

from asynchronous import Peer, websockets
from harness import Broker, Case, PATIENCE, Sessions, everywhere, fresh
from test_doors import browser


class Talker(Peer):
    """A client of a simple dialect."""

    nested = False

    def say(self, type_, **members):
        self.send(json.dumps({type_: members} if self.nested else {"type": type_} | members))

    def next(self, *types):
        """The next message, which must be of one of these types if any are named; without its style."""
        message = json.loads(self.receive())
        if self.nested:
            assert len(message) == 1, message
            ((type_, members),) = message.items()
            message = {"type": type_} | members
        assert not types or message["type"] in types, message
        return message

    def until(self, type_, **members):
        """What came before the next message of this kind, and that one."""
        before = []
        while True:
            message = self.next()
            if message["type"] == type_ and all(message.get(key) == value for key, value in members.items()):
                return before, message
            before.append(message)


class Simple(Sessions):
    def talker(self, path="/ws", nested=False, broker=None, **options):
        broker = broker or self.broker
        talker = Talker(broker.host, broker.port, path, tls=self.secure and browser() or None, **options)
        talker.nested = nested
        self.addCleanup(talker.close)
        return talker

    def named(self, name=None, room=None, **options):
        talker = self.talker(**options)
        talker.name = name or fresh("user")
        talker.say("SetUsername", username=talker.name)
        self.assertEqual(talker.next(), {"type": "SystemMessage", "content": f"Welcome, {talker.name}!"})
        if room:
            talker.say("JoinRoom", room=room)
            talker.until("UserJoined", username=talker.name, room=room)
        return talker

    def in_room(self, room, nested=False, **options):
        talker = self.talker(nested=nested, **options)
        talker.name = fresh("nick")
        talker.say("Join", room=room, nick=talker.name)
        joined = talker.next("Joined")
        self.assertEqual(joined["room"], room)
        self.assertIn(talker.name, joined["members"])
        talker.members = joined["members"]
        return talker

    # The vocabulary of usernames.

    def test_usernames_talk(self):
        room = fresh("room")
        ada, bob = self.named(room=room), self.named(room=room)
        self.assertEqual(ada.next(), {"type": "UserJoined", "username": bob.name, "room": room})
        text = "Grüße \"aus\" \\ JSON\n\t👩‍🚀"
        ada.say("SendMessage", content=text)
        for client in (ada, bob):
            message = client.next("Message")
            self.assertRegex(message.pop("timestamp"), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertEqual(message, {"type": "Message", "username": ada.name, "content": text, "room": room})
        bob.say("PrivateMessage", to=ada.name, content="psst")
        for client in (ada, bob):
            message = client.next("PrivateMessage")
            self.assertRegex(message.pop("timestamp"), r"Z$")
            self.assertEqual(message, {"type": "PrivateMessage", "from": bob.name, "content": "psst"})
        bob.close()
        self.assertEqual(ada.next(), {"type": "UserLeft", "username": bob.name, "room": room})
        # The name is free.
        deadline = 100
        while deadline:
            again = self.talker()
            again.say("SetUsername", username=bob.name)
            if again.next("SystemMessage")["content"] == f"Welcome, {bob.name}!":
                break
            again.close()
            deadline -= 1
        self.assertTrue(deadline)

    def test_the_last_fifty_are_replayed(self):
        room = fresh("room")
        ada = self.named(room=room)
        for i in range(60):
            ada.say("SendMessage", content=f"m{i}")
        ada.until("Message", content="m59")
        bob = self.named()
        bob.say("JoinRoom", room=room)
        replayed, _ = bob.until("UserJoined", username=bob.name)
        self.assertEqual([m["content"] for m in replayed], [f"m{i}" for i in range(10, 60)])
        nick = self.in_room(room)
        self.assertEqual([nick.next("Message")["text"] for _ in range(50)], [f"m{i}" for i in range(10, 60)])
        # And again, for a page that was somewhere else.
        bob.say("JoinRoom", room=room)
        replayed, _ = bob.until("UserJoined", username=bob.name)
        self.assertEqual([m["content"] for m in replayed if m["type"] == "Message"], [f"m{i}" for i in range(10, 60)])

    def test_nothing_is_lost_or_doubled_between_the_past_and_the_present(self):
        room = fresh("room")
        ada = self.named(room=room)
        readers = []
        for i in range(200):
            ada.say("SendMessage", content=str(i))
            if i % 40 == 20:
                readers.append(self.in_room(room))
        for reader in readers:
            numbers = []
            while not numbers or numbers[-1] != 199:
                message = reader.next()
                if message["type"] == "Message":
                    numbers.append(int(message["text"]))
            self.assertEqual(numbers, list(range(numbers[0], 200)))

    def test_a_name_in_use(self):
        ada = self.named()
        other = self.talker()
        other.say("SetUsername", username=ada.name)
        self.assertEqual(other.next()["content"], "Error: that name is in use; choose another")
        nick = self.talker()
        nick.say("Join", room="general", nick=ada.name)
        self.assertEqual(nick.next(), {"type": "Error", "reason": "that name is in use; choose another"})

    def test_rooms_are_many_and_are_listed(self):
        one, two = fresh("room"), fresh("room")
        ada, bob = self.named(room=one), self.named(room=one)
        ada.until("UserJoined", username=bob.name)
        ada.say("JoinRoom", room=two)
        ada.until("UserJoined", username=ada.name, room=two)
        bob.say("SendMessage", content="still there?")
        self.assertEqual(ada.next("Message")["room"], one)
        ada.say("SendMessage", content="here")
        self.assertEqual(ada.next("Message")["room"], two)
        ada.say("ListRooms")
        names = ada.next("SystemMessage")["content"].removeprefix("Rooms: ").split(", ")
        self.assertTrue({"general", "random", "tech", one, two} <= set(names))

    def test_clear_errors(self):
        ada = self.talker()
        ada.say("JoinRoom", room="general")
        self.assertEqual(ada.next()["content"], "Error: no name yet: SetUsername comes first")
        ada.say("SetUsername", username="no name")
        self.assertIn("Error: a name has 1 to 32", ada.next()["content"])
        name = fresh("user")
        ada.say("SetUsername", username=name)
        ada.next()
        for message, reason in (({"type": "SendMessage", "content": "x"}, "no room yet"),
                                ({"type": "JoinRoom", "room": "#general"}, "a room has a name"),
                                ({"type": "PrivateMessage", "to": "nobody-at-all", "content": "x"}, "nobody-at-all"),
                                ({"type": "SendMsg", "text": "x"}, "the other vocabulary"), ({"type": "What"}, "not known")):
            ada.send(json.dumps(message))
            content = ada.next("SystemMessage")["content"]
            self.assertTrue(content.startswith("Error: ") and reason in content, content)
        ada.say("JoinRoom", room="general")
        ada.until("UserJoined", username=name)
        ada.say("SendMessage", content="x" * 16_385)
        self.assertEqual(ada.until("SystemMessage")[1]["content"], "Error: a text of more than 16384 octets")

    # The vocabulary of nicks.

    def test_nicks_talk_in_both_styles(self):
        room = fresh("room")
        ada, bob = self.in_room(room), self.in_room(room, nested=True)
        self.assertEqual(bob.members, sorted([ada.name, bob.name]))
        self.assertEqual(ada.next(), {"type": "UserJoined", "nick": bob.name})
        for sender in (ada, bob):
            sender.say("SendMsg", text=f"from {sender.name}")
            for reader in (ada, bob):
                message = reader.next("Message")
                self.assertIsInstance(message.pop("ts"), int)
                self.assertEqual(message, {"type": "Message", "from": sender.name, "text": f"from {sender.name}"})
        bob.send('"Leave"')
        self.assertEqual(bob.next(), {"type": "UserLeft", "nick": bob.name})
        self.assertEqual(ada.next(), {"type": "UserLeft", "nick": bob.name})
        bob.say("SendMsg", text="x")
        self.assertEqual(bob.next(), {"type": "Error", "reason": "you are in no room: Join comes first"})
        bob.say("Join", room=room, nick=bob.name)
        self.assertEqual(bob.next("Joined")["members"], sorted([ada.name, bob.name]))

    def test_rooms_are_listed_first(self):
        for message in ('{"type":"ListRooms"}', '{"ListRooms":{}}', '"ListRooms"'):
            talker = self.talker(nested="type" not in message)
            talker.send(message)
            self.assertTrue({"general", "random", "tech"} <= set(talker.next("RoomList")["rooms"]))
            talker.say("Join", room="random", nick=fresh("nick"))
            talker.next("Joined")

    def test_too_long_or_out_of_order_is_an_error_and_not_the_end(self):
        ada = self.talker()
        for message in ({"type": "SendMsg", "text": "x"}, {"type": "Leave"}, {"type": "Join", "room": "general"}, {"type": "Join"}):
            ada.send(json.dumps(message))
            ada.next("Error")
        for text in ("", "nonsense", "[]", "{}", "7", '{"type":'):
            ada.send(text)
            ada.next("Error")
        room = fresh("room")
        ada.say("Join", room=room, nick=fresh("nick"))
        ada.next("Joined")
        for count in (2049, 5000, 16_000, 40_000):
            ada.say("SendMsg", text="é" * (count // 2) + "x" * (count % 2))
            self.assertEqual(ada.next("Error")["reason"], "a text of more than 2048 octets")
        for count in (300_000, 3_000_000):
            ada.say("SendMsg", text="x" * count)
            self.assertEqual(ada.next("Error")["reason"], "a message longer than accepted")
        ada.say("SendMsg", text="é" * 1024)
        self.assertEqual(ada.next("Message")["text"], "é" * 1024)
        ada.say("Join", room="general", nick=fresh("nick"))
        self.assertEqual(ada.next("Error")["reason"], f"you are in {room}: Leave comes first")

    # Both, and the others.

    def test_heart_beats(self):
        ada = self.talker()
        self.assertLess(ada.ping(), PATIENCE)
        ada.say("Ping")
        self.assertEqual(ada.next(), {"type": "Pong"})

    def test_every_door_sees_the_same(self):
        room = fresh("room")
        ada, bob, carl = self.named(room=room), self.in_room(room), self.in_room(room, nested=True)
        native = self.client(fresh("native"))
        native.join(room)
        for i in range(10):
            ada.say("SendMessage", content=f"ada {i}")
            bob.say("SendMsg", text=f"bob {i}")
            native.publish(room, body=f"native {i}")
            carl.say("SendMsg", text=f"carl {i}")
        orders = [[], [], [], []]
        for order, client, member in ((orders[0], ada, "content"), (orders[1], bob, "text"), (orders[2], carl, "text")):
            while len(order) < 40:
                message = client.next()
                if message["type"] == "Message":
                    order.append(message[member])
        while len(orders[3]) < 40:
            body = native.next_event("deliver", room=room).get("body")
            if body is not None:
                orders[3].append(body)
        self.assertEqual(orders, [orders[0]] * 4)
        self.assertEqual(len(set(orders[0])), 40)

    def test_the_lobby_is_heard_by_those_who_ask(self):
        native, ada = self.client(fresh("native")), self.named(room=fresh("room"))
        mark = fresh("mark")
        native.publish("lobby", body=mark)
        ada.say("Ping")
        self.assertEqual(ada.next(), {"type": "Pong"})
        ada.say("JoinRoom", room="lobby")
        before, _ = ada.until("UserJoined", username=ada.name, room="lobby")
        self.assertIn(mark, [message.get("content") for message in before])
        self.assertIn(ada.name, [member["user"] for member in native.members("lobby")[0]])

    def test_direct_messages_across_doors(self):
        native, bob = self.client(fresh("native")), self.in_room(fresh("room"))
        native.dm(bob.name, "psst")
        self.assertEqual(bob.next("Message")["text"], "[private] psst")

    def test_it_is_spoken_at_the_root_too(self):
        talker = self.talker("/")
        talker.say("ListRooms")
        talker.next("RoomList")

    def test_the_whole_protocol_in_json(self):
        """The other subprotocols with the same client."""
        json_client = self.talker(subprotocols=["cbp.json.v1"])
        self.assertEqual(json_client.socket.subprotocol, "cbp.json.v1")
        json_client.send('{"t":"hello","id":1,"agent":"websockets"}')
        self.assertEqual(json.loads(json_client.receive())["t"], "welcome")
        json_client.send('{"t":"auth","id":2,"mech":"ANONYMOUS"}')
        self.assertEqual(json.loads(json_client.receive())["t"], "auth_ok")
        json_client.send('{"t":"ping","id":3}')
        while json.loads(json_client.receive())["t"] != "pong":
            pass
        with self.assertRaises(websockets.exceptions.InvalidStatus):
            self.talker(subprotocols=["soap"])


globals().update(everywhere(Simple))


class SimpleAlone(Simple, unittest.TestCase):
    """With a broker of the test's own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cbp-simple-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, **settings):
        broker = Broker(1, runtime_data_directory=self.folder, **settings)
        self.addCleanup(broker.stop)
        return broker

    def rooms(self, broker):
        talker = self.talker(broker=broker)
        talker.say("ListRooms")
        return talker.next("RoomList")["rooms"]

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
        for _ in range(200):
            rooms = self.rooms(broker)
            if "fleeting" not in rooms:
                break
        self.assertEqual(rooms, ["general", "lobby", "random", "tech"])

    def test_a_password_proves_an_account(self):
        broker = self.start()
        subprocess.run([broker.process.args[0], "user", "add", "ada", "--data-dir", self.folder], input="secret words\n", text=True,
                       capture_output=True, check=True)
        talker = self.talker(broker=broker)
        for password, expected in ((None, "in use|registered|exists"), ("wrong", "Error: "), ("secret words", "Welcome, ada!")):
            talker.say("SetUsername", username="ada", **({"password": password} if password else {}))
            self.assertRegex(talker.next("SystemMessage")["content"], expected)

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
        slow = self.named(room="general", broker=broker, max_queue=1)
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


# Those of the shared broker are tried above.
for name in dir(Simple):
    if name.startswith("test_"):
        setattr(SimpleAlone, name, None)


if __name__ == "__main__":
    unittest.main()
