"""The fixed parts of a helicopter mission: the shipped figures, an operator's own in their place.

Figures with their sources stand in tables/figures.json. What a base or a pad states for itself goes before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from casebook.errors import RefusedInput
from routing.air.spread import Mark, Spread, spread_of
from routing.air.tables import table

FIGURES: Mapping[str, Spread] = {name: Spread(**row) for name, row in table("figures")["figures"].items()}
APPROVALS: Mapping[str, Spread] = {name: Spread(**row) for name, row in table("figures")["approval"].items()}
#: Patient, attendants and kit where nobody has stated their weight.
ASSUMED_LOAD_KG = float(table("figures")["load_kg"]["value"])


@dataclass(frozen=True, slots=True)
class AirTimes:
    """Likely seconds of each part. Defaults for an operator that has measured nothing yet (tables/figures.json).

    `own`: whole spreads that an operator has measured, by field; set by `air_times_of`.
    """

    alarm_to_takeoff_s: float = FIGURES["alarm_to_takeoff"].p50_s
    on_standby_takeoff_s: float = FIGURES["standby_takeoff"].p50_s
    night_extra_s: float = FIGURES["night_extra"].p50_s
    climb_s: float = FIGURES["climb"].p50_s
    approach_landing_s: float = FIGURES["approach_landing"].p50_s
    loading_s: float = FIGURES["loading"].p50_s
    unloading_s: float = FIGURES["unloading"].p50_s
    pad_to_ed_s: float = FIGURES["pad_to_ed"].p50_s
    pad_to_ed_by_ambulance_s: float = FIGURES["pad_to_ed_by_ambulance"].p50_s
    transfer_s: float = FIGURES["transfer"].p50_s
    hoist_s: float = FIGURES["hoist"].p50_s
    own: Mapping[str, Spread] = field(default_factory=dict[str, Spread])

    def __post_init__(self) -> None:
        for name in FIELDS.values():
            if not getattr(self, name) >= 0:
                raise RefusedInput("bad_field", where="air_times", field=name, why=f"{getattr(self, name)} < 0")

    def spread(self, figure: str) -> Spread:
        """The figure with its range. A number put in place of the shipped one keeps the shipped range's ratio."""
        name = FIELDS[figure]
        return self.own.get(name) or FIGURES[figure].moved_to(getattr(self, name))

    def own_spread(self, figure: str, p50_s: float | None, mark: Mark = "given") -> Spread:
        """What a place states for itself in the figure's range; the figure where it states nothing."""
        return self.spread(figure) if p50_s is None else FIGURES[figure].moved_to(p50_s, mark)


#: Figure -> the field that holds it.
FIELDS: Mapping[str, str] = {name: f"{name}_s" for name in FIGURES} | {"standby_takeoff": "on_standby_takeoff_s"}


def air_times_of(told: Mapping[str, float | Mapping[str, Any]]) -> AirTimes:
    """An operator's figures by field: one number, or p10_s, p50_s, p90_s, mark, ends, source. Raises RefusedInput."""
    own = {name: spread_of(value) for name, value in told.items() if isinstance(value, Mapping)}
    numbers = {name: float(value) for name, value in told.items() if not isinstance(value, Mapping)}
    likely = {name: spread.p50_s for name, spread in own.items()}
    return AirTimes(**numbers, **likely, own=own)
