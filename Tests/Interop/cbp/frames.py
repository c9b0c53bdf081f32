"""Fields, payloads and frames as octets (sections 4 and 5). No connection."""
from dataclasses import dataclass, field

from .tables import (
    CLIENT_MAX_FRAME, CRITICAL, DEVICES_GROUP, FATAL_FLAGS, FIELD_NAMED, FIELDS, FRAME_NAMED, FRAMES, INBOX_GROUP, LIST_GROUP, MEMBERS_GROUP,
    REFUSED_GROUP, RESUME_GROUP, RESUMED_GROUP, RETRY)
from .values import Fault, decode_text, decode_varint, encode_varint, is_address, is_user


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
