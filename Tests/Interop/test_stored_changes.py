"""Changes, markers and threads of what only the disk knows, across restarts and kills (7.22, 9.3, 9.4, 10.1)."""
import os
import shutil
import time
import unittest
from pathlib import Path

from accounts import OPEN, StoredAccounts
from cbp import DELETE, EDIT, PIN, REACT, RETRY, UNPIN, UNREACT
from harness import everywhere


class StoredChanges(StoredAccounts):
    settings = OPEN | {"rooms_recent_events_per_room": 4}

    def come(self, name):
        return self.logged_in(name, caps=["inbox", "marks"])

    def change(self, client, kind, ref, body=None, **fields):
        return client.request("publish", room="tea", kind=kind, ref=ref, body=body, **fields)

    def talk(self, **settings):
        """A room of ada's with bob in it, and what each said there, which the ring has lost."""
        self.start(**settings)
        ada, bob = (self.come(self.registered(name)) for name in ("ada", "bob"))
        ada.create("tea")
        ada.join("tea")
        bob.join("tea")
        of_ada, of_bob = ada.publish("tea", "of ada")["seq"], bob.publish("tea", "of bob")["seq"]
        for _ in range(6):
            ada.publish("tea", "filler", ack=2)
        return ada, bob, of_ada, of_bob

    def restarted(self, kills):
        if kills:
            self.broker.kill()
        else:
            self.assertEqual(self.broker.stop(), 0)
        self.start()
        ada, bob = self.come("ada"), self.come("bob")
        ada.join("tea")
        bob.join("tea")
        return ada, bob

    def said(self, client, **fields):
        return {event["seq"]: event for event in client.history("tea", limit=1000, **fields)[0]}

    def test_old_events_are_changed_like_new_ones(self):
        ada, bob, of_ada, of_bob = self.talk()
        for kills in (None, False, True):
            with self.subTest(kills=kills):
                if kills is not None:
                    ada, bob = self.restarted(kills)
                for client, kind, ref, body in ((bob, EDIT, of_ada, "x"), (ada, EDIT, of_bob, "x"), (bob, DELETE, of_ada, None),
                                                (bob, PIN, of_bob, None)):
                    with self.refused(300):
                        self.change(client, kind, ref, body)
                edit = self.change(bob, EDIT, of_bob, f"better {kills}", ack=2)
                self.assertEqual(ada.next_event("deliver", room="tea", seq=edit["seq"])["body"], f"better {kills}")
                for ref in (1, edit["seq"]):
                    with self.refused(406, "ref"):
                        self.change(ada, EDIT, ref, "no message")
        self.change(ada, DELETE, of_bob, ack=2)
        for kills in (False, True):
            with self.subTest(kills=kills):
                events = self.said(ada)
                self.assertEqual([seq for seq, event in events.items() if event.get("redacted")],
                                 [seq for seq, event in events.items() if seq == of_bob or event.get("kind") == EDIT])
                self.assertFalse([event for event in events.values() if (event.get("body") or "").startswith("better")])
                for kind, body in ((EDIT, "x"), (DELETE, None), (REACT, "x"), (UNREACT, "x"), (PIN, None), (UNPIN, None)):
                    with self.refused(406):
                        self.change(bob if kind == EDIT else ada, kind, of_bob, body)
                ada, bob = self.restarted(kills)
        self.broker.stop()
        octets = Path(self.folder, "history.sqlite3").read_bytes()
        self.assertIn(b"of ada", octets)
        self.assertNotIn(b"of bob", octets)
        self.assertNotIn(b"better", octets)

    def test_reactions_and_pins_are_there_once(self):
        ada, bob, of_ada, of_bob = self.talk()
        self.change(bob, REACT, of_ada, "+1", ack=2)
        self.change(ada, PIN, of_bob, ack=2)
        for kills in (None, False, True):
            with self.subTest(kills=kills):
                if kills is not None:
                    ada, bob = self.restarted(kills)
                with self.refused(408):
                    self.change(bob, REACT, of_ada, "+1")
                with self.refused(406):
                    self.change(ada, UNREACT, of_ada, "+1")
                with self.refused(408):
                    self.change(ada, PIN, of_bob)
                self.change(ada, REACT, of_ada, "+1")
                self.change(ada, UNREACT, of_ada, "+1", ack=2)
        self.change(bob, UNREACT, of_ada, "+1", ack=2)
        self.change(ada, UNPIN, of_bob, ack=2)
        ada, bob = self.restarted(True)
        with self.refused(406):
            self.change(bob, UNREACT, of_ada, "+1")
        self.change(ada, PIN, of_bob)

    def test_what_is_sent_behind_a_change_stays_behind_it(self):
        ada, bob, of_ada, _ = self.talk()
        ids = [ada.send("publish", room="tea", kind=EDIT, ref=of_ada, body="first"), ada.send("publish", room="tea", body="second"),
               ada.send("publish", room="tea", kind=REACT, ref=of_ada, body="+1"), ada.send("publish", room="tea", body="fourth")]
        seqs = [ada.reply(id_)["seq"] for id_ in ids]
        self.assertEqual(seqs, sorted(seqs))
        self.assertEqual([bob.next_event("deliver", seq=seq)["body"] for seq in seqs], ["first", "second", "+1", "fourth"])

    def test_markers_and_the_inbox_go_on(self):
        ada, bob, of_ada, of_bob = self.talk()

        def line(client, usn=0):
            reply = client.request("inbox", usn=usn)
            lines = [item for part in reply.parts for item in part["items"] if item["room"] == "tea"]
            return (lines[0]["mark"], lines[0]["unread"]) if lines else None, reply["usn"]

        self.assertEqual(line(bob)[0][1], 8)
        bob.request("mark", room="tea", mark=of_ada)
        self.assertEqual(line(bob)[0], (of_ada, 7))
        self.assertEqual(ada.publish("tea", "carries the marker along", ack=2)["ack"], 2)
        for kills in (True, False):
            with self.subTest(kills=kills):
                _, usn = line(bob)
                ada, bob = self.restarted(kills)
                mark, unread = line(bob, usn)[0]
                self.assertEqual((mark, unread), (of_ada, 8 if kills else 7))
                with self.refused(600):
                    bob.request("inbox", usn=usn + 3600_000)
                bob.request("mark", room="tea", mark=of_bob)
                self.assertEqual(line(bob)[0], (of_bob, 7))
                of_ada = of_bob
        self.assertEqual(bob.leave("tea").name, "ok")
        self.assertIsNone(line(bob)[0])

    def test_a_thread_by_itself(self):
        ada, bob, of_ada, of_bob = self.talk()
        thread = [of_ada]
        for i in range(12):
            seq = bob.publish("tea", f"t{i}", thread=of_ada if i % 2 else None, ack=2)["seq"]
            if i % 2:
                thread.append(seq)
        for kills in (None, True):
            with self.subTest(kills=kills):
                if kills:
                    ada, bob = self.restarted(kills)
                self.assertEqual(list(self.said(ada, thread=of_ada)), thread)
                back, to = [], 1000
                while to > 0:
                    events, covered, _ = ada.history("tea", 0, to, limit=2, thread=of_ada)
                    back = [event["seq"] for event in events] + back
                    to = covered[0] - 1
                self.assertEqual(back, thread)
                onwards, at = [], 1
                while at <= thread[-1]:
                    events, covered, _ = ada.history("tea", at, thread[-1], limit=3, dir=1, thread=of_ada)
                    onwards += [event["seq"] for event in events]
                    at = covered[1] + 1
                self.assertEqual(onwards, thread)
                self.assertEqual(list(self.said(ada, thread=of_bob)), [of_bob])
                for nothing in (0, 10_000):
                    with self.refused(406, "thread"):
                        ada.history("tea", thread=nothing)

    def test_a_retry_beyond_memory_has_one_effect(self):
        ada, bob, _, _ = self.talk(rooms_deduplication_entries_per_account_max=16)
        began = time.monotonic()
        cmid = os.urandom(8)
        first = ada.publish("tea", "once", cmid, ack=2)
        for _ in range(20):
            ada.publish("tea", "more", ack=2)
        age = int((time.monotonic() - began) * 1000)

        def retry(client, cmid):
            return client.reply(client.send("publish", RETRY, room="tea", body="once", cmid=cmid, age=age, ack=2))

        again = retry(ada, cmid)
        self.assertEqual((again["seq"], again.get("dup"), again["ack"]), (first["seq"], True, 2))
        new = retry(ada, os.urandom(8))
        self.assertEqual((new.get("dup"), new["seq"] > first["seq"]), (None, True))
        ada, bob = self.restarted(True)
        self.assertEqual(retry(ada, cmid)["seq"], first["seq"])

    def test_without_storage_what_memory_lost_is_gone(self):
        ada, bob, of_ada, of_bob = self.talk(storage_enabled="false")
        for kind, body in ((EDIT, "x"), (DELETE, None), (REACT, "x"), (PIN, None)):
            with self.refused(411, "ref"):
                self.change(ada, kind, of_ada, body)

    def test_a_restored_backup_begins_a_new_epoch(self):
        ada, bob, of_ada, _ = self.talk()
        epoch = ada.join("tea")["epoch"]
        self.broker.stop()
        file = Path(self.folder, "history.sqlite3")
        backup = Path(self.folder, "copy.sqlite3")
        shutil.copyfile(file, backup)
        self.start()
        ada = self.come("ada")
        head = ada.publish("tea", "said since the backup", ack=2)["seq"]
        usn = ada.request("inbox", usn=0)["usn"]
        refused = self.operate("history", "new-epoch")
        self.assertEqual((refused.returncode, "in use by another broker" in refused.stderr), (1, True), refused)
        self.broker.stop()
        shutil.copyfile(backup, file)
        done = self.operate("history", "new-epoch")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^\d+ logs have the epoch \d+ now, in /.*\n$")
        self.start()
        ada = self.come("ada")
        with self.refused(600):
            ada.join("tea", cursor=(epoch, head))
        joined = ada.join("tea")
        self.assertGreater(joined["epoch"], epoch)
        self.assertIn("tea", {line["room"] for line in ada.request("inbox", usn=usn)["items"]})
        self.assertEqual(self.change(ada, EDIT, of_ada, "goes on", ack=2)["ack"], 2)
        self.assertEqual([event["body"] for event in self.said(ada).values() if event.get("body") and not event.get("kind")],
                         ["of ada", "of bob"] + 6 * ["filler"])
        nothing = self.operate("history", "new-epoch", folder=self.folder + "/nowhere")
        self.assertEqual((nothing.returncode, nothing.stderr.count("\n")), (1, 1), nothing)


globals().update(everywhere(StoredChanges))


if __name__ == "__main__":
    unittest.main()
