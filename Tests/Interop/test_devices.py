"""Devices, their resume tokens, and what a new password does to them (23.4, 23.6 to 23.8)."""
import os

from accounts import PASSWORD, SharedAccounts
from broker import fresh
from credentials import mac, resume, scram, verifier
from harness import IN_CLEAR, everywhere


class Devices(SharedAccounts):
    def test_device_takes_over(self):
        name, device = self.registered(), os.urandom(16)
        old, other = self.logged_in(name, device=device), self.logged_in(name, device=os.urandom(16))
        new = self.logged_in(name, device=device)
        self.assert_ended(old, 208, True)
        other.ping()
        new.ping()

    def test_resume_tokens(self):
        name, device = self.registered(), os.urandom(16)
        first = self.logged_in(name, device=device)
        self.assertEqual((len(first.ok["token"]), first.ok["ttl"]), (32, 2592000))
        second = self.opened(device)
        ok = resume(second, name, first.ok["token"])
        self.assertEqual(ok["user"], name)
        self.assertNotEqual(ok["token"], first.ok["token"])
        third = self.opened(device)
        third.ok = resume(third, name, first.ok["token"])                # the reply with the newer one may have been lost
        fourth = self.opened(device)
        self.assertEqual(resume(fourth, name, third.ok["token"])["user"], name)
        waiting = []                                                     # refusals come late, so all at once
        for who, secret, token in ((name, os.urandom(16), third.ok["token"]), (name, device, os.urandom(32)), (name, device, ok["token"]),
                                   (fresh("nobody"), device, ok["token"]), (name, None, ok["token"])):
            client = self.opened(secret)
            waiting.append((client, client.send("auth", mech="HT-SHA-256-NONE", sasl=who.encode() + b"\0" + mac(token, b"Initiator"))))
        for client, id_ in waiting:
            with self.refused(205):
                client.reply(id_)
        with self.refused(300):                                          # a token is not a password
            fourth.request("password", sasl=verifier("another"))

    def test_resume_tokens_under_tls(self):
        name, device = self.registered(), os.urandom(16)
        client, exporter = self.bound(device)
        token = scram(client, name, PASSWORD, exporter)["token"]
        client, _ = self.bound(device)
        with self.refused(205):
            resume(client, name, token, os.urandom(32))
        client, exporter = self.bound(device)
        self.assertEqual(resume(client, name, token, exporter)["user"], name)

    def test_passwords_change(self):
        name, device = self.registered(), os.urandom(16)
        client, other = self.logged_in(name, device=device), self.logged_in(name, device=os.urandom(16))
        with self.refused(108):
            client.request("password", sasl=b"new")
        client.request("password", sasl=verifier("new password"))
        self.assert_ended(other, 204, True)
        with self.refused(201):
            self.logged_in(name)
        self.assertEqual(self.logged_in(name, "new password").user, name)
        back = self.opened(other.device)
        with self.refused(205):
            resume(back, name, other.ok["token"])
        again = self.opened(device)
        again.ok = resume(again, name, client.ok["token"])
        with self.refused(300):
            again.request("password", sasl=verifier("third"))
        self.assertEqual(scram(again, name, "new password")["user"], name)      # in READY
        again.request("password", sasl=verifier("third"))
        for request, fields in (("password", {"sasl": verifier("x")}), ("devices", {}), ("revoke", {"session": os.urandom(16)})):
            with self.subTest(request), self.refused(300):
                self.client(fresh("guest")).request(request, **fields)

    def test_devices_are_listed_and_revoked(self):
        name = self.registered()
        phone, laptop = self.logged_in(name, device=os.urandom(16)), self.logged_in(name, device=os.urandom(16))
        listed = laptop.devices()
        self.assertEqual([(d["agent"], d["state"]) for d in listed], [("interop/1", 1)] * 2)
        self.assertFalse({phone.device, laptop.device} & {d["session"] for d in listed})
        self.assertGreater(listed[0]["until"], listed[0]["ts"])
        phone.leave_broker()
        self.wait_for(lambda: [d["state"] for d in laptop.devices()].count(0) == 1)
        lost = next(d for d in laptop.devices() if d["state"] == 0)
        back = self.opened(phone.device)
        back.ok = resume(back, name, phone.ok["token"])
        laptop.request("revoke", session=lost["session"])
        self.assert_ended(back, 204, True)
        with self.refused(205):
            resume(self.opened(phone.device), name, back.ok["token"])
        with self.refused(205):
            laptop.request("revoke", session=lost["session"])
        self.assertEqual(len(laptop.devices()), 1)


globals().update(everywhere(Devices, transports=[IN_CLEAR]))
