"""What is different on the roads today: closures, slow stretches and observed speeds, as immutable versions."""

from routing.traffic.changes import Closure, Slowdown, SlowSource
from routing.traffic.holding import Holding, Speeds
from routing.traffic.observed import Aged, Observed
from routing.traffic.stretch import Stretch, read_area
from routing.traffic.version import FREE_FLOW, Traffic

__all__ = [
    "FREE_FLOW",
    "Aged",
    "Closure",
    "Holding",
    "Observed",
    "SlowSource",
    "Slowdown",
    "Speeds",
    "Stretch",
    "Traffic",
    "read_area",
]
