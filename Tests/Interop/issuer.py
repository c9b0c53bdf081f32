"""Who issues JSON Web Tokens, with the `openssl` program as another implementation of keys and signatures."""
import json
import os
import subprocess
from pathlib import Path

from cbp import base64url
from credentials import mac


def bearer_settings(keys, issuer, audience):
    """Of a broker that accepts tokens of this issuer (23.3)."""
    return {"accounts_bearer_keys_file": keys, "accounts_bearer_issuer": issuer, "accounts_bearer_audience": audience}


class Issuer:
    """Keys made by the `openssl` program, and tokens signed by it."""

    def __init__(self, folder):
        self.folder, self.secret = Path(folder), os.urandom(32)
        for name, arguments in (("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed", ["ED25519"]),
                                ("ec", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])):
            self._run("genpkey", "-algorithm", *arguments, "-out", self.folder / f"{name}.pem")
        self.key_set = self.folder / "keys.json"
        self.publish("oct", "rsa", "ec", "ed")

    @staticmethod
    def _run(*arguments, **options):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60, **options).stdout

    def public_pem(self, name):
        return self._run("pkey", "-in", self.folder / f"{name}.pem", "-pubout")

    def _jwk(self, name):
        if name == "oct":
            return {"kty": "oct", "kid": "oct", "k": base64url(self.secret)}
        info = self._run("pkey", "-in", self.folder / f"{name}.pem", "-pubout", "-outform", "DER")
        if name == "ed":
            return {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64url(info[-32:])}
        if name == "ec":
            return {"kty": "EC", "crv": "P-256", "kid": "ec", "x": base64url(info[-64:-32]), "y": base64url(info[-32:])}
        modulus = self._run("rsa", "-in", self.folder / "rsa.pem", "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}

    def publish(self, *names):
        unfinished = self.folder / "keys.new"
        unfinished.write_text(json.dumps({"keys": [self._jwk(name) for name in names]}))
        unfinished.replace(self.key_set)

    def sign(self, name, octets):
        if name == "oct":
            return mac(self.secret, octets)
        message = self.folder / "message"
        message.write_bytes(octets)
        key = self.folder / f"{name}.pem"
        if name == "ed":
            return self._run("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message)
        signature = self._run("dgst", "-sha256", "-sign", key, message)
        return _raw(signature) if name == "ec" else signature

    def token(self, claims, name="oct", header=None):
        algorithm = {"oct": "HS256", "rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}[name]
        header = {"alg": algorithm, "typ": "JWT"} if header is None else header
        signed = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
        return f"{signed}.{base64url(self.sign(name, signed.encode()))}"


def _raw(sequence):
    """The two numbers of an ECDSA signature, out of their DER sequence."""
    numbers, at = b"", 2
    for _ in range(2):
        size = sequence[at + 1]
        numbers += sequence[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers
