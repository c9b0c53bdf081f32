"""What a run of Benchmarks/scale collects: every report, and whatever went wrong."""

import contextlib
import subprocess

from sidebyside.server import ServerFailure
from .load import LoadFailure, faults


class Study:
    def __init__(self) -> None:
        self.reports: dict[str, dict] = {}
        self.notes: dict[str, dict] = {}
        self.failures: list[str] = []

    def keep(self, name: str, report: dict) -> dict:
        """Keeps a report under its name and says its gist."""
        self.reports[name] = report
        found = faults(report)
        if found:
            self.failures.append(f"{name}: {'; '.join(found)}")
        latency, server = report["latency_us"], report["server"] or {}
        gist = [f"p99 {latency['p99']:,} µs"] if latency["count"] else []
        gist += [f"ready after {report['setup_seconds']:.2f} s", f"{server.get('rss_bytes_ready', 0) / 1e6:.1f} MB", *(f"NOT CLEAN: {fault}" for fault in found)]
        print(f"  {name}: {', '.join(gist)}", flush=True)
        return report

    def note(self, name: str, values: dict) -> None:
        self.notes[name] = values
        print(f"  {name}: {values}", flush=True)

    @contextlib.contextmanager
    def attempt(self, name: str):
        """What fails is told, and the rest goes on."""
        try:
            yield
        except (ServerFailure, LoadFailure, OSError, subprocess.TimeoutExpired) as error:
            self.failures.append(f"{name}: {error}")
            print(f"  {name}: FAILED: {error}", flush=True)
