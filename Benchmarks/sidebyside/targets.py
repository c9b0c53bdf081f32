"""What the broker must show, and whether a run shows it."""

import dataclasses

from .figures import Figures

BROKER, TLS, FLOOR = "broker, 1 loop", "broker, TLS, 1 loop", "C/libuv floor"


@dataclasses.dataclass(frozen=True)
class Verdict:
    what: str
    must: str
    measured: str
    is_met: bool | None
    # The floor's figure for the same comparison, and the broker's if only the kernel's work for it counted: more is not to be had.
    floor: str = ""
    kernel: str = ""

    @property
    def word(self) -> str:
        return {True: "met", False: "**not met**", None: "not measured"}[self.is_met]


def verdicts(figures: Figures) -> list[Verdict]:
    found = [at_most("A: CPU per delivery against the C/libuv floor", 1.6, figures.ratio(FLOOR, BROKER, "A"))]
    for workload, peer, factor in [
        ("A", "nats-server", 3), ("A", "redis-server", 1.8), ("A", "inspircd", 2), ("A", "mosquitto", 20),
        ("H", "nats-server", 6), ("H", "redis-server", 5), ("C", "nats-server", 1.8), ("C", "redis-server", 1.3),
    ]:
        verdict = at_least(f"{workload}: less CPU per delivery than {peer}", factor, figures.ratio(BROKER, peer, workload))
        found.append(dataclasses.replace(
            verdict, floor=times(figures.ratio(FLOOR, peer, workload)),
            kernel=times(figures.ratio(BROKER, peer, workload, kernel_alone=True))))
    peers = [label for label in figures.labels() if not label.startswith("broker") and label != FLOOR]
    latencies = [value for label in peers if (value := figures.best(label, "B", "latency_us", "p99"))]
    own = figures.best(BROKER, "B", "latency_us", "p99")
    best = own / min(latencies) if own and latencies else None
    found.append(at_most("B: p99 latency against the best peer, best round of each", 1.3, best))
    found.append(at_most("A: CPU per delivery of TLS 1.3 against clear text", 2.5, figures.ratio(BROKER, TLS, "A")))
    found.append(octets("idle connection, clear", 1500, figures.idle_byte_count(BROKER)))
    found.append(octets("idle connection, TLS", 16000, figures.idle_byte_count(TLS)))
    return found


def times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f} ×"


def at_most(what: str, factor: float, measured: float | None) -> Verdict:
    return Verdict(what, f"≤ {factor:g} ×", times(measured), None if measured is None else measured <= factor)


def at_least(what: str, factor: float, measured: float | None) -> Verdict:
    return Verdict(what, f"≥ {factor:g} ×", times(measured), None if measured is None else measured >= factor)


def octets(what: str, count: int, measured: float | None) -> Verdict:
    return Verdict(what, f"≤ {count:,} octets", "–" if measured is None else f"{measured:,.0f}", None if measured is None else measured <= count)
