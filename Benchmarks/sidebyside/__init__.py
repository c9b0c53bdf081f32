"""The side-by-side run: the broker, its peers and the floor under the same workloads, in turns on one machine."""
