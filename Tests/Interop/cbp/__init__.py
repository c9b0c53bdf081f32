"""A client of CBP/1, the chat broker protocol, version 1.

Written from docs/PROTOCOL.md alone, with the standard library alone; numbers such
as "6.4" are sections of that document.

    with Client.connect("127.0.0.1", 7400) as alice:
        alice.log_in("alice")
        alice.join("lobby")
        alice.publish("lobby", "hello")
        print(alice.next_event("deliver"))

Three layers, each usable without the next: fields and frames (tables.py, values.py,
frames.py), a connection that speaks frames (connection.py), a client that keeps the
rules of section 17 (client.py). Nothing here starts a thread: a client does its work,
the heartbeat included, while it is asked to wait for something.
"""
from .client import BrokerError, Client, Goodbye
from .connection import PREFACE, Closed, Connection, TimedOut, tls_context
from .frames import Decoder, Frame, decode_header, decode_payload, encode, encode_field, encode_frame, encode_header
from .tables import DELETE, EDIT, FIELD_NAMED, FRAME_NAMED, FRAMES, MAX_UINT, MORE, PIN, REACT, RETRY, UNPIN, UNREACT
from .values import Fault, conversation, is_user
from .vector_json import base64url, frame_from_json, frame_to_json
