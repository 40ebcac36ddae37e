"""`aboard bench routing`: the router beside its peers, on the same map and the same pairs, in one run."""
