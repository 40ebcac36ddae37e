"""Ask the road map for the driving times that a comparison needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from casebook.place import Place
from routing.air import LandingSite
from routing.engine import DEFAULT_ENGINE
from routing.ground import table
from routing.profiles import Profile
from routing.roads.roadmap import Roadmap
from routing.traffic import FREE_FLOW, Traffic


def drive_times(
    roadmap: Roadmap,
    scene: Place,
    door: Place,
    sites: Sequence[LandingSite],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    engine: str = DEFAULT_ENGINE,
) -> tuple[float | None, dict[str, float | None]]:
    """Likely seconds from the scene to the door, and to each landing site by id; None where there is no way."""
    ends = [door, *(site.place for site in sites)]
    (times,) = table(roadmap, [scene], ends, profile=profile, traffic=traffic, at=at, engine=engine)
    return times[0], {site.id: seconds for site, seconds in zip(sites, times[1:], strict=True)}
