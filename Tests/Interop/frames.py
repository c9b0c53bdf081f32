"""The frames of CBP/1: fields, payloads, headers, and the JSON of the golden vectors. Octets only, no connection.

Numbers such as "6.4" are sections of docs/PROTOCOL.md.
"""
from __future__ import annotations

import base64
from dataclasses import dataclass, field

# --- Tables (section 18) -----------------------------------------------------------

MAX_UINT = 2**53 - 1
MAX_BODY = 16384
CLIENT_MAX_FRAME = 65536      # what a client must accept
UNAUTHENTICATED_MAX_FRAME = 16384

MORE, RETRY, CRITICAL = 0x01, 0x02, 0x40
FATAL_FLAGS = 0x10 | 0x20 | 0x80

_FIELD_TABLE = """
01 81 room         addr
02 82 seq          uint
03 03 ts           uint
04 84 from         name
05 85 kind         enum  255
06 06 cmid         bytes =8
07 87 ref          uint
08 08 thread       uint
09 09 reply        uint
0C 0c mime         text  64
0D 0d meta         bytes 1024
10 10 body         text  16384
13 13 ack          enum  3
14 14 dup          bool
15 15 age          uint
16 96 epoch        uint
17 17 head         uint
18 18 floor        uint
19 99 next         uint
1A 9a from_seq     uint
1B 9b to_seq       uint
1C 1c limit        uint  1000
1D 1d dir          enum  1
20 a0 to           name
21 21 user         name
22 22 title        text  128
23 23 topic        text  512
24 24 members      uint
25 25 role         enum  255
26 26 policy       uint
28 28 until        uint
29 29 reason       text  256
2A aa code         uint  999
2B 2b field        uint
2C 2c retry_ms     uint
2D ad items        group 1000
2E 2e cursor       bytes 64
30 30 agent        text  64
31 31 caps         texts 64
32 32 mechs        texts 16
33 b3 mech         text  32
34 b4 sasl         bytes 8192
35 35 session      bytes =16
36 36 token        bytes =32
37 37 ttl          uint
38 38 heartbeat    uint  3600000
39 39 max_frame    uint  1048576
3A 3a max_body     uint  16384
3B 3b max_inflight uint  65535
3D 3d server       text  64
40 40 state        enum  255
41 41 users        texts 256
42 42 mark         uint
43 43 unread       uint
44 44 usn          uint
49 49 device       bytes =16
4D 4d end          bool
4E 4e dedup        uint
50 50 cb           texts 8
51 51 detach       bool
52 52 redacted     bool
53 53 type         uint  255
54 54 tail         uint  1000
55 55 query        text  256
56 56 incomplete   bool
7E fe frames       frames 65536
"""

_PUBLISH = "kind cmid ref thread reply mime meta body ack age"
_FRAME_TABLE = f"""
01 hello     | agent | caps max_frame device
02 welcome   | mechs heartbeat max_frame max_body max_inflight server dedup | ts caps cb
03 auth      | mech | sasl
04 auth_step | sasl |
05 auth_ok   | user session | ts title role until sasl token ttl
06 ping      | | ts
07 pong      | | ts
08 ok        | | epoch head ttl
09 error     | code | room epoch head floor reason field retry_ms type
0A goodbye   | code | reason retry_ms end
0B resume    | items | tail
0C resumed   | items |
0E notice    | code | ts until reason
10 join      | room | seq epoch tail
11 joined    | room epoch head floor next | title topic members role policy mark
12 leave     | room | reason detach
13 list      | | limit title cursor
14 items     | items | room cursor usn
15 members   | room | limit cursor
16 create    | room | title topic policy
20 publish   | room | {_PUBLISH}
21 published | room seq ts ack | dup epoch
22 deliver   | room seq ts from | kind cmid ref thread reply mime meta body from_seq to_seq user title topic role reason redacted
23 dm        | to | {_PUBLISH}
24 history   | room from_seq to_seq | epoch limit dir thread
25 batch     | room epoch floor from_seq to_seq frames | head
26 lag       | room epoch next from_seq to_seq | reason
27 mark      | room mark | ts epoch user
28 typing    | room state | user
29 presence  | | user state users
2A inbox     | usn | limit
2B search    | query | room from limit cursor
2C found     | frames | cursor incomplete
3A register  | user sasl |
3B password  | sasl |
3C devices   | |
3D revoke    | session |
"""


@dataclass(frozen=True)
class Field:
    tag: int
    critical: bool
    name: str
    type: str
    limit: int
    exact: bool


@dataclass(frozen=True)
class FrameType:
    number: int
    name: str
    required: tuple
    optional: tuple


def _read_fields():
    for line in _FIELD_TABLE.split("\n"):
        if line:
            tag, wire, name, kind, *limit = line.split()
            text = limit[0] if limit else str(MAX_UINT)
            yield Field(int(tag, 16), bool(int(wire, 16) & 0x80), name, kind,
                        int(text.lstrip("=")), text.startswith("="))


def _read_frames():
    for line in _FRAME_TABLE.split("\n"):
        if line:
            head, required, optional = line.split("|")
            number, name = head.split()
            yield FrameType(int(number, 16), name, tuple(required.split()), tuple(optional.split()))


FIELDS = {f.tag: f for f in _read_fields()}
FIELD_NAMED = {f.name: f for f in FIELDS.values()}
FRAMES = {f.number: f for f in _read_frames()}
FRAME_NAMED = {f.name: f for f in FRAMES.values()}
LIST_GROUP = FrameType(-1, "group", ("room", "head", "members", "policy"), ("title", "topic"))
DEVICES_GROUP = FrameType(-1, "group", ("ts", "until", "agent", "session", "state"), ())
INBOX_GROUP = FrameType(-1, "group", ("room", "epoch", "head", "mark", "unread", "usn"), ("ts",))
MEMBERS_GROUP = FrameType(-1, "group", ("user", "role", "state"), ())
RESUME_GROUP = FrameType(-1, "group", ("room", "seq", "epoch"), ())
RESUMED_GROUP = FrameType(-1, "group", ("room", "epoch", "head", "floor", "next"), ())
REFUSED_GROUP = FrameType(-1, "group", ("room", "code"), ("epoch", "head", "floor", "next"))


class Fault(Exception):
    """A frame that breaks the rules; `code` is the result code of section 14."""

    def __init__(self, code, text="", tag=None, fatal=False):
        super().__init__(f"{code} {text}")
        self.code, self.tag, self.fatal = code, tag, fatal


# --- Varints, names, text (sections 2, 5) -------------------------------------------

def encode_varint(n):
    if n < 1 << 6:
        return bytes([n])
    if n < 1 << 14:
        return (0x4000 | n).to_bytes(2, "big")
    if n < 1 << 30:
        return (0x8000_0000 | n).to_bytes(4, "big")
    raise ValueError("too large for a varint")


def decode_varint(octets, at):
    """(number, position after it); Fault 101."""
    if at >= len(octets):
        raise Fault(101, "varint missing")
    form = octets[at] >> 6
    if form == 3:
        raise Fault(101, "varint of 8 octets")
    size = (1, 2, 4)[form]
    if at + size > len(octets):
        raise Fault(101, "varint cut off")
    number = int.from_bytes(octets[at:at + size], "big") & ((1 << (8 * size - 2)) - 1)
    if size > 1 and number < (1 << 6, 1 << 14)[form - 1]:
        raise Fault(101, "varint not in shortest form")
    return number, at + size


_ALNUM = set(b"abcdefghijklmnopqrstuvwxyz0123456789")
_USER = _ALNUM | set(b"._-")


def is_user(value):
    return 1 <= len(value) <= 32 and value[0] in _ALNUM and all(c in _USER for c in value)


def is_room(value):
    return 1 <= len(value) <= 64 and value[0] in _ALNUM and all(c in _USER or c == 0x2F for c in value)


def is_address(value):
    if not value.startswith(b"@"):
        return is_room(value)
    parts = value[1:].split(b"+")
    return len(parts) == 2 and all(map(is_user, parts)) and parts[0] <= parts[1]


def conversation(a, b):
    """The address of the conversation of two users."""
    return "@" + "+".join(sorted([a, b]))      # ASCII: the order of characters is that of octets


def decode_text(value, tag=None):
    try:
        text = value.decode("utf-8")           # strict: no overlong forms, no surrogates
    except UnicodeDecodeError:
        raise Fault(401, "not UTF-8", tag) from None
    for c in text:
        if (c < " " and c not in "\t\n") or "\x7f" <= c <= "\x9f":
            raise Fault(401, "control character", tag)
    return text


# --- Fields (section 5) --------------------------------------------------------------

def encode_field(tag, critical, value):
    c = 0x80 if critical else 0
    head = bytes([c | tag]) if tag < 127 else bytes([c | 127]) + encode_varint(tag - 127)
    return head + encode_varint(len(value)) + value


def encode_value(f, value):
    if f.type in ("uint", "enum"):
        return value.to_bytes((value.bit_length() + 7) // 8, "big")
    if f.type == "bool":
        return b""
    if f.type in ("text", "name", "addr"):
        return value.encode("utf-8") if isinstance(value, str) else value
    if f.type == "bytes":
        return value
    if f.type == "frames":
        return b"".join(encode_frame(frame) for frame in value)
    if f.type == "texts":
        items = [item.encode("utf-8") for item in value]
    else:
        items = [encode_payload(item) for item in value]
    return b"".join(encode_varint(len(item)) + item for item in items)


def encode_payload(fields):
    """Fields by name; a name '#N' is the unknown tag N with C = 0. False and None are left out."""
    encoded = []
    for name, value in fields.items():
        if value is None or value is False:
            continue
        if name.startswith("#"):
            encoded.append((int(name[1:]), False, value))
        else:
            f = FIELD_NAMED[name]
            encoded.append((f.tag, f.critical, encode_value(f, value)))
    return b"".join(encode_field(*e) for e in sorted(encoded))


def split_fields(payload):
    """[(tag, critical, value)] of a payload: its framing, and the C bits of known tags; Fault 101."""
    result, at, last = [], 0, 0
    while at < len(payload):
        critical, tag = bool(payload[at] & 0x80), payload[at] & 0x7F
        at += 1
        if tag == 127:
            extra, at = decode_varint(payload, at)
            tag += extra
        if tag == 0:
            raise Fault(101, "tag 0")
        size, at = decode_varint(payload, at)
        if at + size > len(payload):
            raise Fault(101, "value overruns the payload", tag)
        if tag <= last:
            raise Fault(101, "tags do not ascend", tag)
        if tag in FIELDS and FIELDS[tag].critical != critical:
            raise Fault(101, "C bit of a known tag", tag)
        result.append((tag, critical, payload[at:at + size]))
        at, last = at + size, tag
    return result


def _split_list(value, tag):
    items, at = [], 0
    while at < len(value):
        size, at = decode_varint(value, at)
        if at + size > len(value):
            raise Fault(101, "item overruns the list", tag)
        items.append(value[at:at + size])
        at += size
    return items


def decode_value(f, value, frame=""):
    if f.type in ("uint", "enum"):
        if len(value) > 7 or value[:1] == b"\0":
            raise Fault(101, "integer not in shortest form", f.tag)
        number = int.from_bytes(value, "big")
        if number > f.limit:
            raise Fault(108, "number above its limit", f.tag)
        return number
    if f.type == "bool":
        if value:
            raise Fault(101, "bool with a value", f.tag)
        return True
    if f.type == "text":
        if len(value) > f.limit:
            raise Fault(402 if f.name == "body" else 108, "text too long", f.tag)
        return decode_text(value, f.tag)
    if f.type in ("name", "addr"):
        if not (is_user if f.type == "name" else is_address)(value):
            raise Fault(400, "bad name", f.tag)
        return value.decode("ascii")
    if f.type == "bytes":
        if len(value) > f.limit or (f.exact and len(value) != f.limit):
            raise Fault(108, "octets of the wrong length", f.tag)
        return value
    if f.type == "frames":
        if len(value) > f.limit:
            raise Fault(108, "octets of the wrong length", f.tag)
        return _decode_frames(value, f.tag)
    items = _split_list(value, f.tag)
    if len(items) > f.limit:
        raise Fault(108, "too many items", f.tag)
    if f.type == "group":
        return [_decode_group(item, f.tag, frame) for item in items]
    if any(len(item) > 64 for item in items):
        raise Fault(108, "item too long", f.tag)
    return [decode_text(item, f.tag) for item in items]


def _decode_frames(value, tag):
    """Whole DELIVER frames, back to back (7.23)."""
    frames, at = [], 0
    while at < len(value):
        if len(value) - at < 8:
            raise Fault(101, "a header is cut off", tag)
        length, type_, flags, id_ = decode_header(value[at:at + 8])
        end = at + 8 + length
        if end > len(value) or type_ != FRAME_NAMED["deliver"].number:
            raise Fault(101, "not a whole DELIVER frame", tag)
        frames.append(decode_payload(type_, flags, id_, value[at + 8:end]))
        at = end
    return frames


def _decode_group(item, tag, frame):
    fields = split_fields(item)
    tags = {t for t, _, _ in fields}
    if frame == "resume":
        shape = RESUME_GROUP
    elif frame == "resumed":                                                           # 7.25
        shape = REFUSED_GROUP if FIELD_NAMED["code"].tag in tags else RESUMED_GROUP
    else:
        is_room = bool(fields) and fields[0][0] == FIELD_NAMED["room"].tag             # 7.14
        is_device = bool(fields) and fields[0][0] == FIELD_NAMED["ts"].tag
        if is_room:
            shape = INBOX_GROUP if FIELD_NAMED["usn"].tag in tags else LIST_GROUP
        else:
            shape = DEVICES_GROUP if is_device else MEMBERS_GROUP
    return _interpret(shape, fields)


def _interpret(shape, fields, extra_required=lambda have: None):
    """Fields by name, in tag order: 103, then 104, then the values."""
    expected = shape.required + shape.optional
    known = []
    for tag, critical, value in fields:
        f = FIELDS.get(tag)
        if f and f.name in expected:
            known.append((f, value))
        elif critical:
            raise Fault(103, "critical field", tag)
    have = {f.name: value for f, value in known}
    for name in shape.required:
        if name not in have:
            raise Fault(104, f"{name} is missing", FIELD_NAMED[name].tag)
    extra_required(have)
    return {f.name: decode_value(f, value, shape.name) for f, value in known}


# --- Frames (section 4) ---------------------------------------------------------------

@dataclass
class Frame:
    name: str                  # "#N" for an unknown type
    id: int = 0
    fields: dict = field(default_factory=dict)
    flags: int = 0
    payload: bytes = b""       # of an unknown type

    def __getitem__(self, name):
        return self.fields[name]

    def get(self, name, default=None):
        return self.fields.get(name, default)

    @property
    def type(self):
        return int(self.name[1:]) if self.name.startswith("#") else FRAME_NAMED[self.name].number


def encode_header(length, type_, flags=0, id_=0):
    return length.to_bytes(3, "big") + bytes([type_, flags]) + id_.to_bytes(3, "big")


def encode_frame(frame):
    payload = frame.payload if frame.name.startswith("#") else encode_payload(frame.fields)
    return encode_header(len(payload), frame.type, frame.flags, frame.id) + payload


def encode(name, id_=0, flags=0, **fields):
    """encode("publish", 3, room="lobby", body="hello"); `from` is written from_."""
    return encode_frame(Frame(name, id_, {k.rstrip("_"): v for k, v in fields.items()}, flags))


def decode_header(octets, max_frame=CLIENT_MAX_FRAME):
    """(length, type, flags, id); fatal Faults 105 and 113, in this order."""
    length = int.from_bytes(octets[0:3], "big")
    type_, flags, id_ = octets[3], octets[4], int.from_bytes(octets[5:8], "big")
    if length > max_frame:
        raise Fault(105, f"payload of {length}", fatal=True)
    if flags & FATAL_FLAGS:
        raise Fault(113, f"flags {flags:02x}", fatal=True)
    return length, type_, flags, id_


def decode_payload(type_, flags, id_, payload):
    """A Frame, or None for a type to be skipped; Fault."""
    shape = FRAMES.get(type_)
    if shape is None:
        if id_ != 0:
            raise Fault(102, f"type {type_:02x}")
        if flags & CRITICAL:
            raise Fault(102, f"critical type {type_:02x}", fatal=True)
        return None
    name = shape.name
    if id_ == 0 and name in ("hello", "auth", "auth_step", "ping"):      # 6.3
        raise Fault(108, f"{name} with id 0")

    def conditionally_required(have):
        def need(wanted, because):
            if wanted not in have and because:
                raise Fault(104, f"{wanted} is missing", FIELD_NAMED[wanted].tag)
        if name == "join":
            need("seq", "epoch" in have)
            need("epoch", "seq" in have)
        if name in ("publish", "dm"):
            kind = int.from_bytes(have.get("kind", b""), "big")
            need("cmid", flags & RETRY)
            need("ref", 1 <= kind <= 6)
            need("body", kind in (0, 1, 3, 4, 7))

    fields = _interpret(shape, split_fields(payload), conditionally_required)
    if name in ("publish", "dm"):
        _judge_publication(fields)
        if fields.get("ack") == 0 and id_ != 0:
            raise Fault(108, "ack 0 with an id", FIELD_NAMED["ack"].tag)
    if name == "presence" and any(not is_user(user.encode()) for user in fields.get("users", ())):
        raise Fault(400, "users", FIELD_NAMED["users"].tag)
    if name == "create":
        if fields["room"].startswith("@"):
            raise Fault(400, "CREATE of a conversation", FIELD_NAMED["room"].tag)
        if fields.get("policy", 16) & ~(1 | 2 | 4 | 8 | 16 | 32):
            raise Fault(108, "policy", FIELD_NAMED["policy"].tag)
    return Frame(name, id_, fields, flags)


def _judge_publication(fields):
    """What a kind has and has not (9.1, 9.4)."""
    kind = fields.get("kind", 0)
    if kind > 7:
        raise Fault(108, "kind", FIELD_NAMED["kind"].tag)
    if "ref" in fields and kind in (0, 7):
        raise Fault(108, "this kind refers to no event", FIELD_NAMED["ref"].tag)
    size = len(fields["body"].encode()) if "body" in fields else None
    if size is not None and (kind in (2, 5, 6) or (kind in (3, 4) and not 1 <= size <= 32)):
        raise Fault(108, "body", FIELD_NAMED["body"].tag)


class Decoder:
    """Cuts a byte stream into frames. `next` gives (header, payload) or None: more octets needed."""

    def __init__(self, max_frame=CLIENT_MAX_FRAME):
        self.buffer = bytearray()
        self.max_frame = max_frame

    def feed(self, octets):
        self.buffer += octets

    def next(self):
        if len(self.buffer) < 8:
            return None
        header = decode_header(self.buffer, self.max_frame)
        end = 8 + header[0]
        if len(self.buffer) < end:
            return None
        payload = bytes(self.buffer[8:end])
        del self.buffer[:end]
        return header, payload


# --- JSON of the golden vectors (section 19) ------------------------------------------

_FLAG_NAMES = (("more", MORE), ("retry", RETRY), ("critical", CRITICAL))


def _b64(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def frame_to_json(frame):
    result = {"t": frame.name}
    if frame.id:
        result["id"] = frame.id
    for name, bit in _FLAG_NAMES:
        if frame.flags & bit:
            result[name] = True
    if frame.name.startswith("#"):
        return result | {"payload": _b64(frame.payload)}
    return result | _fields_to_json(frame.fields)


def _fields_to_json(fields):
    def shown(value):
        if isinstance(value, bytes):
            return _b64(value)
        if isinstance(value, list):
            return [frame_to_json(v) if isinstance(v, Frame) else _fields_to_json(v) if isinstance(v, dict) else v for v in value]
        return value
    return {name: shown(value) for name, value in fields.items()}


def _fields_from_json(fields):
    def read(name, value):
        kind = "bytes" if name.startswith("#") else FIELD_NAMED[name].type
        if name == "frames":
            return [frame_from_json(v) for v in value]
        return _unb64(value) if kind == "bytes" else [_fields_from_json(v) for v in value] if kind == "group" else value
    return {name: read(name, value) for name, value in fields.items()}


def frame_from_json(value):
    value = dict(value)
    frame = Frame(value.pop("t"), value.pop("id", 0))
    for name, bit in _FLAG_NAMES:
        if value.pop(name, False):
            frame.flags |= bit
    if frame.name.startswith("#"):
        frame.payload = _unb64(value["payload"])
        return frame
    frame.fields = _fields_from_json(value)
    return frame
