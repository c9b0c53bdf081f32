"""People who talk in some rooms: something to look at, for screenshots and for the check of accessibility."""
import os

from cbp import base64url
from websocket import Socket


class Person:
    """Somebody on a WebSocket of their own."""

    def __init__(self, broker, name):
        self.name = name
        self.socket = Socket(broker.host, broker.port)
        self.number = 10
        self.socket.log_in(name, "scene", ["presence", "typing"])

    def ask(self, answer, **frame):
        self.number += 1
        self.socket.send(id=self.number, **frame)
        return self.socket.next(answer, id=self.number)

    def make(self, room, topic=None):
        self.ask("ok", t="create", room=room, **({"topic": topic} if topic else {}))
        self.join(room)

    def join(self, room):
        return self.ask("joined", t="join", room=room)

    def say(self, room, body, **fields):
        cmid = base64url(os.urandom(8))
        return self.ask("published", t="publish", room=room, body=body, cmid=cmid, ack=2, **fields)["seq"]

    def react(self, room, seq, *texts):
        for text in texts:
            self.ask("published", t="publish", kind=3, room=room, ref=seq, body=text)

    def write(self, to, body):
        return self.ask("published", t="dm", to=to, body=body)["seq"]


class Scene:
    """Four people and their rooms. `prepare` is what was said before the guest came, `go_on` what is said while the guest looks on."""

    room = "garden"

    def __init__(self, broker):
        self.mira, self.tomo, self.grace, self.noor = (Person(broker, name) for name in ("mira", "tomo", "grace", "noor"))
        everybody = (self.tomo, self.grace, self.noor)
        self.mira.make(self.room, "What grows, what eats it, and who waters on Sundays")
        self.grace.make("kitchen", "Recipes and leftovers")
        self.tomo.make("books")
        self.noor.make("bicycle-repair")
        for person in everybody:
            person.join(self.room)
        self.mira.join("books")
        self.mira.join("kitchen")

    def prepare(self):
        garden = self.room
        self.mira.say("lobby", "Good morning!")
        first = self.mira.say(garden, "The first tomatoes are ripe 🍅 Who wants some?")
        self.tomo.say(garden, "Me! And I can bring basil.", reply=first)
        self.grace.react(garden, first, "🎉", "👍")
        self.noor.react(garden, first, "🎉")
        self.tomo.react(garden, first, "👍")
        self.grace.say(garden, "The slugs have found the lettuce again.")
        last = self.grace.say(garden, "I read that coffee grounds keep them away: https://example.org/garden/slugs?page=2")
        self.noor.react(garden, last, "👀")
        self.noor.say(garden, "Mine drink the coffee and ask for a biscuit.")
        self.mira.ask("published", t="publish", kind=5, room=garden, ref=first)
        return first

    def go_on(self, guest):
        garden = self.room
        seq = self.mira.say(garden, f"@{guest} could you water on Sunday?")
        self.tomo.say("books", "Who has the second volume?")
        self.mira.say("books", "Grace, I think.")
        self.noor.write(guest, "Do you still have the long hose?")
        self.grace.ask("ok", t="presence", state=2)
        self.noor.ask("ok", t="presence", state=3)
        return seq

    def close(self):
        for person in (self.mira, self.tomo, self.grace, self.noor):
            person.socket.close()
