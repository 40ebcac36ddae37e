"""Read who is called to which case from the dated table `rules/teams.yaml`.

The table says for each team its pathways and the members of level 1 and 2, and how long a pre-alert may wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import yaml

from casebook.casualty import Pathway
from casebook.errors import RefusedInput

TABLE = Path(__file__).parent / "rules" / "teams.yaml"


@dataclass(frozen=True, slots=True)
class PrealertRule:
    """Seconds of the clock; `escalate_to` is a post (hospital.post.<name>)."""

    acknowledge_within_s: int
    repeat_every_s: int
    escalate_to: str


@dataclass(frozen=True, slots=True)
class Team:
    pathways: tuple[Pathway, ...]
    levels: dict[int, tuple[str, ...]]  # level -> members (hospital.member.<name>); 1 is the full team


@dataclass(frozen=True, slots=True)
class TeamTable:
    table: str
    valid_from: str
    evidence: str
    sources: dict[str, dict[str, str]]
    prealert: PrealertRule
    teams: dict[str, Team]

    @property
    def version(self) -> str:
        return f"{self.table}@{self.valid_from}"

    def team_of(self, pathway: Pathway) -> str:
        """The team that answers a pathway."""
        return next(name for name, team in self.teams.items() if pathway in team.pathways)

    def members_of(self, team: str, level: int) -> tuple[str, ...]:
        """Raises RefusedInput (`unknown_team`) when the table has no such team at that level."""
        found = self.teams.get(team)
        if found is None or level not in found.levels:
            raise RefusedInput("unknown_team", team=team, level=level, known=", ".join(self.teams))
        return found.levels[level]


@cache
def team_table(file: Path = TABLE) -> TeamTable:
    """The table in force. Raises RefusedInput naming file and field when it does not fit."""
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        raw["valid_from"] = str(raw["valid_from"])
        return msgspec.convert(raw, TeamTable)
    except (yaml.YAMLError, msgspec.ValidationError, TypeError, KeyError) as wrong:
        raise RefusedInput("bad_field", where=file.name, field="$", why=str(wrong)) from wrong
