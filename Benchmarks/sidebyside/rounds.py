"""The rounds: in each, every server under every workload, the order turned by one from round to round, so that the machine's moods
meet all alike."""

import dataclasses
import json
import subprocess

from .peers import Peer, Places, filled
from .server import ServerFailure, running
from .workloads import Workload


@dataclasses.dataclass(frozen=True)
class Entrant:
    """A row of the tables."""

    peer: Peer
    server: dict

    @property
    def label(self) -> str:
        return self.server["label"]

    def takes(self, workload: Workload) -> bool:
        return workload.key in self.server.get("workloads", [workload.key])


@dataclasses.dataclass
class Run:
    """One server under one workload, once. `report` is what broker-load says; None if there is nothing, then `failure` says why."""

    label: str
    workload: str
    round: int
    report: dict | None
    failure: str | None = None


def measure(entrants: list[Entrant], workloads: list[Workload], places: Places, rounds: int, seconds: float, warmup: float) -> list[Run]:
    runs = []
    for number in range(rounds):
        for workload in workloads:
            # Memory does not drift: once is enough.
            if workload.is_idle and number > 0:
                continue
            for index in range(len(entrants)):
                entrant = entrants[(index + number) % len(entrants)]
                if entrant.takes(workload):
                    runs.append(one(entrant, workload, places, number, seconds, warmup))
    return runs


def one(entrant: Entrant, workload: Workload, places: Places, number: int, seconds: float, warmup: float) -> Run:
    run = Run(entrant.label, workload.key, number, None)
    try:
        with running(entrant.peer, entrant.server, places) as (process, url):
            command = command_line(entrant, workload, places, url, process.pid, seconds, warmup)
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 90)
            if done.stdout.strip():
                run.report = json.loads(done.stdout)
            if done.returncode != 0:
                run.failure = failure(done, run.report)
    except (ServerFailure, OSError, subprocess.TimeoutExpired) as error:
        run.failure = str(error)
    print(line(run), flush=True)
    return run


def command_line(entrant, workload, places, url, process_id, seconds, warmup) -> list[str]:
    command = [str(places.programs / "broker-load"), "idle" if workload.is_idle else "fanout", url]
    command += [filled(word, places.values()) for word in entrant.server.get("client", [])] + workload.arguments
    command += ["--duration", "1" if workload.is_idle else str(seconds), "--server-pid", str(process_id), "--json", "--quiet"]
    return command if workload.is_idle else command + ["--warmup", str(warmup)]


def failure(done: subprocess.CompletedProcess, report: dict | None) -> str:
    """Why a run was not clean."""
    if report is None:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"broker-load ended with status {done.returncode}"
    counts = [f"{report[name]} {name}" for name in ("lost", "duplicated", "reordered", "foreign", "contradictions") if report.get(name)]
    return ", ".join(counts + report["errors"])


def line(run: Run) -> str:
    head = f"  round {run.round + 1}  {run.workload:<4}  {run.label:<18}"
    if run.report is None:
        return f"{head} FAILED: {run.failure}"
    server = run.report["server"] or {}
    if run.workload == "idle":
        figures = f"{server.get('rss_bytes_per_connection', 0):>10,.0f} octets a connection"
    else:
        per_million = server.get("cpu_seconds_per_million_deliveries")
        figures = f"{run.report['deliveries_per_second']:>11,.0f} deliveries/s  {per_million or 0:7.3f} s CPU per million"
        figures += f"  p99 {run.report['latency_us']['p99'] / 1000:8.2f} ms"
    return head + figures + (f"  NOT CLEAN: {run.failure}" if run.failure else "")
