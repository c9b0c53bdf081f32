"""JSON Web Tokens and certificates that others issue (23.3)."""
import functools
import subprocess
import time
import unittest
from pathlib import Path

from accounts import StoredAccounts
from broker import fresh, native_tls
from cbp import BrokerError, Client, Closed
from credentials import bearer, begin, send_bearer
from issuer import Issuer, bearer_settings


class Issuers(StoredAccounts, unittest.TestCase):
    def test_bearer_tokens(self):
        issuer, now = Issuer(self.folder_of_its_own()), int(time.time())
        good = {"iss": "https://issuer.example", "aud": ["chat"], "sub": "webuser", "nbf": now - 10, "exp": now + 600}
        self.start(**bearer_settings(issuer.key_set, good["iss"], "chat"))

        def log_in(token, name=""):
            client = self.opened()
            try:
                return bearer(client, token, name)
            finally:
                client.close()

        def is_refused(token):
            try:
                log_in(token)
            except BrokerError as error:
                self.assertEqual(error.code, 201)
                return True
        for key in ("oct", "rsa", "ec", "ed"):
            with self.subTest(key):
                ok = log_in(issuer.token(good, key), "webuser" if key == "ec" else "")
                self.assertEqual((ok["user"], ok["until"]), ("webuser", (now + 600) * 1000))
                self.assertNotIn("token", ok.fields)
        with self.refused(408):
            self.client("webuser")
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
            client = self.opened()
            waiting.append((what, client, send_bearer(client, token)))
        for what, client, id_ in waiting:
            with self.subTest(what), self.refused(201):
                client.reply(id_)
        with self.refused(201):
            log_in(valid, "somebody")
        with self.refused(204):
            log_in(issuer.token(good | {"exp": now - 61}))
        issuer.publish("ed")                                         # rotation: read again by itself
        self.wait_for(lambda: is_refused(issuer.token(good, "ec")))
        self.assertEqual(log_in(issuer.token(good, "ed"))["user"], "webuser")

    def test_bearer_connection_ends_with_its_token(self):
        issuer, now = Issuer(self.folder_of_its_own()), int(time.time())
        claims = {"iss": "i", "aud": "chat", "sub": "brief", "nbf": now - 100, "exp": now + 2}
        self.start(**bearer_settings(issuer.key_set, "i", "chat"))
        client = self.opened()
        bearer(client, issuer.token(claims))
        self.assert_ended(client, 204)

    def test_bearer_connection_is_told_before_its_token_ends(self):
        issuer, now = Issuer(self.folder_of_its_own()), int(time.time())
        claims = {"iss": "i", "aud": "chat", "sub": "soon", "nbf": now - 100}
        self.start(**bearer_settings(issuer.key_set, "i", "chat"))
        # Of the one that ends in less than two minutes, AUTH_OK has said so.
        sooner, soon = self.opened(), self.opened()
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
        folder = Path(self.folder_of_its_own())
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
        self.start(tls_client_authorities_file=folder / "ours.pem")

        def opened(path=None):
            context = native_tls()
            if path:
                context.load_cert_chain(f"{path}.pem", f"{path}.key")
            client = Client.connect(self.broker.host, self.broker.port, context, "localhost")
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
        with self.assertRaises((Closed, OSError)):
            opened(issued("/CN=ada", by="theirs"))


if __name__ == "__main__":
    unittest.main()
