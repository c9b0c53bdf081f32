"""The report for people: one HTML file without anything from elsewhere."""

import html

from .figures import Figures
from .plots import dots
from .targets import verdicts
from .workloads import FANOUT

STYLE = """
:root{--ink:#1c2430;--soft:#5f6b7a;--edge:#dde3ea;--card:#fff;--page:#f5f7f9;--own:#0b6bcb;--floor:#8a94a0;--peer:#c2571a}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--edge:#303a46;--card:#1b222b;--page:#12171d;--own:#5aa9f5;--floor:#7d8894;--peer:#e8894f}}
body{margin:0 auto;padding:32px 20px 60px;max-width:860px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;margin:0}h2{font-size:17px;margin:34px 0 8px}p,.tick,.unit,.none{color:var(--soft)}p{margin:4px 0 10px}
section{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:14px}svg{width:100%;display:block;font-size:12px}
svg text{fill:var(--ink)}svg .tick,svg .unit,svg .none{fill:var(--soft)}.label,.unit{text-anchor:end}.tick{text-anchor:middle}
.grid{stroke:var(--edge)}.own{fill:var(--own)}.floor{fill:var(--floor)}.peer{fill:var(--peer)}.round{opacity:.4}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--edge)}.no{color:#c62828;font-weight:600}
"""


def text(figures: Figures, machine: dict[str, str], versions: dict[str, str], command: str, micro: list[dict], left_out: list[str]) -> str:
    labels = figures.labels()
    body = ["<h1>Side by side</h1>", f"<p>{html.escape(command)} · " + html.escape(" · ".join(machine.values())) + "</p>"]
    body.append("<p>" + html.escape(" · ".join(f"{name} {version}" for name, version in versions.items())) + "</p>")
    body += [f"<p>Left out: {html.escape(name)}</p>" for name in left_out]
    body.append("<h2>What must hold</h2><section><table>")
    for verdict in verdicts(figures):
        mark = ' class="no"' if verdict.is_met is False else ""
        floor = f"floor: {verdict.floor}, kernel alone: {verdict.kernel}" if verdict.floor else ""
        body.append(f"<tr><td>{html.escape(verdict.what)}</td><td>{verdict.must}</td><td{mark}>{verdict.measured}</td><td>{floor}</td></tr>")
    body.append("</table></section>")

    def plot(title: str, note: str, workload: str, unit: str, decimals: int, *path: str, scale: float = 1) -> None:
        rows = [(label, [value / scale for value in figures.values(label, workload, *path)]) for label in labels]
        body.append(f"<h2>{html.escape(title)}</h2><p>{html.escape(note)}</p><section>{dots(rows, unit, decimals)}</section>")

    for workload in FANOUT:
        plot(f"{workload.key}: CPU of the server", f"{workload.summary}; CPU-seconds per million deliveries, less is better",
             workload.key, "s", 3, "server", "cpu_seconds_per_million_deliveries")
    for workload in FANOUT[:4]:
        plot(f"{workload.key}: deliveries per second", f"{workload.summary}; more is better", workload.key, "/s", 0, "deliveries_per_second")
    for key, name in [("p50", "50"), ("p99", "99"), ("p999", "99.9")]:
        plot(f"B: latency, {name} %", "from the moment a message should have been sent to each delivery", "B", "ms", 2, "latency_us", key, scale=1000)
    plot("Idle connections", "resident memory of the server for each connection that is logged in", "idle", "octets", 0,
         "server", "rss_bytes_per_connection")
    if micro:
        rows = [(item["name"], item["values"]) for item in micro]
        body.append(f"<h2>Parts of the path</h2><p>each repetition</p><section>{dots(rows, 'ns', 1)}</section>")
    failures = "".join(f"<li>{html.escape(failure)}</li>" for failure in figures.failures())
    if failures:
        body.append(f"<h2>Not clean, or failed</h2><section><ul>{failures}</ul></section>")
    return f"<!doctype html><meta charset=utf-8><title>Side by side</title><style>{STYLE}</style>" + "\n".join(body) + "\n"
