"""The workloads, the same for every server."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    key: str
    summary: str
    arguments: list[str]
    is_idle: bool = False
    # What the open loop asks for; None where nothing but the server is the bound.
    deliveries_per_second: int | None = None


FANOUT = [
    Workload("A", "10 rooms × 100 members, 32 in flight a room", ["--rooms", "10", "--members", "100", "--window", "32"]),
    # As in a room where many talk: who reads each connection for itself meets fewer messages at a time.
    Workload("P", "10 × 100, 32 publishers with one in flight each",
             ["--rooms", "10", "--members", "100", "--window", "32", "--publishers", "32"]),
    Workload("H", "10 × 100, 128 in flight a room", ["--rooms", "10", "--members", "100", "--window", "128"]),
    Workload("C", "200 rooms × 5 members, 8 in flight a room", ["--rooms", "200", "--members", "5", "--window", "8"]),
    Workload("B", "10 × 100, 50,000 deliveries/s", ["--rooms", "10", "--members", "100", "--rate", "500"],
             deliveries_per_second=50_000),
    Workload("D", "1 room × 100, 500,000 deliveries/s", ["--rooms", "1", "--members", "100", "--rate", "5000"],
             deliveries_per_second=500_000),
]


def idle(connections: int) -> Workload:
    return Workload("idle", f"{connections:,} connections that are logged in and silent", ["--connections", str(connections)], is_idle=True)
