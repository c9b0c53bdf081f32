"""What the runs add up to: the median over the rounds, the best round, faults."""

import dataclasses
import statistics

from .rounds import Run
from .workloads import Workload


@dataclasses.dataclass
class Figures:
    runs: list[Run]

    def labels(self) -> list[str]:
        """The servers in their order, those too of which every run failed."""
        first_round = sorted(self.runs, key=lambda run: run.round)
        return list(dict.fromkeys(run.label for run in first_round))

    def values(self, label: str, workload: str, *path: str) -> list[float]:
        """A figure of every round, in order; a run that was not clean counts as it is, one without a result does not."""
        values = []
        for run in self.runs:
            value = run.report if run.label == label and run.workload == workload else None
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                values.append(value)
        return values

    def median(self, label: str, workload: str, *path: str) -> float | None:
        values = self.values(label, workload, *path)
        return statistics.median(values) if values else None

    def best(self, label: str, workload: str, *path: str) -> float | None:
        return min(self.values(label, workload, *path), default=None)

    def cpu(self, label: str, workload: str) -> float | None:
        """Server CPU-seconds per million deliveries."""
        return self.median(label, workload, "server", "cpu_seconds_per_million_deliveries")

    def idle_byte_count(self, label: str) -> float | None:
        return self.median(label, "idle", "server", "rss_bytes_per_connection")

    def kernel_cpu(self, label: str, workload: str) -> float | None:
        """The kernel's part of it: what would be left if the server's own code took no time."""
        totals = self.values(label, workload, "server", "cpu_seconds")
        parts = [system / total for system, total in zip(self.values(label, workload, "server", "system_seconds"), totals) if total]
        whole = self.cpu(label, workload)
        return whole * statistics.median(parts) if parts and whole else None

    def ratio(self, label: str, other: str, workload: str, kernel_alone: bool = False) -> float | None:
        """How much more CPU `other` needs for a delivery: the median of the rounds' own ratios, because rounds differ more than servers.

        With `kernel_alone`, than the kernel alone needs for `label`.
        """
        ratios = []
        for number in {run.round for run in self.runs}:
            one_round = Figures([run for run in self.runs if run.round == number])
            own = one_round.kernel_cpu(label, workload) if kernel_alone else one_round.cpu(label, workload)
            others = one_round.cpu(other, workload)
            if own and others:
                ratios.append(others / own)
        return statistics.median(ratios) if ratios else None

    def keeps_up(self, label: str, workload: Workload) -> bool:
        """Whether the server held the rate that the workload asks for."""
        held = self.median(label, workload.key, "deliveries_per_second")
        return held is None or workload.deliveries_per_second is None or held > 0.95 * workload.deliveries_per_second

    def fault_count(self, label: str) -> int:
        """Deliveries lost, duplicated, reordered or foreign, in all runs of a server."""
        names = ("lost", "duplicated", "reordered", "foreign")
        return sum(run.report.get(name, 0) for run in self.runs if run.label == label and run.report for name in names)

    def failures(self) -> list[str]:
        return [f"{run.label}, {run.workload}, round {run.round + 1}: {run.failure}" for run in self.runs if run.failure]
