"""The tables of allowed steps say everything: what is in them is allowed, what is not is refused."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest
from casebook_tales import HERE

from casebook import events as e
from casebook.casualty import Category, Stage
from casebook.errors import IllegalStep
from casebook.steps import TABLES, Affair, Duty, Prealert, Task, as_mermaid, as_page, next_stage

STAGES: dict[str, type[StrEnum]] = {
    "incident": Affair, "unit": Duty, "casualty": Stage, "prealert": Prealert, "task": Task,
}  # fmt: skip
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "steps.md"
FIRST = {
    "incident": Affair.OPEN, "unit": Duty.AVAILABLE, "casualty": Stage.FOUND, "prealert": Prealert.NONE,
    "task": Task.OPEN,
}  # fmt: skip


def test_every_table_speaks_of_stages_and_facts_that_exist():
    for entity, table in TABLES.items():
        for (before, fact), after in table.items():
            assert isinstance(before, STAGES[entity]) and isinstance(after, STAGES[entity])
            assert e.FACTS[fact.name] is fact


@pytest.mark.parametrize("entity", TABLES)
def test_every_stage_can_be_reached(entity):
    reached = {FIRST[entity]}
    for _ in STAGES[entity]:
        reached |= {after for (before, _), after in TABLES[entity].items() if before in reached}
    assert reached == set(STAGES[entity])


def test_what_is_not_in_the_table_is_refused_by_name_and_stage():
    facts = {fact for table in TABLES.values() for _, fact in table}
    for entity, table in TABLES.items():
        for stage in STAGES[entity]:
            for fact in facts:
                one = _bare(fact)
                if (stage, fact) in table:
                    assert next_stage(entity, "x", stage, one) is table[(stage, fact)]
                    continue
                with pytest.raises(IllegalStep) as caught:
                    next_stage(entity, "x", stage, one)
                assert caught.value.facts == {"what": fact.name, "entity": entity, "id": "x", "stage": str(stage)}


def _bare(fact: type[e.Event]) -> e.Event:
    """An instance for its type alone; the table looks at nothing else."""
    return object.__new__(fact)


def test_a_case_that_is_handed_over_or_closed_stays_so():
    for stage in (Stage.HANDED_OVER, Stage.CLOSED):
        assert not [fact for before, fact in TABLES["casualty"] if before is stage]


def test_a_unit_can_be_stood_down_from_every_stage_of_a_mission():
    stages = {before for before, fact in TABLES["unit"] if fact is e.UnitStoodDown}
    assert stages == set(Duty) - {Duty.AVAILABLE}


def test_the_drawing_shows_every_step_once_and_is_the_same_every_time():
    for entity, table in TABLES.items():
        drawn = as_mermaid(entity).splitlines()
        assert len(drawn) == len(set(drawn)) == len({(a, fact.name, b) for (a, fact), b in table.items()}) + 1
        assert as_mermaid(entity) == as_mermaid(entity)
        assert as_mermaid(entity) in as_page()


def test_the_document_is_drawn_from_the_tables():
    if not DOCUMENT.exists():
        pytest.skip("docs/steps.md is not there")
    assert DOCUMENT.read_text(encoding="utf-8") == as_page()


def test_a_category_and_a_place_are_what_facts_carry():
    fact = e.CasualtyTriaged("I1-A", "start", Category.RED, "crew")
    assert e.encode(fact)["category"] == "red"
    opened = e.IncidentOpened("I1", HERE, "traffic", 1, "120", "")
    assert e.decode("incident_opened", e.encode(opened)) == opened
