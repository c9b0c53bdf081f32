"""A hundred thousand rooms, one room of many thousands, and people who come and go while others talk."""

import statistics

from sidebyside.markdown import table
from .entrants import Entrant
from .load import beside, fault_count, grown, run
from .study import Study

ROOMS, FOUNDERS, MEMBERS = 100_000, 100, 19_000
TRAFFIC = "fanout --rooms 10 --members 100 --rate 500 --warmup 1 --duration 4"
CHURN = "churn --rooms 10 --connections 2000 --rate 1000 --warmup 0 --duration 60"


def many(study: Study, brokers: list[Entrant]) -> str:
    """Each room has one member, who created it."""
    rows = []
    for broker in brokers:
        reports = {}
        for rooms in (0, ROOMS // 10, ROOMS):
            name = f"{broker.label}, {rooms:,} rooms"
            with study.attempt(name), broker.start() as (process, url):
                reports[rooms] = study.keep(name, run(broker, process, url, f"idle --connections {FOUNDERS} --rooms {rooms} --duration 1 --setup 90"))
        for rooms in (ROOMS // 10, ROOMS):
            if rooms in reports and 0 in reports:
                seconds = reports[rooms]["setup_seconds"] - reports[rooms]["connect_seconds"]
                octets = (grown(reports[rooms]) - grown(reports[0])) / rooms
                rows.append([broker.label, f"{rooms:,}", f"{octets:,.0f}", f"{rooms / seconds:,.0f}", fault_count(reports[rooms])])
    return (
        f"**Rooms** that {FOUNDERS} connections create and join, each in one of its own at a time: octets of resident memory for a room with its one "
        "member, and rooms created and joined per second.\n\n" + table(["Server", "Rooms", "Octets a room", "Rooms per second", "Faults"], rows)
    )


def large(study: Study, entrants: list[Entrant]) -> str:
    rows = []
    for entrant in entrants:
        name = f"{entrant.label}, one room of {MEMBERS:,}"
        arguments = f"fanout --rooms 1 --members {MEMBERS} --sources 2 --rate 1 --warmup 1 --duration 6 --setup 90"
        with study.attempt(name), entrant.start() as (process, url):
            report = study.keep(name, run(entrant, process, url, arguments))
            latency, seconds = report["latency_us"], report["setup_seconds"] - report["connect_seconds"]
            rows.append([entrant.label, f"{MEMBERS / seconds:,.0f}", f"{latency['p50'] / 1000:.0f}", f"{latency['max'] / 1000:.0f}",
                         f"{report['server']['cpu_seconds_per_million_deliveries'] or 0:.2f}", fault_count(report)])
    return (
        f"**One room of {MEMBERS:,} members**, all of whom join at once; then a message every second: milliseconds until half of the members have it, "
        "and until the last one has the slowest of them; server CPU-seconds per million deliveries.\n\n"
        + table(["Server", "Joined per second", "Half, ms", "Last, ms", "CPU", "Faults"], rows)
    )


def coming_and_going(study: Study, broker: Entrant, rounds: int) -> str:
    """Those who come and go do so on the same broker, or on another one beside it: the machine has as much to do, but the broker has not."""
    variants = ("nobody", "on another broker", "on the same broker")
    found = {variant: [] for variant in variants}
    others: list[dict] = []
    for number in range(rounds):
        for variant in variants:
            name = f"traffic, {variant} comes and goes, round {number + 1}"
            with study.attempt(name), broker.start() as (process, url), broker.start() as (other, other_url):
                if variant == variants[0]:
                    found[variant].append(study.keep(name, run(broker, process, url, TRAFFIC)))
                else:
                    target = (process, url) if variant == variants[2] else (other, other_url)
                    with beside(broker, *target, CHURN, others, lead_seconds=1):
                        report = run(broker, process, url, TRAFFIC)
                    study.keep(name + ", those who do", others[-1])
                    found[variant].append(study.keep(name, report))
    rows = [[variant, spread(reports, "p50"), spread(reports, "p99"), fault_count(*reports)]
            for variant, reports in found.items() if reports]
    rates = [report["rounds_per_second"] for report in others]
    steps = {step: statistics.median(report["steps_us"][step]["p99"] for report in others) / 1000 for step in ("log_in", "join", "leave")} if others else {}
    return (
        "**Coming and going**: 10 rooms × 100 members, 50,000 deliveries/s, while 1,000 guests a second connect, log in, join a room, leave it and "
        f"go (done: {min(rates, default=0):,.0f} to {max(rates, default=0):,.0f} a second; p99 of their steps in ms, median of the runs: "
        + ", ".join(f"{step.replace('_', '-')} {value:.1f}" for step, value in steps.items())
        + f"; {fault_count(*others)} faults). "
        "Latency of the traffic, µs: median of the rounds (smallest to largest).\n\n" + table(["Who comes and goes", "p50", "p99", "Faults"], rows)
    )


def spread(reports: list[dict], percentile: str) -> str:
    values = [report["latency_us"][percentile] for report in reports]
    return f"{statistics.median(values):,.0f} ({min(values):,} to {max(values):,})"
