"""Varints, names and text (sections 2 and 5), and what is wrong with them."""


class Fault(Exception):
    """A frame that breaks the rules; `code` is the result code of section 14."""

    def __init__(self, code, text="", tag=None, fatal=False):
        super().__init__(f"{code} {text}")
        self.code, self.tag, self.fatal = code, tag, fatal


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
