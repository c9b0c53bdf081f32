"""What clients were told, held against the log as it is in the end."""


def voids_of(log):
    return [(e["from_seq"], e["to_seq"]) for e in log.values() if e.get("kind") == 37]


def is_void(seq, voids):
    return any(first <= seq <= last for first, last in voids)


def check(logs, epochs, publishers, readers):
    """Every promise found broken. `logs` are {room: {seq: event}} as HISTORY has them."""
    faults = [fault for person in publishers + readers for fault in person.faults]
    for room, log in logs.items():
        faults += check_log(room, log)
    for publisher in publishers:
        faults += check_publisher(publisher, logs)
    for reader in readers:
        faults += check_reader(reader, logs, epochs)
    return faults


def check_log(room, log):
    faults, ids, voids = [], {}, voids_of(log)
    for seq, event in sorted(log.items()):
        cmid = event.get("cmid")
        if cmid is not None:
            if cmid in ids:
                faults.append(f"{room}: {event['body']!r} is there twice, as {ids[cmid]} and {seq}")
            ids[cmid] = seq
        if is_void(seq, voids):
            faults.append(f"{room}: {seq} is in the log, and void")
    last_of = {}
    for seq, event in sorted(log.items()):
        if event.get("cmid") is not None:
            number = int(event["body"].split()[1])
            if last_of.get(event["from"], 0) > number:
                faults.append(f"{room}: {event['body']!r} stands behind number {last_of[event['from']]}")
            last_of[event["from"]] = number
    expected = min(log, default=1)
    for seq in sorted(log):
        while expected < seq:
            if not is_void(expected, voids):
                faults.append(f"{room}: {expected} is neither in the log nor void")
            expected += 1
        expected = seq + 1
    return faults


def check_publisher(publisher, logs):
    faults = []
    for room, seq, cmid, body, level in publisher.acknowledged:
        event = logs[room].get(seq)
        if event is not None and event.get("cmid") != cmid:
            faults.append(f"{room} {seq} was acknowledged for {body!r}, and is {event}")
        if level >= 2 and event is None:
            faults.append(f"{room} {seq} {body!r} was acknowledged as durable, and is not in the log")
    return faults


def check_reader(reader, logs, epochs):
    faults, reached = [], {}
    ends = {room: max(log, default=0) for room, log in logs.items()}
    voids = {room: voids_of(log) for room, log in logs.items()}
    for room, epoch, seq, event in reader.seen:
        if epoch != epochs[room]:
            faults.append(f"{reader.name}: {room} had epoch {epoch}, and has {epochs[room]}")
        if seq > ends[room]:
            continue                                       # that the checker left
        stored = logs[room].get(seq)
        if stored is None and not is_void(seq, voids[room]):
            faults.append(f"{reader.name}: {room} {seq} is neither in the log nor void: {event}")
        if stored is not None and stored.fields != event.fields:
            faults.append(f"{reader.name}: {room} {seq} was {event}, and is {stored}")
        last = reached.get(room)
        if last is not None and seq != last + 1:
            skipped = set(range(last + 1, seq))
            for gap_room, _, first, end in reader.gaps:
                if gap_room == room:
                    skipped -= set(range(first, end + 1))
            if event.get("kind") == 37:
                skipped -= set(range(event["from_seq"], event["to_seq"] + 1))
            if skipped:
                faults.append(f"{reader.name}: {room} {min(skipped)}..{max(skipped)} never came, and nobody said so")
        reached[room] = seq
    return faults
