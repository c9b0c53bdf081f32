"""Accounts across restarts, and under other settings: who may register, and whether there are guests (23)."""
import os
import unittest
from pathlib import Path

from accounts import PASSWORD, StoredAccounts
from broker import fresh
from credentials import resume, scram, verifier


class AccountSettings(StoredAccounts, unittest.TestCase):
    def test_accounts_and_tokens_survive_a_restart(self):
        device = os.urandom(16)
        self.start()
        token = self.logged_in(self.registered("ada"), device=device).ok["token"]
        self.broker.stop()
        self.start()
        self.assertEqual(resume(self.opened(device), "ada", token)["user"], "ada")
        self.assertEqual(self.logged_in("ada").user, "ada")
        self.broker.stop()
        for path in Path(self.folder).iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
            self.assertNotIn(token, path.read_bytes())
            self.assertNotIn(PASSWORD.encode(), path.read_bytes())

    def test_memberships_and_conversations_survive_a_restart(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                settings = {"loops": loops, "runtime_data_directory": f"{self.folder}/{loops}"}
                self.start(**settings)
                ada, bob = (self.logged_in(self.registered(name)) for name in ("ada", "bob"))
                ada.create("tea")
                bob.join("tea")
                bob.publish("tea", "milk?", ack=2)
                self.assertEqual(ada.dm("bob", "secretly", ack=2)["ack"], 2)
                guest = self.client("guest")
                guest.join("tea")
                self.broker.stop()
                self.start(**settings)
                ada = self.logged_in("ada")
                members = {m["user"]: (m["role"], m["state"]) for m in ada.members("tea")[0]}
                self.assertEqual(members, {"ada": (4, 1), "bob": (2, 0)})
                self.assertEqual(ada.publish("tea", "yes", ack=2)["ack"], 2)       # a member without JOIN
                bob = self.logged_in("bob")
                bob.join("@ada+bob", tail=10)
                self.assertEqual(bob.next_event("deliver", room="@ada+bob")["body"], "secretly")
                self.assertEqual(ada.dm("bob", "again", ack=2)["ack"], 2)
                self.assertEqual(bob.next_event("deliver", room="@ada+bob")["body"], "again")
                self.assertEqual(bob.leave("tea").name, "ok")
                self.broker.stop()
                self.start(**settings)
                bob = self.logged_in("bob")
                with self.refused(407):
                    bob.publish("tea", "no more")
                self.broker.stop()

    def test_registration_closed(self):
        self.start(accounts_registration="closed")
        client = self.opened()
        with self.refused(300):
            client.request("register", user="ada", sasl=verifier(PASSWORD))

    def test_registrations_from_one_address(self):
        """A name that is refused does not count, and the bound does not keep anybody from logging in."""
        self.start(accounts_registrations_per_hour_max=2)
        for name in (names := [fresh("one"), fresh("two")]):
            self.opened().request("register", user=name, sasl=verifier(PASSWORD))
            with self.refused(408 if name == names[0] else 703):
                self.opened().request("register", user=name, sasl=verifier(PASSWORD))
        self.assertEqual(self.logged_in(names[1]).user, names[1])

    def test_no_accounts(self):
        client = self.opened(broker=self.own())
        self.assertEqual(client.welcome["mechs"], ["ANONYMOUS"])
        with self.refused(501):
            client.request("register", user="ada", sasl=verifier(PASSWORD))
        with self.refused(202):
            client.request("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=ada,r=0123456789")

    def test_no_guests(self):
        self.start(guests_mode="off")
        client = self.opened()
        self.assertNotIn("ANONYMOUS", client.welcome["mechs"])
        client.request("register", user="off", sasl=verifier(PASSWORD))
        with self.refused(202):
            client.authenticate("x")
        self.assertEqual(scram(client, "off", PASSWORD)["user"], "off")


if __name__ == "__main__":
    unittest.main()
