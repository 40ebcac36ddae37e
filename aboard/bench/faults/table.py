"""The faults by their numbers in the fault table, in the order in which they are played.

F16 and F17, of media and of access, are not among them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aboard.bench.faults.finding import Finding
from aboard.bench.faults.world import World
from casebook.errors import RefusedInput

Play = Callable[[World], Coroutine[Any, Any, Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`place`: module and function of this folder that plays it."""

    number: str
    name: str
    place: str

    @property
    def play(self) -> Play:
        module, _, function = self.place.partition(":")
        return getattr(importlib.import_module(f"aboard.bench.faults.{module}"), function)


FAULTS = (
    Fault("F1", "hub_killed", "kills:hub_killed"),
    Fault("F1", "vehicle_killed", "kills:vehicle_killed"),
    Fault("F2", "power_cut", "power:power_cut"),
    Fault("F3", "bus_killed", "buses:bus_killed"),
    Fault("F4", "bus_failover", "buses:bus_failover"),
    Fault("F5", "bus_cut", "buses:bus_cut"),
    Fault("F6", "database_stopped", "stores:database_stopped"),
    Fault("F7", "hub_disk_full", "stores:hub_disk_full"),
    Fault("F7", "vehicle_disk_full", "stores:vehicle_disk_full"),
    Fault("F8", "log_damaged", "damage:log_damaged"),
    Fault("F8", "outbox_damaged", "damage:outbox_damaged"),
    Fault("F9", "clocks_jump", "clocks:clocks_jump"),
    Fault("F10", "long_away", "lines:long_away"),
    Fault("F11", "rows_mangled", "doubles:rows_mangled"),
    Fault("F12", "vehicle_cloned", "doubles:vehicle_cloned"),
    Fault("F13", "board_stopped", "crowds:board_stopped"),
    Fault("F14", "storm", "storm:storm"),
    Fault("F15", "last_bay", "doubles:last_bay"),
    Fault("F18", "doors_tortured", "torture:doors_tortured"),
    Fault("F19", "line_dead", "lines:line_dead"),
    Fault("F20", "rolling_restart", "rolling:rolling_restart"),
    Fault("F21", "log_edited", "damage:log_edited"),
    Fault("F22", "hub_stalled", "starved:hub_stalled"),
    Fault("F23", "descriptors_gone", "starved:descriptors_gone"),
    Fault("F23", "memory_gone", "starved:memory_gone"),
    Fault("F24", "log_restored", "clocks:log_restored"),
)


def chosen(words: Iterable[str]) -> list[Fault]:
    """The faults that are named by number or name; all where none is. Raises RefusedInput (`unknown_fault`)."""
    wanted = {word.strip() for word in words if word.strip()}
    known = {fault.number for fault in FAULTS} | {fault.name for fault in FAULTS}
    if strange := sorted(wanted - known):
        raise RefusedInput("unknown_fault", asked=", ".join(strange), known=", ".join(fault.name for fault in FAULTS))
    return [fault for fault in FAULTS if not wanted or fault.number in wanted or fault.name in wanted]
