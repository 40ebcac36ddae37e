"""The region at one glance: every hospital with what it can take, how old the word is, and how likely it still holds.

Pure, and only looked at when somebody asks: chances change with every second. One resource at one hospital is
casebook/capacity/standing.py's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from casebook.asking import Command
from casebook.capacity.resources import ResourceTable, resource_table
from casebook.capacity.standing import Standing, percent, standings
from casebook.casualty import Stage
from casebook.picture import HospitalState, Picture


class RegionOverview(Command, frozen=True):
    """The heat of capacity, for a patient who is there in `arrival_in_min`. Records nothing."""

    arrival_in_min: Annotated[int, msgspec.Meta(ge=0, le=600)] = 0


def overview_of(
    picture: Picture, now: datetime, *, arrival_in_min: int = 0, table: ResourceTable | None = None
) -> dict[str, Any]:
    """`resources`: columns that anybody has ever told, in the table's order; `hospitals`: id -> its cells, closures,
    how many are on their way, and how many were sent although it had said no.

    A cell without figures is unknown; `chance_pct` is absent where nobody can say.
    """
    table = table or resource_table()
    rows = {id: _hospital(picture, one, now, arrival_in_min, table) for id, one in sorted(picture.hospitals.items())}
    known = [name for name in table.rows if any({"at", "held"} & row["cells"][name].keys() for row in rows.values())]
    for row in rows.values():
        row["cells"] = {name: row["cells"][name] for name in known}
    return {"at": now, "resources": known, "hospitals": rows}


def _hospital(
    picture: Picture, one: HospitalState, now: datetime, arrival_in_min: int, table: ResourceTable
) -> dict[str, Any]:
    there = standings(
        one.id, one.figures, one.closures, picture.holds.values(), now, arrival_in_s=arrival_in_min * 60.0, table=table
    )
    shut = {name: closure.reason for name, closure in one.closures.items() if closure.in_force(now)}
    coming = [c for c in picture.casualties.values() if c.hospital == one.id and c.arrived_at is None]
    return {
        "cells": {name: _cell(stands) for name, stands in there.items()},
        "closures": shut,
        "inbound": sum(c.stage is not Stage.CLOSED for c in coming),
        "forced": len(one.forced),
    }


def _cell(one: Standing) -> dict[str, Any]:
    told = {
        "state": one.state, "free": one.free, "total": one.total, "in_use": one.in_use, "left": one.left,
        "held": one.held or None, "at": one.at, "by": one.by or None,
        "closed": one.closure.reason if one.closure else None,
        "chance_pct": percent(one.p_free) if one.p_free is not None else None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}
