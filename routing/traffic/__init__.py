"""What is different on the roads today: closures and slow stretches, as immutable versions."""

from routing.traffic.changes import Closure, Slowdown, SlowSource
from routing.traffic.stretch import Stretch, read_area
from routing.traffic.version import FREE_FLOW, Holding, Traffic

__all__ = ["FREE_FLOW", "Closure", "Holding", "SlowSource", "Slowdown", "Stretch", "Traffic", "read_area"]
