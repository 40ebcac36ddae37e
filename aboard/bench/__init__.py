"""Benchmarks: what Aboard takes, in real processes and over real sockets, beside its peers in the same run."""
