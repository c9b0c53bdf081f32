"""Kills a broker under load and judges what its clients were told: crash.py [KILLS [SEED]]. See README.md."""
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Interop"))

from broker import Broker, certificate, native_tls                 # noqa: E402
from cbp import Client                                             # noqa: E402
from checker import check                                          # noqa: E402
from people import Place, Publisher, Reader                        # noqa: E402

ROOMS = ["crash/a", "crash/b", "crash/c"]


def start(folder):
    return Broker(2, certificate(), runtime_data_directory=folder, rooms_recent_events_per_room=64)


def whole_log(client, room):
    """({seq: event}, epoch), read page by page."""
    epoch, log, at = client.join(room)["epoch"], {}, 1
    while True:
        events, (_, last), _ = client.history(room, at, limit=1000, dir=1)
        log |= {event["seq"]: event for event in events}
        if last < at:
            return log, epoch
        at = last + 1


def main(kills, seed):
    chance = random.Random(seed)
    place = Place()
    doors = [None, native_tls()]                                   # everyone's neighbour comes in over TLS
    publishers = [Publisher(f"pub{i}", place, doors[i % 2], ROOMS, chance.random(), 1 if i == 3 else 2) for i in range(4)]
    readers = [Reader(f"read{i}", place, doors[i % 2], ROOMS, chance.random()) for i in range(3)]
    slowest = 0.0
    moment = threading.Event()         # that nobody sets: the length of the load is drawn by chance
    with tempfile.TemporaryDirectory(prefix="cbp-crash-") as folder:
        broker = start(folder)
        place.set((broker.host, broker.port))
        for person in publishers + readers:
            person.start()
        for _ in range(kills):
            moment.wait(chance.uniform(0.05, 1.2))
            broker.kill()
            place.set(None)
            broker.stop()
            began = time.monotonic()
            broker = start(folder)
            slowest = max(slowest, time.monotonic() - began)
            place.set((broker.host, broker.port))
        moment.wait(1)
        place.end()
        for publisher in publishers:
            publisher.join(60)
        with Client.connect(broker.host, broker.port, reply_timeout=20) as client:
            client.log_in("checker")
            logs, epochs = {}, {}
            for room in ROOMS:
                logs[room], epochs[room] = whole_log(client, room)
        for reader in readers:
            reader.heads = {room: max(log) for room, log in logs.items()}
        for reader in readers:
            reader.join(60)
        alive = [person.name for person in publishers + readers if person.is_alive()]
        status = broker.stop()
    faults = check(logs, epochs, publishers, readers)
    faults += [f"{name} never came to its end" for name in alive]
    if status != 0:
        faults.append(f"the broker ended with status {status}")
    durable = sum(level >= 2 for p in publishers for *_, level in p.acknowledged)
    lost = sum(e["to_seq"] + 1 - e["from_seq"] for log in logs.values() for e in log.values() if e.get("kind") == 37)
    for fault in faults[:50]:
        print(fault)
    print(f"Crash: {kills} kills, seed {seed}: {sum(map(len, logs.values()))} events, {durable} durable publishes, "
          f"{sum(p.undecided for p in publishers)} of unknown outcome, {sum(len(r.seen) for r in readers)} deliveries, "
          f"{lost} numbers void, {sum(len(r.gaps) for r in readers)} gaps announced; slowest start {slowest:.2f} s; "
          f"{len(faults)} anomalies")
    return 1 if faults else 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(arguments[0] if arguments else 3, arguments[1] if len(arguments) > 1 else int(time.time())))
