"""`aboard bench routing`: the router beside its peers, on the same map and the same pairs, in one run."""

from aboard.bench.routing.running import bench_routing

__all__ = ["bench_routing"]
