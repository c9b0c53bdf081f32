"""SEARCH and FOUND (24): what is found, by whom, in pages; on a broker that stores and on one that does not."""
import unittest
from pathlib import Path

from accounts import StoredAccounts
from broker import fresh, shared_broker, storing_broker
from cbp import BrokerError, MAX_UINT, encode
from harness import Sessions, everywhere, read_frame
from lines import LineCase
from websocket import Socket


class Search(Sessions):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = storing_broker(cls.loops)

    def say(self, client, room, *bodies, **fields):
        return [client.publish(room, body, ack=2, **fields)["seq"] for body in bodies]

    def found(self, client, query, **fields):
        """All that is found, page after page, as (room, body)."""
        events, cursor = [], None
        while True:
            page, cursor, _ = client.search(query, cursor=cursor, **fields)
            events += page
            if cursor is None:
                return [(event["room"], event["body"]) for event in events]

    def test_the_capability_is_told(self):
        client = self.client("", caps=["history", "search", "x-other"])
        self.assertEqual(client.welcome["caps"], ["history", "search"])
        self.assertIsNone(self.client("").welcome.get("caps"))

    def test_members_find_what_was_said_and_others_do_not(self):
        alice, bob, room = self.two_in_a_room()
        eve = self.client(fresh("eve"))
        word = fresh("needle")
        self.say(alice, room, f"here is {word} one", "nothing here", f"{word.upper()} two")
        conversation = alice.dm(bob.user, f"{word} for you", ack=2)["room"]
        self.assertEqual(self.found(bob, word),
                         [(conversation, f"{word} for you"), (room, f"{word.upper()} two"), (room, f"here is {word} one")])
        self.assertEqual(self.found(alice, f"{word} two"), [(room, f"{word.upper()} two")])
        self.assertEqual(self.found(eve, word), [])
        self.assertEqual(self.found(bob, word, room=room), [(room, f"{word.upper()} two"), (room, f"here is {word} one")])
        self.assertEqual(self.found(bob, word, room=conversation, **{"from": alice.user}), [(conversation, f"{word} for you")])
        self.assertEqual(self.found(bob, word, **{"from": bob.user}), [])
        self.assertEqual(self.found(bob, "", room=room)[0], (room, f"{word.upper()} two"))
        # What was said before one came is read as by HISTORY; after LEAVE nothing is.
        eve.join(room)
        self.assertEqual(len(self.found(eve, word)), 2)
        eve.leave(room)
        self.assertEqual(self.found(eve, word), [])
        for address, code in ((room, 407), (fresh("nowhere"), 404), (conversation, 404)):
            with self.refused(code):
                eve.search(word, room=address)
            with self.refused(code):
                eve.history(address)

    def test_the_octets_are_those_of_history(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("octets")
        self.say(alice, room, f"{word} and more", mime="text/markdown", meta=b"\x00\xff", reply=1)
        alice.publish(room, f"a {word}", kind=7, ack=2)
        events, cursor, incomplete = bob.search(word)
        self.assertEqual((cursor, incomplete), (None, False))
        history, _, _ = bob.history(room)
        self.assertEqual([e.fields for e in events], [e.fields for e in reversed(history) if word in e.get("body", "")])

    def test_other_scripts_and_signs(self):
        alice, _, room = self.two_in_a_room()
        bodies = ["東京タワーへ行く", "서울에서 만나요", "Привет, МИР", "say \"AND\" or * NEAR(x)", "50% off_now", "naïve café", "🙂🙃"]
        self.say(alice, room, *bodies)
        for query, wanted in (
                ("東京", [0]), ("京", [0]), ("タワー", [0]), ("東京　行く", [0]), ("서울", [1]), ("мир", [2]), ("\"and\"", [3]), ("AND", [3]),
                ("*", [3]), ("NEAR(", [3]), ("\"", [3]), ("0% o", [4]), ("_", [4]), ("CAFÉ", [5]), ("cafe\u0301", []), ("🙃", [6]), ("NOT", []),
                ("x*", []), ("-50%", []), ("room:x", []), ("x" * 256, []), ("\t \n　", list(range(7)))):
            with self.subTest(query):
                found = [body for _, body in self.found(alice, query, room=room)]
                self.assertEqual(found, [bodies[i] for i in reversed(wanted)])

    def test_pages(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("page")
        self.say(alice, room, *(f"{word} {i}" for i in range(25)))
        for limit in (1, 7, 25, 1000, 0, None):
            self.assertEqual([body for _, body in self.found(bob, word, limit=limit)], [f"{word} {i}" for i in reversed(range(25))])
        events, cursor, _ = bob.search(word, limit=7)
        self.assertEqual((len(events), len(cursor) <= 64), (7, True))
        # Told once more what it was told, whatever was said meanwhile.
        self.say(alice, room, f"{word} later")
        self.assertEqual(bob.search(word, limit=1, cursor=cursor)[0][0]["body"], f"{word} 17")
        for cursor in (b"", b"x", b"\xff" * 8, b"\x00" * 8, b"a" * 64):
            with self.refused(108, "cursor"):
                bob.search(word, cursor=cursor)
        with self.refused(108, "limit"):
            bob.reply(bob.send("search", query=word, limit=1001))

    def test_much_comes_in_several_frames(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("much")
        bodies = [f"{word} {i} " + "x" * 16000 for i in range(10)]
        self.say(alice, room, *bodies)
        last = bob.request("search", query=word, limit=10)
        self.assertGreater(len(last.parts), 1)
        self.assertEqual([body for _, body in self.found(bob, word)], bodies[::-1])

    def test_what_was_deleted_is_not_found(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("secret")
        first, second = self.say(alice, room, f"{word} one", f"{word} two")
        alice.publish(room, f"{word} three", kind=1, ref=second, ack=2)
        self.assertEqual([body for _, body in self.found(bob, word)], [f"{word} three", f"{word} one"])
        alice.request("publish", room=room, kind=2, ref=second, ack=2)
        self.assertEqual([body for _, body in self.found(bob, word)], [f"{word} one"])

    def test_a_message_is_found_as_it_is_now(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("now")
        first, second, third = self.say(alice, room, f"{word} one", f"{word} two", f"{word} three")
        edits = [alice.publish(room, body, kind=1, ref=ref, ack=2)["seq"]
                 for ref, body in ((first, f"{word} four"), (third, "nothing"), (first, f"{word} five"))]
        self.assertEqual([(e["seq"], e.get("ref"), e["body"]) for e in bob.search(word)[0]],
                         [(edits[2], first, f"{word} five"), (second, None, f"{word} two")])
        for query in (f"{word} one", f"{word} three", f"{word} four"):
            self.assertEqual(bob.search(query)[0], [])
        # The page is full, and nothing is behind it but what is left out.
        events, cursor, _ = bob.search(word, limit=2)
        self.assertEqual((len(events), bob.search(word, limit=2, cursor=cursor)[:2]), (2, ([], None)))

    def test_times(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("time")
        said = [(alice.publish(room, f"{word} {i}", ack=2)["ts"], f"{word} {i}") for i in range(5)]
        middle = said[2][0]
        for since, until in (
                (middle, None), (middle + 1, None), (None, middle), (None, middle + 1), (middle, middle + 1), (middle, middle),
                (said[0][0], said[4][0]), (0, MAX_UINT), (None, 0), (MAX_UINT, None)):
            with self.subTest(since=since, until=until):
                wanted = [body for ts, body in reversed(said) if (since or 0) <= ts < (MAX_UINT if until is None else until)]
                self.assertEqual([body for _, body in self.found(bob, word, since=since, until=until, limit=2)], wanted)
        with self.refused(108, "until"):
            bob.search(word, since=middle, until=middle - 1)

    def test_faults(self):
        connection = self.raw_ready()
        connection.send(encode("search", 0, query="x"))
        frame = read_frame(connection)
        self.assertEqual((frame.name, frame.id, frame["code"], frame["type"]), ("error", 0, 108, 0x2B))
        connection.send(encode("search", 5, query="x\x07"))
        self.assertEqual(read_frame(connection)["code"], 401)
        connection.send(encode("found", 6, frames=[]))
        self.assertEqual(read_frame(connection)["code"], 106)
        self.assert_alive(connection)

    def test_more_at_a_time_than_may_be_are_refused_and_the_others_answered(self):
        alice, bob, room = self.two_in_a_room()
        word = fresh("burst")
        self.say(alice, room, word)
        ids = [bob.send("search", query=word) for _ in range(50)]
        outcomes = []
        for id_ in ids:
            try:
                outcomes.append(len(bob.reply(id_)["frames"]))
            except BrokerError as error:
                outcomes.append(error.code)
        self.assertLessEqual(set(outcomes), {1, 502})
        self.assertEqual(outcomes[:4], [1, 1, 1, 1])
        self.assertEqual(len(self.found(alice, word)), 1)

    def test_json(self):
        alice, _, room = self.two_in_a_room()
        word = fresh("json")
        self.say(alice, room, f"{word} é\n東")
        web = Socket(self.broker.host, self.broker.port, tls=self.web_tls)
        self.addCleanup(web.close)
        web.log_in(fresh("web"))
        web.send(t="join", id=3, room=room)
        web.next("joined", id=3)
        web.send(t="search", id=4, query=word.upper(), limit=5)
        found = web.next("found", id=4)
        self.assertEqual([frame["body"] for frame in found["frames"]], [f"{word} é\n東"])
        self.assertNotIn("cursor", found)
        ts = found["frames"][0]["ts"]
        for id_, times in ((5, {"since": ts, "until": ts + 1}), (6, {"until": ts}), (7, {"since": ts + 1})):
            web.send(t="search", id=id_, query=word, **times)
            self.assertEqual(len(web.next("found", id=id_)["frames"]), int(id_ == 5))


globals().update(everywhere(Search))


class Life(StoredAccounts, unittest.TestCase):
    """Across restarts, and where there is nothing to be searched."""

    def fill(self, count):
        ada = self.client("ada")
        room = fresh("room")
        ada.create(room)
        for i in range(count - 1):
            ada.send_without_reply("publish", room=room, body=f"word {i}")
        ada.publish(room, f"word {count - 1}", ack=2)
        return room

    def bodies(self, client, query):
        events, cursor = [], None
        while True:
            page, cursor, _ = client.search(query, cursor=cursor, limit=1000)
            events += [event["body"] for event in page]
            if cursor is None:
                return events

    def test_what_was_said_is_found_after_a_kill(self):
        self.start(2)
        room = self.fill(3000)
        self.broker.kill()
        self.start(2)
        bob = self.client("bob")
        bob.join(room)
        self.assertEqual(self.bodies(bob, "word"), [f"word {i}" for i in reversed(range(3000))])
        self.assertEqual(self.bodies(bob, "2999"), ["word 2999"])
        # Without the index beside it, the history is looked through, and the index made again.
        self.broker.stop()
        for path in Path(self.folder).glob("search.sqlite3*"):
            path.unlink()
        self.start()
        bob = self.client("bob")
        bob.join(room)
        self.assertEqual(len(self.bodies(bob, "word")), 3000)

    def test_not_offered(self):
        for settings in ({"storage_enabled": "false"}, {"storage_search_enabled": "false"}):
            with self.subTest(settings):
                self.start(**settings)
                client = self.client("ada", caps=["search"])
                self.assertIsNone(client.welcome.get("caps"))
                for fields in ({}, {"room": "lobby"}):
                    with self.refused(501):
                        client.search("x", **fields)
                self.broker.stop()
        self.assertEqual(list(Path(self.folder).glob("search.*")), [])
        with self.refused(501):
            self.client("", broker=shared_broker(1)).search("x")

    def test_accounts_search_their_rooms_after_a_restart(self):
        self.start(2)
        ada, bob = (self.logged_in(self.registered(name)) for name in ("ada", "bob"))
        ada.create("tea")
        bob.join("tea")
        bob.publish("tea", "milk and sugar", ack=2)
        ada.dm("bob", "no sugar, secretly", ack=2)
        self.client("guest").join("tea")
        self.broker.stop()
        self.start(2)
        wanted = [("@ada+bob", "no sugar, secretly"), ("tea", "milk and sugar")]
        for name in ("ada", "bob"):
            events, cursor, _ = self.logged_in(name).search("sugar")
            self.assertEqual(([(e["room"], e["body"]) for e in events], cursor), (wanted, None))
        # A guest's membership has ended with the guest.
        self.assertEqual(self.client("guest").search("sugar")[0], [])


class LineMode(LineCase, unittest.TestCase):
    loops = 2

    def test_search(self):
        self.start(stores=True)
        bob = self.client("bob")
        for body in ("an apple", "a pear", "two APPLES"):
            bob.publish("lobby", body, ack=2)
        ada = self.terminal("ada")
        ada.type("/search apple\n/search nothing like it\n/search\n/search \"an AND\n")
        lines = []
        while "! 108 that is used like this: /search WORDS" not in lines or sum("nothing was found" in line for line in lines) < 2:
            lines.append(ada.line())
        at = lines.index("bob: an apple")
        self.assertEqual(lines[at:at + 2], ["bob: an apple", "bob: two APPLES"])


if __name__ == "__main__":
    unittest.main()
