"""The tables of docs/PERFORMANCE.md."""

import pathlib

from .figures import Figures
from .targets import verdicts
from .workloads import FANOUT, Workload


def text(figures: Figures, machine: dict[str, str], versions: dict[str, str], command: str, rounds: int, seconds: float, idle: int,
         micro: list[dict], left_out: list[str]) -> str:
    labels = figures.labels()
    parts = [
        f"Measured on {machine['date']} by `{command}`: {machine['processor']}, {machine['system']}, {machine['swift']}; {machine['load']}. "
        f"Server and load generator share the machine. {', '.join(f'{name} {version}' for name, version in versions.items())}. "
        f"{rounds} interleaved round{'s' if rounds > 1 else ''} of {seconds:g} s, 128-octet bodies.",
        "**Server CPU-seconds per million deliveries**, median of the rounds; less is better (†: did not keep up with the rate):",
        table(["Server"] + [f"{workload.key}: {workload.summary}" for workload in FANOUT],
              [[label] + [cpu(figures, label, workload) for workload in FANOUT] for label in labels]),
        "**Deliveries per second** (median) where nothing but the server bounds them, **latency** at B in milliseconds (median of the rounds, "
        f"and p99 of the best), and **memory** of an idle connection ({idle:,} of them); faults are deliveries lost, duplicated, reordered or foreign:",
        table(["Server", "A", "P", "H", "C", "B: p50", "p99", "p99.9", "p99, best", "Octets idle", "Faults"], [row(figures, label) for label in labels]),
        "**What must hold**; ratios are medians of the rounds' ratios. *Floor* is what the C/libuv floor reaches in place of the broker, "
        "*kernel alone* what the broker would reach if its own code took no time and only the kernel's work for it counted:",
        table(["", "Must", "Measured", "", "Floor", "Kernel alone"],
              [[verdict.what, verdict.must, verdict.measured, verdict.word, verdict.floor, verdict.kernel] for verdict in verdicts(figures)]),
    ]
    if micro:
        parts += ["**Parts of the path**, nanoseconds for each operation, median of the repetitions:",
                  table(["Part", "ns", "smallest", "largest"],
                        [[item["name"], f"{item['median']:.1f}", f"{item['min']:.1f}", f"{item['max']:.1f}"] for item in micro])]
    notes = [f"Left out: {name}." for name in left_out] + [f"Not clean or failed: {failure}." for failure in figures.failures()]
    return "\n\n".join(parts + (["\n".join(f"- {note}" for note in notes)] if notes else [])) + "\n"


def row(figures: Figures, label: str) -> list[str]:
    def latency(percentile: str) -> str:
        value = figures.median(label, "B", "latency_us", percentile)
        return "–" if value is None else f"{value / 1000:.2f}"

    best = figures.best(label, "B", "latency_us", "p99")
    return [label] + [number(figures.median(label, key, "deliveries_per_second"), 0) for key in "APHC"] + [
        latency("p50"), latency("p99"), latency("p999"), "–" if best is None else f"{best / 1000:.2f}",
        number(figures.idle_byte_count(label), 0), str(figures.fault_count(label)),
    ]


def cpu(figures: Figures, label: str, workload: Workload) -> str:
    return number(figures.cpu(label, workload.key), 3) + ("" if figures.keeps_up(label, workload) else " †")


def number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])


def write_into(document: pathlib.Path, block: str, name: str = "bench") -> None:
    """Puts the block between the document's two markers of that name, in place of what stands there."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = document.read_text()
    before, found_begin, rest = old.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise SystemExit(f"bench: {document} has not both markers, {begin} and {end}")
    document.write_text(f"{before}{begin}\n\n{block}\n{end}{after}")
