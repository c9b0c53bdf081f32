"""Frames as JSON, as the golden vectors show them (section 19)."""
import base64

from .frames import Frame
from .tables import CRITICAL, FIELD_NAMED, MORE, RETRY

_FLAG_NAMES = (("more", MORE), ("retry", RETRY), ("critical", CRITICAL))


def base64url(value):
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
        return result | {"payload": base64url(frame.payload)}
    return result | _fields_to_json(frame.fields)


def _fields_to_json(fields):
    def shown(value):
        if isinstance(value, bytes):
            return base64url(value)
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
