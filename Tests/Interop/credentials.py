"""Logging in to accounts: SCRAM, resume tokens and JSON Web Tokens from docs/PROTOCOL.md, section 23, and the RFCs it names.

The standard library alone; `libssl` itself, by ctypes, where Python's ssl module does not give out the exporter of RFC 9266; the
`openssl` program for signatures.
"""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os
import socket
import struct
import subprocess

import cbp
from cbp import PREFACE, encode, encode_frame


def b64(octets):
    return base64.b64encode(octets).decode()


def url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sha256(octets):
    return hashlib.sha256(octets).digest()


def mac(key, octets):
    return hmac.new(key, octets, hashlib.sha256).digest()


def verifier(password, iterations=4096, salt=None):
    """What REGISTER and PASSWORD carry (23.5)."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored, server = sha256(mac(salted, b"Client Key")), mac(salted, b"Server Key")
    return f"SCRAM-SHA-256${iterations}:{b64(salt)}${b64(stored)}:{b64(server)}".encode()


def begin(client):
    """Preface and HELLO; WELCOME. Keeps what the transcript is made of (23.2)."""
    hello = encode("hello", 1, agent=client.agent, device=client.device, caps=client.caps)
    client._last_id = 1
    client._outstanding.add(1)
    client.connection.send(PREFACE + hello)
    welcome = client.reply(1)
    client.transcript = sha256(PREFACE + hello[8:] + client.connection.preface + encode_frame(welcome)[8:])
    return welcome


def scram(client, name, password, exporter=None, header=None, transcript=..., binding=None):
    """One SCRAM exchange; AUTH_OK. The last parameters are for lies."""
    header = header or ("p=tls-exporter,," if exporter is not None else "n,,")
    nonce = b64(os.urandom(18))
    bare = f"n={name},r={nonce}"
    mech = "SCRAM-SHA-256" + ("-PLUS" if exporter is not None else "")
    id_ = client.send("auth", mech=mech, sasl=(header + bare).encode())
    step = client.reply(id_)
    assert step.name == "auth_step" and step.id == id_, step
    server_first = step["sasl"].decode()
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    assert fields["r"].startswith(nonce) and len(fields["r"]) > len(nonce)
    client.challenge = fields
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    transcript = client.transcript if transcript is ... else transcript
    final = f"c={b64(header.encode() + (exporter or b'' if binding is None else binding))},r={fields['r']}"
    if transcript is not None:
        final += f",t={b64(transcript)}"
    message = f"{bare},{server_first},{final}".encode()
    key = mac(salted, b"Client Key")
    proof = bytes(a ^ b for a, b in zip(key, mac(sha256(key), message)))
    client._outstanding.add(id_)
    client.connection.send(encode("auth_step", id_, sasl=f"{final},p={b64(proof)}".encode()))
    ok = client.reply(id_)
    assert ok["sasl"] == b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), message)), "the broker did not prove itself"
    return ok


def resume(client, name, token, exporter=None):
    """A log-in with a resume token (23.4); AUTH_OK."""
    cb = exporter or b""
    mech = "HT-SHA-256-" + ("NONE" if exporter is None else "EXPR")
    ok = client.request("auth", mech=mech, sasl=name.encode() + b"\0" + mac(token, b"Initiator" + cb))
    assert ok["sasl"] == mac(token, b"Responder" + cb), "the broker did not prove itself"
    return ok


def bearer(client, token, name=""):
    authzid = f"a={name}" if name else ""
    return client.request("auth", mech="OAUTHBEARER", sasl=f"n,{authzid},\x01auth=Bearer {token}\x01\x01".encode())


# --- TLS with its exporter ----------------------------------------------------------------

class ExporterSocket:
    """A TLS 1.3 client over libssl that gives out `tls-exporter`; as much of a socket as cbp.Connection needs."""

    def __init__(self, sock, cafile, hostname="localhost"):
        self._ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self._ssl, name).restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._ssl.SSL_CTX_new(ctypes.c_void_p(self._ssl.TLS_client_method())))
        assert self._ssl.SSL_CTX_load_verify_file(self._context, str(cafile).encode()) == 1
        self._ssl.SSL_CTX_set_verify(self._context, 1, None)
        self._connection = ctypes.c_void_p(self._ssl.SSL_new(self._context))
        self._ssl.SSL_ctrl(self._connection, 123, ctypes.c_long(0x0304), None)         # SSL_CTRL_SET_MIN_PROTO_VERSION
        assert self._ssl.SSL_set1_host(self._connection, hostname.encode()) == 1
        self._socket = sock
        sock.settimeout(None)
        self._ssl.SSL_set_fd(self._connection, sock.fileno())
        assert self._ssl.SSL_connect(self._connection) == 1, "no TLS"
        octets = ctypes.create_string_buffer(32)
        label = b"EXPORTER-Channel-Binding"
        assert self._ssl.SSL_export_keying_material(
            self._connection, octets, ctypes.c_size_t(32), label, ctypes.c_size_t(len(label)), b"", ctypes.c_size_t(0), 1) == 1
        self.exporter = octets.raw

    def settimeout(self, seconds):
        # Under libssl the descriptor blocks; the kernel ends the wait.
        value = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)

    def fileno(self):
        return self._socket.fileno()

    def setsockopt(self, *arguments):
        self._socket.setsockopt(*arguments)

    def send(self, octets):
        octets = bytes(octets)
        count = self._ssl.SSL_write(self._connection, octets, len(octets))
        if count <= 0:
            raise BrokenPipeError("TLS")
        return count

    def recv(self, count):
        buffer = ctypes.create_string_buffer(count)
        received = self._ssl.SSL_read(self._connection, buffer, count)
        if received > 0:
            return buffer.raw[:received]
        if self._ssl.SSL_get_error(self._connection, received) in (2, 3):              # wants to read or to write
            raise TimeoutError
        return b""

    def close(self):
        self._ssl.SSL_free(self._connection)
        self._ssl.SSL_CTX_free(self._context)
        self._socket.close()


def connect_with_exporter(broker, cafile, **options):
    connection = cbp.Connection(broker.host, broker.port)
    connection.sock = ExporterSocket(connection.sock, cafile)
    return cbp.Client(connection, **options)


# --- JSON Web Tokens, signed by another implementation ----------------------------------------

class Issuer:
    """Keys made by the `openssl` program, and tokens signed by it."""

    def __init__(self, folder):
        self.folder, self.secret = folder, os.urandom(32)
        for name, arguments in (("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed", ["ED25519"]),
                                ("ec", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])):
            self._run("genpkey", "-algorithm", *arguments, "-out", folder / f"{name}.pem")
        self.key_set = folder / "keys.json"
        self.publish("oct", "rsa", "ec", "ed")

    @staticmethod
    def _run(*arguments, **options):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60, **options).stdout

    def public_pem(self, name):
        return self._run("pkey", "-in", self.folder / f"{name}.pem", "-pubout")

    def _jwk(self, name):
        if name == "oct":
            return {"kty": "oct", "kid": "oct", "k": url(self.secret)}
        info = self._run("pkey", "-in", self.folder / f"{name}.pem", "-pubout", "-outform", "DER")
        if name == "ed":
            return {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": url(info[-32:])}
        if name == "ec":
            return {"kty": "EC", "crv": "P-256", "kid": "ec", "x": url(info[-64:-32]), "y": url(info[-32:])}
        modulus = self._run("rsa", "-in", self.folder / "rsa.pem", "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": url(bytes.fromhex(modulus)), "e": "AQAB"}

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
        signed = f"{url(json.dumps(header).encode())}.{url(json.dumps(claims).encode())}"
        return f"{signed}.{url(self.sign(name, signed.encode()))}"


def _raw(sequence):
    """The two numbers of an ECDSA signature, out of their DER sequence."""
    numbers, at = b"", 2
    for _ in range(2):
        size = sequence[at + 1]
        numbers += sequence[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers
