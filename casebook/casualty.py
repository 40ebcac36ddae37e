"""Words for a casualty: who (as little as possible), how urgent, what is wrong, what is needed.

Identity (name, document) is not here: a casualty is a reference, the person lives apart from the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Category(StrEnum):
    """Triage colour at the scene. China and most of the world: red first, then yellow, green; black dead or dying.

    Grey (expectant) belongs to SALT only. Not the four-level scale of the hospital door.
    """

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    GREY = "grey"
    BLACK = "black"


class Pathway(StrEnum):
    """Which door of the hospital the case goes through."""

    TRAUMA = "trauma"
    STROKE = "stroke"
    STEMI = "stemi"
    BURNS = "burns"
    PAEDIATRIC = "paediatric"
    OBSTETRIC = "obstetric"
    HAND = "hand"
    POISONING = "poisoning"
    GENERAL = "general"


class Stage(StrEnum):
    """Where a casualty is between being found and being handed over."""

    FOUND = "found"
    TRIAGED = "triaged"
    DESTINED = "destined"
    ABOARD = "aboard"  # 上车即入院: from here the receiving hospital works on the case
    ARRIVED = "arrived"
    HANDING_OVER = "handing_over"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"


OVER = (Stage.HANDED_OVER, Stage.CLOSED)  # stages that no step leads out of


@dataclass(frozen=True, slots=True)
class Findings:
    """What the crew found, in the order of ATMIST. Empty means not stated, never "nothing found".

    `concern` is the headline ("haemorrhagic shock, pelvis"), `ask` what the crew wants ready ("trauma team, blood").
    `scores`: name of a score (casebook/scores) -> its value. `last_known_well`: not when the patient was found.
    `field_triage`: "red" or "yellow" where the field triage of injured patients said so.
    `needs` are capabilities the destination must have (see casebook/capacity.py), `wants` those that help.
    """

    mechanism: str = ""
    injuries: tuple[str, ...] = ()
    signs: str = ""
    treatments: tuple[str, ...] = ()
    concern: str = ""
    ask: tuple[str, ...] = ()
    pathway: Pathway = Pathway.GENERAL
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    airway_unmanageable: bool = False
    in_arrest: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    last_known_well: datetime | None = None
    field_triage: str = ""
    pregnancy_weeks: float | None = None
