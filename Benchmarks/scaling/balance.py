"""Whether loops share the work, and whether one hot room leaves the others of its loop their turn."""

import statistics
import subprocess
import time

from sidebyside.markdown import table
from . import observe
from .entrants import Entrant, with_loops
from .load import beside, fault_count, report, run, start
from .rooms import spread
from .study import Study

QUIET = "fanout --rooms 9 --members 20 --rate 450 --warmup 1 --duration 3"
HOT = "fanout --rooms 1 --members 100 --window 128 --warmup 0 --duration 60"


def distribution(study: Study, broker: Entrant) -> str:
    rows = []
    for loops in (2, 4):
        entrant = with_loops(broker, loops)
        with study.attempt(f"{entrant.label}, distribution"), entrant.start() as (process, url):
            child = start(entrant, process, url, "fanout --rooms 200 --members 5 --rate 4000 --warmup 1 --duration 4")
            try:
                time.sleep(2.5)
                before = observe.thread_seconds(process.pid)
                time.sleep(2)
                after = observe.thread_seconds(process.pid)
                loops_have = observe.loop_reports(process, loops)
                said, complaint = child.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
                raise
            study.keep(f"{entrant.label}, distribution", report(child, said, complaint))
            seconds = {name: after[name] - before[name] for name in after if name in before}
            study.note(f"{entrant.label}, distribution", {"loops": loops_have, "thread_seconds": seconds})
            used = [value for name, value in seconds.items() if name.startswith("loop")]
            columns = [[have[name] for have in loops_have] for name in ("connections", "rooms", "published", "delivered")]
            rows.append([entrant.label, *(" / ".join(f"{count:,}" for count in column) for column in columns),
                         " / ".join(f"{value:.2f}" for value in used),
                         f"{max(used) / (sum(used) / len(used)):.2f} ×" if sum(used) else "–"])
    return (
        "**Spread over loops**: 1,000 connections, 200 rooms of 5, 20,000 deliveries/s. What each loop has and has done by its own word (SIGUSR1), "
        "and the processor time of its thread in 2 s, which its connections, its rooms and its accounts share.\n\n"
        + table(["Server", "Connections", "Rooms", "Published", "Delivered", "CPU-seconds", "Busiest against the mean"], rows)
    )


def hot_room(study: Study, broker: Entrant, peers: list[Entrant], rounds: int) -> str:
    """The hot room is on the same server, or on another one beside it, where it takes as much of the machine and nothing of the server."""
    variants = ("none", "on another process", "on the same process")
    rows = []
    for entrant in [broker, *peers]:
        found = {variant: [] for variant in variants}
        hot: dict[str, list[dict]] = {variant: [] for variant in variants}
        for number in range(rounds if entrant is broker else max(1, rounds - 1)):
            for variant in variants:
                name = f"{entrant.label}, quiet rooms, hot room {variant}, round {number + 1}"
                with study.attempt(name), entrant.start() as (process, url), entrant.start() as (other, other_url):
                    if variant == variants[0]:
                        found[variant].append(study.keep(name, run(entrant, process, url, QUIET)))
                    else:
                        target = (process, url) if variant == variants[2] else (other, other_url)
                        with beside(entrant, *target, HOT, hot[variant], lead_seconds=1):
                            result = run(entrant, process, url, QUIET)
                        study.keep(name + ", the hot one", hot[variant][-1])
                        found[variant].append(study.keep(name, result))
        for variant in variants:
            if found[variant]:
                speeds = [result["deliveries_per_second"] for result in hot[variant]]
                rows.append([entrant.label, variant, spread(found[variant], "p50"), spread(found[variant], "p99"),
                             f"{statistics.median(speeds):,.0f}" if speeds else "–",
                             fault_count(*found[variant], *hot[variant])])
    return (
        "**One hot room beside nine quiet ones** on the same loop: the quiet ones have 20 members each and 450 messages a second together; the hot one "
        "has 100 members and goes as fast as it can, 128 messages in flight. Latency in the quiet rooms, µs: median of the rounds (smallest to "
        "largest). Both load generators run beside the server on this machine's cores: the row `on another process` is what that alone costs.\n\n"
        + table(["Server", "Hot room", "p50", "p99", "Hot deliveries/s", "Faults"], rows)
    )
