"""The ask for a plan of one incident: what would be proposed now. Records nothing; a person chooses for each casualty.

The case comes from the picture, its times from the roads as they are; the rest is dispatch/distribution/sharing.py's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from casebook.asking import Command
from casebook.picture import Picture
from dispatch.distribution.from_picture import case_of_picture
from dispatch.distribution.officer import distribution_view
from dispatch.distribution.reading import check_case
from dispatch.distribution.rules import DistributionRules
from dispatch.distribution.sharing import distribute
from dispatch.distribution.travel import with_roads
from dispatch.journeys import traffic_of
from dispatch.policy import Policy
from routing.roads import Roadmap


class PreviewDistribution(Command, frozen=True):
    """Who of an incident would go where. `quick`: the first good plan, without a proof."""

    incident: str
    quick: bool = False
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


def preview_distribution(
    command: PreviewDistribution,
    picture: Picture,
    at: datetime,
    roadmap: Roadmap,
    rules: DistributionRules,
    policy: Policy,
) -> dict[str, Any]:
    """`plan`: the answer as `aboard distribute` gives it; `view`: the transport officer's, beside what happened so far.

    Raises NotFound for an unknown incident.
    """
    case = check_case(case_of_picture(picture, command.incident, at, rules, command.seed), rules)
    answer = distribute(with_roads(case, roadmap, traffic_of(picture)), rules, policy, quick=command.quick)
    plan = msgspec.json.decode(msgspec.json.encode(answer))
    return {"plan": plan, "view": distribution_view(picture, command.incident, answer)}
