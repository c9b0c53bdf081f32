"""Simple JSON beside the other doors: section 21.4 of docs/PROTOCOL.md."""
import json
import unittest

from asynchronous import websockets
from broker import PATIENCE, fresh
from harness import Sessions, everywhere
from simple import SimpleCase


class Simple(SimpleCase, Sessions):
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


if __name__ == "__main__":
    unittest.main()
