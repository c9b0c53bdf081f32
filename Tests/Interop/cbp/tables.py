"""Fields, frames and groups by number and by name, and the numbers that bound them (section 18)."""
from dataclasses import dataclass

MAX_UINT = 2**53 - 1
CLIENT_MAX_FRAME = 65536      # what a client must accept

MORE, RETRY, CRITICAL = 0x01, 0x02, 0x40
FATAL_FLAGS = 0x10 | 0x20 | 0x80

EDIT, DELETE, REACT, UNREACT, PIN, UNPIN = range(1, 7)     # kinds that refer to an event (9.4)

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
57 57 since        uint
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
2B search    | query | room from limit until cursor since
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
