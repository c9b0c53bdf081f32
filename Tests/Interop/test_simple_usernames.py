"""Simple JSON, the vocabulary of usernames: section 21.4 of docs/PROTOCOL.md."""
import json
import unittest

from broker import fresh
from harness import Sessions, everywhere
from simple import SimpleCase


class Usernames(SimpleCase, Sessions):
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
        self.wait_for(lambda: self.takes(bob.name), "free name")

    def takes(self, name):
        talker = self.talker()
        talker.say("SetUsername", username=name)
        answer = talker.next("SystemMessage")["content"]
        talker.close()
        return answer == f"Welcome, {name}!"

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
        self.assertEqual(other.next()["content"], "Error: that name is in use: choose another, or give the password of its account")
        nick = self.talker()
        nick.say("Join", room="general", nick=ada.name)
        self.assertEqual(nick.next(), {"type": "Error", "reason": "that name is in use: choose another, or give the password of its account"})

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


globals().update(everywhere(Usernames))


if __name__ == "__main__":
    unittest.main()
