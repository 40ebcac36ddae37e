"""The faults of the table in their short form: real processes, real files, and nothing that was promised is lost.

`ABOARD_FAULTS=full` plays the long form. Times are told and not judged here: that is `aboard bench faults`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from aboard.bench.faults.finding import Outcome
from aboard.bench.faults.page import figure_name, goal, told
from aboard.bench.faults.running import play
from aboard.bench.faults.table import FAULTS, Fault

FULL = os.environ.get("ABOARD_FAULTS", "") == "full"
# A bus that is cut off shows in one go what a killed one and a failover show; it needs root.
AS_WELL_BY_CUT = {"bus_killed", "bus_failover"} if os.geteuid() == 0 and not FULL else set[str]()
CHOSEN = [fault for fault in FAULTS if fault.name not in AS_WELL_BY_CUT]
AT_ONCE = 1 if FULL else 3  # most of each is waiting: for a hub to start, for a silence to be noticed


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Outcome]]]:
    """The faults that were collected, played side by side."""
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.get_closest_marker("faults")]
    names = {spec.params["fault"].name for spec in specs if spec is not None}
    with ThreadPoolExecutor(AT_ONCE, "fault") as stage:
        yield {fault.name: stage.submit(play, fault, full=FULL) for fault in CHOSEN if fault.name in names}


@pytest.mark.faults
@pytest.mark.timeout(7200 if FULL else 600)
@pytest.mark.parametrize("fault", CHOSEN, ids=lambda fault: fault.name)
def test_nothing_promised_is_lost_when(fault: Fault, played: Mapping[str, Future[Outcome]]):
    outcome = played[fault.name].result()
    if outcome.not_run:
        pytest.skip(outcome.not_run)
    for one in outcome.findings:
        print(f"{fault.number} {figure_name(one, 'en')}: {told(one)}, goal {goal(one)}")
    assert outcome.findings and not [one for one in outcome.findings if one.verdict(loaded=True) == "missed"]
