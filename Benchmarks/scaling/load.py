"""broker-load: run to its end, or in the background until somebody else is done."""

import contextlib
import json
import signal
import subprocess
import time

from sidebyside.peers import filled
from .entrants import Entrant

RUN_SECONDS_MAX = 120


class LoadFailure(Exception):
    """There is no report."""


def run(entrant: Entrant, process, url: str, arguments: str) -> dict:
    """The report of one run. One that is not clean is a report too: its `errors` say why."""
    child = start(entrant, process, url, arguments)
    try:
        said, complaint = child.communicate(timeout=RUN_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise LoadFailure(f"no result after {RUN_SECONDS_MAX} s") from None
    return report(child, said, complaint)


@contextlib.contextmanager
def beside(entrant: Entrant, process, url: str, arguments: str, reports: list[dict], lead_seconds: float):
    """Runs something else at the same time, begun so much earlier; its report is appended once it has been told to end."""
    child = start(entrant, process, url, arguments)
    try:
        time.sleep(lead_seconds)
        yield
        child.send_signal(signal.SIGINT)
        said, complaint = child.communicate(timeout=30)
        reports.append(report(child, said, complaint))
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()


def start(entrant: Entrant, process, url: str, arguments: str) -> subprocess.Popen:
    scenario, *rest = arguments.split()
    command = [str(entrant.places.programs / "broker-load"), scenario, url, *rest, "--server-pid", str(process.pid), "--json", "--quiet"]
    command += [filled(word, entrant.places.values()) for word in entrant.server.get("client", [])]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(child: subprocess.Popen, said: str, complaint: str) -> dict:
    if not said.strip():
        raise LoadFailure((complaint.strip().splitlines() or [f"broker-load ended with status {child.returncode}"])[-1])
    return json.loads(said)


FAULTS = ("lost", "duplicated", "reordered", "foreign", "contradictions", "unsent")


def faults(report: dict) -> list[str]:
    """What was not as it should be, in words."""
    return [f"{report[name]:,} {name}" for name in FAULTS if report.get(name)] + report["errors"]


def fault_count(*reports: dict) -> str:
    """How much that is; what broker-load only has words for counts once."""
    return f"{sum(report.get(name, 0) for report in reports for name in FAULTS) + sum(len(report['errors']) for report in reports):,}"


def grown(report: dict) -> int:
    """Octets that the server's resident memory grew by until all were ready."""
    return report["server"]["rss_bytes_ready"] - report["server"]["rss_bytes_before"]
