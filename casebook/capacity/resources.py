"""Read what is counted in a hospital from the dated table `resources.yaml`: limits, flow and ageing of each resource.

What a count means is casebook/capacity/figures.py, what it is worth when it is old is casebook/capacity/ageing.py.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from casebook.errors import RefusedInput

TABLE = Path(__file__).parent / "resources.yaml"

# Services a hospital declares (capabilities); the vocabulary of regions, findings and decisions.
CAPABILITIES: tuple[str, ...] = (
    "trauma_centre", "ct", "theatre", "icu", "blood", "neurosurgery", "cardiothoracic", "vascular", "replantation",
    "burns", "paediatric", "obstetric", "pci", "thrombolysis", "thrombectomy", "hyperbaric", "ecmo", "helipad",
)  # fmt: skip


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a figure comes from. Marks: A two independent sources agree, B one, C unchecked, assumption ours."""

    mark: Literal["A", "B", "C", "assumption"]
    text: str


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row. `limit`, `flow`, `ageing` name the sources of `limit_s`, of inflow and occupancy, of the half-life."""

    id: str
    counts: Literal["places", "teams", "units", "patients"]
    limit_s: int
    limit: str
    inflow_per_h: float | None = None
    occupancy_min: float | None = None
    half_life_min: float | None = None
    typical_total: int | None = None
    flow: str = ""
    ageing: str = ""

    @property
    def is_load(self) -> bool:
        """It counts patients: there is nothing to be free."""
        return self.counts == "patients"

    @property
    def half_life_s(self) -> float:
        return (self.half_life_min or math.inf) * 60


class ResourceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    table: str
    valid_from: dt.date
    sources: dict[str, Evidence]
    resources: tuple[Resource, ...]

    @property
    def version(self) -> str:
        return f"{self.table}@{self.valid_from.isoformat()}"

    @cached_property
    def rows(self) -> Mapping[str, Resource]:
        return {row.id: row for row in self.resources}

    def get(self, resource: str) -> Resource:
        """Raises RefusedInput (`unknown_resource`)."""
        found = self.rows.get(resource)
        if found is None:
            raise RefusedInput("unknown_resource", resource=resource, known=", ".join(self.rows))
        return found


def load_resources(file: Path = TABLE) -> ResourceTable:
    """The table of a file. Raises RefusedInput naming the file, the row and what is wrong with it."""
    try:
        table = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), ResourceTable)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise RefusedInput("bad_field", where=file.name, field="$", why=str(wrong)) from wrong
    except msgspec.ValidationError as wrong:
        text, _, path = str(wrong).partition(" - at `")
        raise RefusedInput(
            "bad_field", where=file.name, field=path.rstrip("`").removeprefix("$.") or "$", why=text
        ) from wrong
    seen: set[str] = set()
    for row in table.resources:
        if wrong := _fault(row, table.sources, seen):
            raise RefusedInput("bad_field", where=file.name, field=f"resources.{row.id}", why=wrong)
        seen.add(row.id)
    return table


def _fault(row: Resource, sources: Mapping[str, Any], seen: set[str]) -> str:
    """What is wrong with a row, in words for whoever wrote the file; empty when nothing is."""
    if row.id in seen:
        return "stands twice"
    numbers = (row.inflow_per_h, row.occupancy_min, row.half_life_min, row.typical_total)
    named = (row.limit,) if row.is_load else (row.limit, row.flow, row.ageing)
    if unknown := [name for name in named if name not in sources]:
        return f"no such source: {', '.join(unknown)}"
    if row.is_load:
        return "patients have no inflow" if any(number is not None for number in numbers) else ""
    if any(number is None or not 0 < number < math.inf for number in (*numbers, row.limit_s)):
        return "inflow, occupancy, half-life, typical total and limit must be above 0"
    return ""


@cache
def resource_table() -> ResourceTable:
    """The table in force."""
    return load_resources()


# Resources that are counted. Limits: how old a figure may be before it is unknown [s].
AGE_LIMIT_S: dict[str, int] = {row.id: row.limit_s for row in resource_table().resources}
