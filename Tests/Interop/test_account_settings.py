"""Accounts under other settings: restarts, who may register, tokens and certificates that others issue."""
import functools
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import cbp
from cbp import BrokerError
from credentials import begin, bearer, Issuer, resume, scram, verifier
from harness import PATIENCE, certificate, fresh
from kept import PASSWORD, KeptApart


class AccountSettings(KeptApart, unittest.TestCase):
    def test_accounts_and_tokens_survive_a_restart(self):
        folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")
        self.addCleanup(folder.cleanup)
        device = os.urandom(16)
        with self.start(runtime_data_directory=folder.name) as broker:
            client = self.opened(broker=broker)
            client.request("register", user="ada", sasl=verifier(PASSWORD))
            token = self.logged_in("ada", device=device, broker=broker).ok["token"]
        with self.start(runtime_data_directory=folder.name) as broker:
            self.assertEqual(resume(self.opened(device, broker), "ada", token)["user"], "ada")
            self.assertEqual(self.logged_in("ada", broker=broker).user, "ada")
        for path in Path(folder.name).iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
            self.assertNotIn(token, path.read_bytes())
            self.assertNotIn(PASSWORD.encode(), path.read_bytes())

    def test_memberships_and_conversations_survive_a_restart(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")
                self.addCleanup(folder.cleanup)
                settings = {"runtime_data_directory": folder.name, "loops": loops, "storage_enabled": "true"}
                with self.start(**settings) as broker:
                    for name in ("ada", "bob"):
                        self.opened(broker=broker).request("register", user=name, sasl=verifier(PASSWORD))
                    ada, bob = (self.logged_in(name, broker=broker) for name in ("ada", "bob"))
                    ada.create("tea")
                    bob.join("tea")
                    bob.publish("tea", "milk?", ack=2)
                    self.assertEqual(ada.dm("bob", "secretly", ack=2)["ack"], 2)
                    guest = self.client("guest", broker)
                    guest.join("tea")
                with self.start(**settings) as broker:
                    ada = self.logged_in("ada", broker=broker)
                    members = {m["user"]: (m["role"], m["state"]) for m in ada.members("tea")[0]}
                    self.assertEqual(members, {"ada": (4, 1), "bob": (2, 0)})
                    self.assertEqual(ada.publish("tea", "yes", ack=2)["ack"], 2)       # a member without JOIN
                    bob = self.logged_in("bob", broker=broker)
                    bob.join("@ada+bob", tail=10)
                    self.assertEqual(bob.next_event("deliver", room="@ada+bob")["body"], "secretly")
                    self.assertEqual(ada.dm("bob", "again", ack=2)["ack"], 2)
                    self.assertEqual(bob.next_event("deliver", room="@ada+bob")["body"], "again")
                    self.assertEqual(bob.leave("tea").name, "ok")
                with self.start(**settings) as broker:
                    bob = self.logged_in("bob", broker=broker)
                    with self.refused(407):
                        bob.publish("tea", "no more")

    def test_registration_closed(self):
        with self.start(accounts_registration="closed") as broker:
            client = self.opened(broker=broker)
            with self.refused(300):
                client.request("register", user="ada", sasl=verifier(PASSWORD))

    def test_registrations_from_one_address(self):
        """A name that is refused does not count, and the bound does not keep anybody from logging in."""
        with self.start(accounts_registrations_per_hour_max=2) as broker:
            for name in (names := [fresh("one"), fresh("two")]):
                self.opened(broker=broker).request("register", user=name, sasl=verifier(PASSWORD))
                with self.refused(408 if name == names[0] else 703):
                    self.opened(broker=broker).request("register", user=name, sasl=verifier(PASSWORD))
            self.assertEqual(self.logged_in(names[1], broker=broker).user, names[1])

    def test_no_accounts(self):
        client = self.opened(broker=self.own())
        self.assertEqual(client.welcome["mechs"], ["ANONYMOUS"])
        with self.refused(501):
            client.request("register", user="ada", sasl=verifier(PASSWORD))
        with self.refused(202):
            client.request("auth", mech="SCRAM-SHA-256", sasl=b"n,,n=ada,r=0123456789")

    def test_no_guests(self):
        with self.start(guests_mode="off") as broker:
            client = self.opened(broker=broker)
            self.assertNotIn("ANONYMOUS", client.welcome["mechs"])
            client.request("register", user="off", sasl=verifier(PASSWORD))
            with self.refused(202):
                client.authenticate("x")
            self.assertEqual(scram(client, "off", PASSWORD)["user"], "off")

    def test_bearer_tokens(self):
        folder = Path(self.folder.name, "issuer")
        folder.mkdir()
        issuer, now = Issuer(folder), int(time.time())
        good = {"iss": "https://issuer.example", "aud": ["chat"], "sub": "webuser", "nbf": now - 10, "exp": now + 600}
        settings = {"accounts_bearer_keys_file": issuer.key_set, "accounts_bearer_issuer": good["iss"], "accounts_bearer_audience": "chat"}
        with self.start(**settings) as broker:
            def log_in(token, name=""):
                client = self.opened(broker=broker)
                try:
                    return bearer(client, token, name)
                finally:
                    client.close()
            for key in ("oct", "rsa", "ec", "ed"):
                with self.subTest(key):
                    ok = log_in(issuer.token(good, key), "webuser" if key == "ec" else "")
                    self.assertEqual((ok["user"], ok["until"]), ("webuser", (now + 600) * 1000))
                    self.assertNotIn("token", ok.fields)
            with self.refused(408):
                self.client("webuser", broker)
            rsa = issuer.public_pem("rsa")
            issuer.secret, secret = rsa, issuer.secret
            confused = issuer.token(good)
            issuer.secret = secret
            valid = issuer.token(good)
            wrong = {
                "none": issuer.token(good, header={"alg": "none"}), "empty": valid.rsplit(".", 1)[0] + ".", "confused": confused,
                "crit": issuer.token(good, header={"alg": "HS256", "crit": ["exp"]}), "signature": valid[:-4] + "AAAA",
                "algorithm": issuer.token(good, "rsa", {"alg": "ES256"}), "key": issuer.token(good, header={"alg": "HS256", "kid": "rsa"}),
                "early": issuer.token(good | {"nbf": now + 300}), "audience": issuer.token(good | {"aud": "mail"}),
                "issuer": issuer.token(good | {"iss": "https://other.example"}), "subject": issuer.token(good | {"sub": "Not A Name"}),
                "guest": issuer.token(good | {"sub": "guest-1"}), "large": issuer.token(good | {"x": "y" * 5000}), "nothing": "",
            } | {f"no {claim}": issuer.token({k: v for k, v in good.items() if k != claim}) for claim in good}
            waiting = []                                                 # refusals come late, so all at once
            for what, token in wrong.items():
                client = self.opened(broker=broker)
                sasl = f"n,,\x01auth=Bearer {token}\x01\x01".encode()
                waiting.append((what, client, client.send("auth", mech="OAUTHBEARER", sasl=sasl)))
            for what, client, id_ in waiting:
                with self.subTest(what), self.refused(201):
                    client.reply(id_)
            with self.refused(201):
                log_in(valid, "somebody")
            with self.refused(204):
                log_in(issuer.token(good | {"exp": now - 61}))
            issuer.publish("ed")                                         # rotation: read again by itself
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    log_in(issuer.token(good, "ec"))
                except BrokerError as error:
                    self.assertEqual(error.code, 201)
                    break
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(log_in(issuer.token(good, "ed"))["user"], "webuser")

    def test_bearer_connection_ends_with_its_token(self):
        folder = Path(self.folder.name, "short")
        folder.mkdir()
        issuer, now = Issuer(folder), int(time.time())
        claims = {"iss": "i", "aud": "chat", "sub": "brief", "nbf": now - 100, "exp": now + 2}
        settings = {"accounts_bearer_keys_file": issuer.key_set, "accounts_bearer_issuer": "i", "accounts_bearer_audience": "chat"}
        with self.start(**settings) as broker:
            client = self.opened(broker=broker)
            bearer(client, issuer.token(claims))
            self.assert_ended(client, 204)

    def test_bearer_connection_is_told_before_its_token_ends(self):
        folder = Path(self.folder.name, "soon")
        folder.mkdir()
        issuer, now = Issuer(folder), int(time.time())
        claims = {"iss": "i", "aud": "chat", "sub": "soon", "nbf": now - 100}
        settings = {"accounts_bearer_keys_file": issuer.key_set, "accounts_bearer_issuer": "i", "accounts_bearer_audience": "chat"}
        with self.start(**settings) as broker:
            # Of the one that ends in less than two minutes, AUTH_OK has said so.
            sooner, soon = self.opened(broker=broker), self.opened(broker=broker)
            bearer(sooner, issuer.token(claims | {"exp": now + 60}))
            until = bearer(soon, issuer.token(claims | {"exp": now + 122}))["until"]
            notice = soon.next_event("notice")
            self.assertEqual((notice["code"], notice["until"], notice.id), (204, until, 0))
            self.assertTrue(0 < until - notice["ts"] <= 120_000)
            for client in (sooner, soon):
                client.ping()
                self.assertFalse([event for event in client.events if event.name == "notice"])
            # Renewed, it is told anew when the time has come.
            again = int(time.time()) + 122
            self.assertEqual(bearer(soon, issuer.token(claims | {"exp": again}))["until"], again * 1000)
            self.assertEqual(soon.next_event("notice")["until"], again * 1000)

    def test_certificates(self):
        folder = Path(self.folder.name, "authority")
        folder.mkdir()
        made = functools.partial(subprocess.run, check=True, capture_output=True, timeout=60)
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

        def authority(name):
            made([*new, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"])

        def issued(subject, uri=None, by="ours"):
            path = folder / fresh("client")
            extension = ["-addext", f"subjectAltName=URI:{uri}"] if uri else []
            made([*new, "-subj", subject, *extension, "-CA", folder / f"{by}.pem", "-CAkey", folder / f"{by}.key",
                  "-keyout", f"{path}.key", "-out", f"{path}.pem"])
            return path
        authority("ours")
        authority("theirs")
        with self.start(tls_client_authorities_file=folder / "ours.pem") as broker:
            def opened(path=None):
                context = cbp.tls_context(str(certificate().certificate))
                if path:
                    context.load_cert_chain(f"{path}.pem", f"{path}.key")
                client = cbp.Client.connect(broker.host, broker.port, context, "localhost")
                self.addCleanup(client.close)
                begin(client)
                return client
            for path, name in ((issued("/CN=ada.lovelace"), "ada.lovelace"), (issued("/CN=Ada", "cbp:user:ada"), "ada")):
                client = opened(path)
                self.assertEqual(client.welcome["mechs"][0], "EXTERNAL")
                with self.refused(201):
                    client.request("auth", mech="EXTERNAL", sasl=b"somebody")
                self.assertEqual(client.request("auth", mech="EXTERNAL", sasl=b"" if name == "ada" else name.encode())["user"], name)
            for path in (None, issued("/CN=Not A Name"), issued("/O=Nobody"), issued("/CN=X", "https://example.com")):
                client = opened(path)
                self.assertNotIn("EXTERNAL", client.welcome["mechs"])
                with self.refused(202):
                    client.request("auth", mech="EXTERNAL")
            with self.assertRaises((cbp.Closed, OSError)):
                opened(issued("/CN=ada", by="theirs"))


if __name__ == "__main__":
    unittest.main()
