"""The vectors of the document, read from the document itself."""
import json
import re

from broker import ROOT
from cbp import decode_header, decode_payload

DOCUMENT = (ROOT / "docs/PROTOCOL.md").read_text("utf-8")


def golden_vectors():
    pattern = r"\*\*Example (\d+)\. (.*?)\*\* — (\d+) octets\n```\n(.*?)```\n```json\n(.*?)\n```"
    for number, title, size, dump, text in re.findall(pattern, DOCUMENT, re.S):
        octets = b""
        for line in dump.splitlines():
            row = bytes.fromhex(line[6:54])
            shown = "".join(chr(c) if 0x20 <= c < 0x7F else "." for c in row)
            assert int(line[:4], 16) == len(octets) and line[54:] == f"  |{shown}|"[-len(line[54:]):], line
            octets += row
        yield f"{number} {title}", int(size), octets, json.loads(text)


def code_vectors(heading):
    block = re.search(rf"\*\*{heading} vectors\*\*\n\n```text\n(.*?)```", DOCUMENT, re.S).group(1)
    for line in block.splitlines():
        octets, sender, code, what = line.split(None, 3)
        yield bytes.fromhex(octets), sender, int(code), what


GOLDEN = list(golden_vectors())
NEGATIVE = list(code_vectors("Negative"))
TOLERATED = list(code_vectors("Tolerated"))


def judge(octets):
    """What the decoder of `cbp` makes of one frame: a Frame, None (skipped) or a Fault raised."""
    length, type_, flags, id_ = decode_header(octets)
    assert len(octets) == 8 + length, "the vector is not one frame"
    return decode_payload(type_, flags, id_, octets[8:])
