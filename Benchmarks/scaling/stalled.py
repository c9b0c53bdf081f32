"""Ten readers of a thousand that do not read: what the others notice, and what it costs in memory."""

import statistics

from sidebyside.markdown import table
from .entrants import Entrant
from .load import fault_count, run
from .study import Study

# So much that the kernel's own buffers, some 4 MB a connection, are full in the measured time.
TRAFFIC = "fanout --rooms 1 --members 1000 --body 8192 --rate 40 --warmup 1 --duration 16 --setup 60"


def measure(study: Study, broker: Entrant, rounds: int) -> str:
    rows, ratios = [], []
    for number in range(rounds):
        slowest = {}
        for stalled in (0, 10) if number % 2 == 0 else (10, 0):
            name = f"{broker.label}, {stalled} of 1,000 stalled, round {number + 1}"
            with study.attempt(name), broker.start() as (process, url):
                report = study.keep(name, run(broker, process, url, f"{TRAFFIC} --stalled {stalled}"))
                slowest[stalled], server = report["latency_us"]["p99"], report["server"]
                rows.append([str(number + 1), str(stalled), f"{report['latency_us']['p50']:,}", f"{slowest[stalled]:,}",
                             f"{(server['rss_bytes'] - server['rss_bytes_ready']) / 1024:,.0f}",
                             f"{(server['rss_bytes_max'] - server['rss_bytes_ready']) / 1024:,.0f}",
                             f"{report['lagged']:,}", f"{report.get('stalled', {}).get('caught_up', '')}", fault_count(report)])
        if len(slowest) == 2 and slowest[0]:
            ratios.append(slowest[10] / slowest[0])
    rows.sort(key=lambda row: (int(row[0]), int(row[1])))
    verdict = f"p99 with stalled readers against without, median of the rounds: {statistics.median(ratios):.2f} ×." if ratios else ""
    return (
        "**One reader in a hundred stalled**: one room of 1,000 members, 40 messages of 8,192 octets a second (40,000 deliveries/s); ten members stop "
        "reading until the last message, and catch up then. Latency of the others in µs; growth of the broker's resident memory from the moment at "
        "which all were ready, at the end and at most; `queues.outbound_high_water_bytes` is 262,144, so ten queues have at most 2,560 KiB. " + verdict
        + "\n\n" + table(["Round", "Stalled", "p50", "p99", "Growth, KiB", "At most, KiB", "Named by LAG", "Caught up", "Faults"], rows)
    )
