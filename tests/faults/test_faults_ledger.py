"""The ledger finds what was promised and is gone, is there twice, or stands in the wrong place; a goal is judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from aboard.bench.faults.finding import Finding, Outcome
from aboard.bench.faults.ledger import Promises, audit, fact_mark, sample_mark
from aboard.bench.faults.page import page
from aboard.bench.faults.running import play_all
from aboard.bench.faults.table import FAULTS, chosen
from casebook import events as e
from casebook.errors import RefusedInput
from casebook.log import GENESIS, By, Draft, Entry, Source, chained

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TAP = e.CasualtyFound("crash-b", "crash", "b")


def sample(seq: int, *, epoch: str = "e1") -> Draft:
    fact = e.VitalsRecorded("crash-a", "V1", {"hr_bpm": 112})
    at = NOON + timedelta(seconds=seq)
    return Draft(fact.name, 1, e.encode(fact), at, at, By("paramedic", "V1"), Source("V1", epoch, seq))


def tapped(seq: int) -> Draft:
    return Draft(TAP.name, 1, e.encode(TAP), NOON, NOON, By("paramedic", "crew"), Source("V1", "main", seq))


def asked(key: str, second: int) -> Draft:
    at = NOON + timedelta(seconds=second)
    fact = e.CapacityReported("ward", "ed_bed", second, 99)
    return Draft(fact.name, 1, e.encode(fact), at, at, By("ed", "ward"), None, key)


def log(*drafts: Draft) -> list[Entry]:
    return chained(drafts, 0, GENESIS)


def promised(seconds: int) -> Promises:
    promises = Promises()
    for second in range(1, seconds + 1):
        promises.keep("V1", sample_mark(NOON + timedelta(seconds=second)))
    return promises


def figures(promises: Promises, entries: list[Entry]) -> dict[str, float | None]:
    return {one.name: one.value for one in audit(promises, entries).findings() if one.value}


def test_what_is_all_there_and_in_order_is_only_counted():
    promises = promised(3)
    promises.keep("V1", fact_mark(TAP.name, e.encode(TAP)))
    promises.answered["k"] = [5]
    entries = log(sample(1), sample(2), sample(3), tapped(1), asked("k", 9))
    assert figures(promises, entries) == {"promised": 5}


def test_a_sample_that_is_gone_is_lost_and_leaves_a_gap():
    assert figures(promised(3), log(sample(1), sample(3))) == {"promised": 3, "lost": 1, "disordered": 1}


def test_a_sample_that_came_again_under_another_number_is_there_twice():
    again = Draft("vitals_recorded", 1, {}, NOON + timedelta(seconds=1), NOON, By("p", "V1"), Source("V1", "e2", 1))
    assert figures(promised(1), log(sample(1), again)) == {"promised": 1, "doubled": 1}


def test_rows_that_came_in_the_wrong_order_are_found_in_each_lane_by_itself():
    assert figures(promised(2), log(sample(2), sample(1)))["disordered"] == 2
    assert "disordered" not in figures(promised(2), log(sample(1), sample(1, epoch="e2"), sample(2)))


def test_a_command_whose_entry_is_missing_or_anothers_is_lost():
    promises = Promises(answered={"k": [1], "l": [9]})
    assert figures(promises, log(asked("other", 1))) == {"promised": 2, "lost": 2}


def test_a_command_that_was_done_at_two_instants_was_done_twice():
    assert figures(Promises(answered={"k": [1]}), log(asked("k", 1), asked("k", 2))) == {"promised": 1, "doubled": 1}


def test_a_row_that_the_hub_could_not_fit_in_is_told():
    fact = e.RowRefused("V1", "vitals_recorded", {}, "illegal_step", "no")
    refused = Draft(fact.name, 1, e.encode(fact), NOON, NOON, By("p", "V1"), Source("V1", "e1", 1))
    assert figures(Promises(), log(refused)) == {"refused_rows": 1}


@pytest.mark.parametrize(
    ("finding", "quiet", "loaded"),
    [
        (Finding("lost", "facts", 0, most=0), "met", "met"),
        (Finding("lost", "facts", 1, most=0), "missed", "missed"),
        (Finding("ready", "s", 6.0, most=5), "missed", "not_claimed"),
        (Finding("ready", "s", 4.0, most=5), "met", "met"),
        (Finding("ready", "s", None, most=5), "missed", "not_claimed"),
        (Finding("promised", "facts", 0, least=1), "missed", "missed"),
        (Finding("kills", "times", 3), "no_goal", "no_goal"),
    ],
)
def test_a_count_is_judged_on_any_machine_and_a_time_that_was_missed_on_a_quiet_one_only(
    finding: Finding, quiet: str, loaded: str
):
    assert (finding.verdict(loaded=False), finding.verdict(loaded=True)) == (quiet, loaded)


def test_faults_are_chosen_by_number_or_name():
    assert {fault.number for fault in chosen(["F1"])} == {"F1"} and len(chosen([])) == len(FAULTS)
    assert [fault.name for fault in chosen(["hub_killed"])] == ["hub_killed"]
    with pytest.raises(RefusedInput) as caught:
        chosen(["F99"])
    assert caught.value.key == "unknown_fault"


QUIET, BUSY = (0.5, 0.7), (0.5, 4.0)
HELD = Outcome("hub_killed", [Finding("lost", "facts", 0, most=0), Finding("ready", "s", 6.25, most=5)], "", 9, BUSY)
ABSENT = Outcome("vehicle_killed", (), "no disk")


def test_the_page_tells_every_fault_and_says_plainly_which_was_not_run():
    machine = {
        "day": "2026-11-22", "system": "Linux", "processor": "x", "cores": 2, "memory_mb": 8000, "python": "3.11",
        "sqlite": "3.40", "seed": 1,
    }  # fmt: skip
    told = page([HELD, ABSENT], machine)
    assert all(f"## {fault.number}. " in told for fault in FAULTS)
    assert "| promised and lost (facts) | 0 | 0 | yes |" in told
    assert "| until the hub was ready, slowest (s) | 6.25 | ≤ 5 | not claimed |" in told
    assert "cannot be made here: no disk" in told and told.count("Not run.") == len(FAULTS) - 2


def test_on_a_quiet_machine_the_same_time_is_missed():
    assert not HELD.missed() and [one.name for one in replace(HELD, load=QUIET).missed()] == ["ready"]


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path):
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in (HELD, ABSENT)))
    began: list[str] = []
    outcomes = play_all(
        chosen(["F1"]), full=False, seed=1, said=lambda fault, done, of: began.append(fault.name), kept=kept
    )
    assert outcomes[0].missed() == HELD.missed() and outcomes[1].not_run == "no disk" and not began
