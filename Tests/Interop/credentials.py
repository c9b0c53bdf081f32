"""Logging in to accounts: SCRAM, resume tokens and JSON Web Tokens from docs/PROTOCOL.md, section 23, and the RFCs it names."""
import base64
import hashlib
import hmac
import os

from cbp import PREFACE, encode, encode_frame


def b64(octets):
    return base64.b64encode(octets).decode()


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


def send_bearer(client, token, name=""):
    """AUTH with a JSON Web Token (23.3); its id."""
    authzid = f"a={name}" if name else ""
    return client.send("auth", mech="OAUTHBEARER", sasl=f"n,{authzid},\x01auth=Bearer {token}\x01\x01".encode())


def bearer(client, token, name=""):
    return client.reply(send_bearer(client, token, name))
