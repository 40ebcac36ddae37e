"""Every fault of the table in its short form: real processes, real files, and nothing that was promised is lost.

`ABOARD_FAULTS=full` plays the long form. Times are told and not judged here: that is `aboard bench faults`.
"""

from __future__ import annotations

import os

import pytest

from aboard.bench.faults.page import figure_name, goal, told
from aboard.bench.faults.running import play
from aboard.bench.faults.table import FAULTS, Fault

FULL = os.environ.get("ABOARD_FAULTS", "") == "full"


@pytest.mark.faults
@pytest.mark.timeout(3600 if FULL else 600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_promised_is_lost_when(fault: Fault):
    outcome = play(fault, full=FULL)
    if outcome.not_run:
        pytest.skip(outcome.not_run)
    for one in outcome.findings:
        print(f"{fault.number} {figure_name(one, 'en')}: {told(one)}, goal {goal(one)}")
    assert outcome.findings and not [one for one in outcome.findings if one.verdict(loaded=True) == "missed"]
