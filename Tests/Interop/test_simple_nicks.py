"""Simple JSON, the vocabulary of nicks: section 21.4 of docs/PROTOCOL.md."""
import json
import unittest

from broker import fresh
from harness import Sessions, everywhere
from simple import SimpleCase


class Nicks(SimpleCase, Sessions):
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


globals().update(everywhere(Nicks))


if __name__ == "__main__":
    unittest.main()
