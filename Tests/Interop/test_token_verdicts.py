"""The broker's verdicts on JSON Web Tokens beside those of PyJWT, which somebody else wrote (RFC 7519)."""
import json
import os
import time
import unittest
from pathlib import Path

try:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:
    raise unittest.SkipTest("the package pyjwt is not installed") from None

from accounts import StoredAccounts
from cbp import BrokerError, base64url
from credentials import send_bearer
from issuer import bearer_settings

ISSUER, AUDIENCE, LEEWAY = "https://issuer.example", "chat", 60
REQUIRED = ["exp", "nbf", "iss", "aud", "sub"]


def make_keys():
    """{algorithm: (key that signs, key that verifies, key as published)}"""
    keys = {"HS256": ((secret := os.urandom(32)), secret)}
    for algorithm, private in (("RS256", rsa.generate_private_key(65537, 2048)), ("ES256", ec.generate_private_key(ec.SECP256R1())),
                               ("EdDSA", ed25519.Ed25519PrivateKey.generate())):
        keys[algorithm] = (private, private.public_key())
    return {name: (*pair, jwt.algorithms.get_default_algorithms()[name].to_jwk(pair[1], as_dict=True)) for name, pair in keys.items()}


def other_claims(now):
    """{what: claims that differ from the good ones; None takes one away}"""
    table = {
        "good": {}, "a text as audience": {"aud": AUDIENCE}, "one of several audiences": {"aud": ["mail", AUDIENCE]},
        "another audience": {"aud": ["mail"]}, "no audience in the list": {"aud": []}, "another issuer": {"iss": ISSUER + "/"},
        "just ended": {"exp": now - LEEWAY + 20}, "long ended": {"exp": now - LEEWAY - 20},
        "about to begin": {"nbf": now + LEEWAY - 20}, "begins later": {"nbf": now + LEEWAY + 20}, "more claims": {"x": {"y": [1, None]}},
    }
    return table | {f"without {claim}": {claim: None} for claim in REQUIRED}


def spoilt(token):
    """{what: the token with octets exchanged}"""
    head, claims, signature = token.split(".")
    richer = base64url(json.dumps({"sub": "root"}).encode())
    return {"other claims under the signature": f"{head}.{richer}.{signature}", "no signature": f"{head}.{claims}.",
            "two parts": f"{head}.{claims}", "four parts": f"{token}.{signature}",
            "a signature cut short": f"{head}.{claims}.{signature[:-8]}", "a signature of something else": f"{head}.{claims}.{signature[::-1]}"}


class TokenVerdicts(StoredAccounts, unittest.TestCase):
    def test_the_broker_says_what_pyjwt_says(self):
        keys, now = make_keys(), int(time.time())
        published = Path(self.folder_of_its_own(), "keys.json")
        published.write_text(json.dumps({"keys": [key for *_, key in keys.values()]}))
        good = {"iss": ISSUER, "aud": [AUDIENCE], "sub": "oracle", "nbf": now - 10, "exp": now + 600}
        tokens = {}
        for algorithm, (private, *_) in keys.items():
            for what, change in other_claims(now).items():
                claims = {name: value for name, value in (good | change).items() if value is not None}
                tokens[algorithm, what] = jwt.encode(claims, private, algorithm)
            tokens |= {(algorithm, what): token for what, token in spoilt(tokens[algorithm, "good"]).items()}
        self.start(**bearer_settings(published, ISSUER, AUDIENCE))
        waiting = []                                                     # refusals come late, so all at once
        for name, token in tokens.items():
            client = self.opened()
            waiting.append((name, client, send_bearer(client, token)))
        verdicts = {}
        for name, client, id_ in waiting:
            try:
                verdicts[name] = client.reply(id_)["user"] == "oracle"
            except BrokerError as error:
                self.assertIn(error.code, (201, 204), name)
                verdicts[name] = False
        for (algorithm, what), token in tokens.items():
            with self.subTest(algorithm=algorithm, what=what):
                self.assertEqual(verdicts[algorithm, what], self.accepts(token, keys[algorithm][1], algorithm))
        self.assertEqual(sum(verdicts.values()), 6 * len(keys), "what is good is accepted, with every kind of key")

    @staticmethod
    def accepts(token, key, algorithm):
        try:
            jwt.decode(token, key, [algorithm], {"require": REQUIRED}, issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY)
        except jwt.InvalidTokenError:
            return False
        return True


if __name__ == "__main__":
    unittest.main()
