"""Clients of Simple JSON, on a WebSocket that somebody else wrote (21.4)."""
import json

from asynchronous import Peer
from broker import fresh
from harness import Case


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


class SimpleCase(Case):
    def talker(self, path="/ws", nested=False, broker=None, **options):
        broker = broker or self.broker
        talker = Talker(broker.host, broker.port, path, tls=self.web_tls, **options)
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
