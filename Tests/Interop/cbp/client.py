"""A client that keeps the rules of section 17."""
import os
import time
from collections import deque
from dataclasses import dataclass

from .connection import PREFACE, Closed, Connection, TimedOut
from .frames import Frame, decode_payload, decode_value, encode, split_fields
from .tables import FIELD_NAMED, FRAME_NAMED, MAX_UINT, MORE
from .values import Fault


class BrokerError(Exception):
    """ERROR in reply to a request."""

    def __init__(self, frame):
        super().__init__(f"{frame['code']} {frame.get('reason', '')} field={frame.get('field')}")
        self.code, self.frame = frame["code"], frame


class Goodbye(Closed):
    """The broker said GOODBYE."""

    def __init__(self, frame):
        super().__init__(f"GOODBYE {frame['code']} {frame.get('reason', '')}")
        self.code, self.frame = frame["code"], frame


@dataclass
class Position:
    """Where a connection is in a log: the seq expected next, within an epoch (8.2)."""
    epoch: int
    next: int

    @property
    def cursor(self):
        return (self.epoch, self.next - 1)


class Client:
    """One connection that logs in and keeps the rules.

    Events (DELIVER, JOINED with id 0, LAG, ERROR with id 0) queue up in `events`, in the
    order received; replies go to whoever asked. `positions` has a cursor for each room
    attached. `resume` are cursors of an earlier connection: events of these rooms are
    not handled before the JOIN of this client is answered (8.5, step 4).
    """

    def __init__(self, connection, agent="interop/1", device=None, caps=None, resume=(), reply_timeout=10):
        self.connection = connection
        self.agent, self.device, self.caps = agent, device, caps
        self.reply_timeout = reply_timeout
        self.welcome = None
        self.user = None
        self.events = deque()
        self.positions = {}
        self.goodbye = None
        self._muted = set(resume)
        self._joining = {}             # request id -> room
        self._leaving = {}             # request id -> room
        self._replies = {}             # request id -> [Frame]
        self._outstanding = set()
        self._last_id = 0
        self._last_ping = 0.0

    @classmethod
    def connect(cls, host, port, tls=None, server_hostname=None, **options):
        return cls(Connection(host, port, tls, server_hostname), **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    # Reading

    def pump(self, seconds):
        """Handles one frame that comes within so many seconds; TimedOut, Goodbye, Closed, Fault."""
        deadline = time.monotonic() + seconds
        while True:
            wake = min(deadline, self._heartbeat())
            try:
                header, payload = self.connection.read(wake - time.monotonic())
                break
            except TimedOut:
                if time.monotonic() >= deadline:
                    raise
                if self.user and time.monotonic() >= self.connection.last_received + self._silence(2):
                    raise Closed("the broker is silent") from None
        _, type_, flags, id_ = header
        try:
            frame = decode_payload(type_, flags, id_, payload)
        except Fault as fault:
            if fault.code == 102 and not fault.fatal:      # a frame that awaits an answer
                self.connection.send(encode("error", id_, code=102, type=type_))
                return
            if fault.code == 103 and type_ == FRAME_NAMED["deliver"].number:
                frame = placeholder(payload)               # 5: shown as a placeholder
                if frame is None:
                    raise
            else:
                raise
        if frame is not None:
            self._handle(frame)

    def _silence(self, times):
        return times * self.welcome["heartbeat"] / 1000

    def _heartbeat(self):
        """Sends PING if it is time; when to look again (6.4)."""
        heard, now = self.connection.last_received, time.monotonic()
        if self.user is None:
            return now + 3600
        if now < heard + self._silence(1):
            return heard + self._silence(1)
        if self._last_ping <= heard and now < heard + self._silence(2):
            self._last_ping = now
            self.send("ping")
        return heard + self._silence(2)

    def _handle(self, frame):
        name = frame.name
        if name == "ping":
            self.connection.send(encode("pong", frame.id, ts=frame.get("ts")))
        elif name == "goodbye":
            self.goodbye = frame
            raise Goodbye(frame)
        elif frame.id in self._outstanding and name not in ("deliver", "lag"):
            self._handle_reply(frame)
        elif name == "deliver":
            self._handle_deliver(frame)
        elif name == "lag":
            self.positions[frame["room"]].next = frame["next"]
            if frame["room"] not in self._muted:
                self.events.append(frame)
        elif name == "joined":
            self.positions[frame["room"]] = Position(frame["epoch"], frame["next"])
            self.events.append(frame)
        elif frame.id == 0 and name in ("error", "mark", "typing", "presence", "notice"):
            self.events.append(frame)
        elif name == "pong":
            pass                                           # 7.6: answers nothing, ignored
        else:
            raise Fault(106, f"unexpected {name} with id {frame.id}")

    def _handle_deliver(self, frame):
        room = frame["room"]
        position = self.positions.get(room)
        if position is None or frame["seq"] != position.next and not _covers(frame, position.next):
            raise Fault(106, f"DELIVER {room} {frame['seq']}, expected {position and position.next}")
        position.next = frame["seq"] + 1
        if room not in self._muted:
            self.events.append(frame)

    def _handle_reply(self, frame):
        replies = self._replies.setdefault(frame.id, [])
        replies.append(frame)
        if frame.flags & MORE:
            return
        self._outstanding.discard(frame.id)
        joining, leaving = self._joining.pop(frame.id, None), self._leaving.pop(frame.id, None)
        if frame.name == "joined":
            self._muted.discard(joining)
            self.positions[joining] = Position(frame["epoch"], frame["next"])
        if frame.name == "resumed":
            for room in frame["items"]:
                if "code" not in room:
                    self._muted.discard(room["room"])
                    self.positions[room["room"]] = Position(room["epoch"], room["next"])
        if frame.name == "ok" and leaving:
            self.positions.pop(leaving, None)
        if frame.name == "auth_ok":
            self.user = frame["user"]
        if frame.name == "welcome":
            self.welcome = frame

    def wait(self, condition, seconds=None, what="condition"):
        """Reads until condition() is true, and gives what it gave."""
        deadline = time.monotonic() + (seconds or self.reply_timeout)
        while True:
            result = condition()
            if result:
                return result
            try:
                self.pump(deadline - time.monotonic())
            except TimedOut:
                raise TimedOut(f"no {what}; events: {list(self.events)}") from None

    def next_event(self, name=None, seconds=None, **fields):
        """Takes the first event of this name and with these fields out of the queue."""
        fields = {k.rstrip("_"): v for k, v in fields.items()}

        def find():
            for event in self.events:
                if name in (None, event.name) and all(event.get(k) == v for k, v in fields.items()):
                    self.events.remove(event)
                    return event
        return self.wait(find, seconds, f"{name} {fields}")

    # Requests

    def send(self, name, flags=0, **fields):
        """Sends a request and gives its id; `reply` awaits the answer."""
        while True:
            self._last_id = self._last_id % 0xFFFFFF + 1
            if self._last_id not in self._outstanding:
                break
        id_ = self._last_id
        self._outstanding.add(id_)
        if name == "join":
            self._joining[id_] = fields["room"]
        if name == "leave":
            self._leaving[id_] = fields["room"]
        self.connection.send(encode(name, id_, flags, **fields))
        return id_

    def send_without_reply(self, name, **fields):
        self.connection.send(encode(name, 0, **fields))

    def reply(self, id_, seconds=None):
        """The last frame of the reply; BrokerError for ERROR. `frames` of it are kept in `.parts`."""
        self.wait(lambda: id_ not in self._outstanding, seconds, f"reply to {id_}")
        parts = self._replies.pop(id_)
        if parts[-1].name == "error":
            raise BrokerError(parts[-1])
        parts[-1].parts = parts
        return parts[-1]

    def request(self, name, **fields):
        return self.reply(self.send(name, **fields))

    def log_in(self, wish=""):
        """Preface, HELLO and AUTH in one write; AUTH_OK."""
        hello = encode("hello", 1, agent=self.agent, device=self.device, caps=self.caps)
        auth = encode("auth", 2, mech="ANONYMOUS", sasl=wish.encode())
        self._last_id = 2
        self._outstanding |= {1, 2}
        self.connection.send(PREFACE + hello + auth)
        self.reply(1)
        return self.reply(2)

    def authenticate(self, wish=""):
        """Another AUTH: after 408, or a rename in READY."""
        return self.request("auth", mech="ANONYMOUS", sasl=wish.encode())

    def join(self, room, cursor=None, tail=None):
        fields = {} if cursor is None else {"epoch": cursor[0], "seq": cursor[1]}
        if tail is not None:
            fields["tail"] = tail
        return self.request("join", room=room, **fields)

    def leave(self, room, reason=None, detach=False):
        return self.request("leave", room=room, reason=reason, detach=detach)

    def create(self, room, **fields):
        return self.request("create", room=room, **fields)

    def publish(self, room, body, cmid=None, **fields):
        return self.request("publish", room=room, body=body, cmid=cmid or os.urandom(8), **fields)

    def dm(self, to, body, cmid=None, **fields):
        return self.request("dm", to=to, body=body, cmid=cmid or os.urandom(8), **fields)

    def ping(self, ts=None):
        return self.request("ping", ts=ts)

    def _items(self, name, **fields):
        frame = self.request(name, **fields)
        return [item for part in frame.parts for item in part["items"]], frame.get("cursor")

    def members(self, room, **fields):
        """(groups, cursor of the next page or None)"""
        return self._items("members", room=room, **fields)

    def list(self, **fields):
        """(groups, cursor of the next page or None)"""
        return self._items("list", **fields)

    def devices(self):
        return self._items("devices")[0]

    def history(self, room, from_seq=1, to_seq=MAX_UINT, **fields):
        """(events, range covered, floor) of one HISTORY; what its frames cover adjoins (7.23)."""
        parts = self.request("history", room=room, from_seq=from_seq, to_seq=to_seq, **fields).parts
        events, last = [], None
        for part in parts:
            assert last is None or part["from_seq"] == last + 1, parts
            last = part["to_seq"]
            for event in part["frames"]:
                assert part["from_seq"] <= event["seq"] <= part["to_seq"], parts
                assert not events or events[-1]["seq"] < event["seq"], parts
                events.append(event)
        return events, (parts[0]["from_seq"], last), parts[-1]["floor"]

    def search(self, query, **fields):
        """(events, cursor of the next page or None, whether the time was over) of one SEARCH (24)."""
        *parts, last = self.request("search", query=query, **fields).parts
        assert not any(part.get("cursor") or part.get("incomplete") for part in parts), parts
        events = [event for part in [*parts, last] for event in part["frames"]]
        heads = {}
        for event in events:
            assert event["seq"] < heads.get(event["room"], MAX_UINT), events
            heads[event["room"]] = event["seq"]
        return events, last.get("cursor"), last.get("incomplete", False)

    def resume(self, cursors, tail=None):
        """The records of one RESUME of {room: (epoch, seq)}."""
        items = [{"room": room, "epoch": epoch, "seq": seq} for room, (epoch, seq) in cursors.items()]
        return [item for part in self.request("resume", items=items, tail=tail).parts for item in part["items"]]

    def leave_broker(self, seconds=10):
        """GOODBYE, then reads until the broker closes; late replies are kept."""
        self.connection.send(encode("goodbye", code=0))
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.pump(deadline - time.monotonic())
        except Closed as closed:
            self.close()
            if isinstance(closed, Goodbye):
                raise


def _covers(frame, seq):
    """Whether a void event says that nothing is between `seq` and itself (8.2)."""
    return frame.get("kind") == 37 and frame["from_seq"] <= seq < frame["seq"] == frame["to_seq"] + 1


def placeholder(payload):
    """What can be read of a DELIVER refused for an unknown critical field, or None."""
    values = {tag: value for tag, _, value in split_fields(payload)}
    try:
        fields = {n: decode_value(FIELD_NAMED[n], values[FIELD_NAMED[n].tag]) for n in ("room", "seq")}
    except (KeyError, Fault):
        return None
    return Frame("deliver", 0, fields | {"placeholder": True})
