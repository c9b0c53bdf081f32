"""Idle connections by the thousand: memory of each, whether it grows linearly, and how fast they come."""

from sidebyside.markdown import table
from .entrants import Entrant
from .load import fault_count, grown, run
from .study import Study

CLEAR, TLS = [5_000, 10_000, 15_000, 19_000], [5_000, 10_000]


def measure(study: Study, entrants: list[Entrant]) -> str:
    rows = []
    for entrant in entrants:
        points = {}
        for count in TLS if "TLS" in entrant.label else CLEAR:
            arguments = f"idle --connections {count} --sources 2 --duration 1 --setup 90"
            with study.attempt(f"{entrant.label}, {count:,} idle"), entrant.start() as (process, url):
                points[count] = study.keep(f"{entrant.label}, {count:,} idle", run(entrant, process, url, arguments))
        if points:
            rows.append(row(entrant.label, points))
    heads = ["Server"] + [f"{count:,}" for count in CLEAR] + ["Each further one", "Off the line", "Logged in per second", "Faults"]
    return (
        "**Idle connections** on one process: octets of resident memory for each, by their number; what each one past the first count adds; by how "
        "much the counts between lie off the straight line from the first to the last; and how many logged in per second, at the last.\n\n"
        + table(heads, rows)
    )


def row(label: str, points: dict[int, dict]) -> list[str]:
    first, last = min(points), max(points)
    cells = [f"{grown(points[count]) / count:,.0f}" if count in points else "–" for count in CLEAR]
    slope = (grown(points[last]) - grown(points[first])) / (last - first) if last > first else None
    between = [count for count in points if first < count < last]
    off = [abs(grown(points[count]) / (grown(points[first]) + slope * (count - first)) - 1) for count in between] if slope is not None else []
    return [label, *cells, "–" if slope is None else f"{slope:,.0f}", f"{max(off):.1%}" if off else "–",
            f"{points[last]['connections_per_second']:,.0f}", fault_count(*points.values())]
