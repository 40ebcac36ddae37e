"""The routing benchmark as lines for people: each case with ours, its goals, the peers and how many times they take."""

from __future__ import annotations

from rich.table import Table

from aboard.bench.routing.races import Meeting, Race
from casebook.words import Language, say

HEADS = ("case", "n", "p50", "p99", "goal", "peers")


def as_table(meeting: Meeting, language: Language) -> Table:
    """One row per case. What is not known is a dash, never a zero."""
    table = Table(box=None, pad_edge=False)
    for head in HEADS:
        right = head in ("n", "p50", "p99")
        table.add_column(say(f"bench.head.{head}", language), justify="right" if right else "left", no_wrap=right)
    for race in meeting.races:
        table.add_row(*_row(race, language))
    return table


def lines(meeting: Meeting, language: Language) -> list[str]:
    """What stands around the table: the map, the gate, who agreed, and how to get the peers that are not there."""
    gate, roads = meeting.gate, meeting.roads
    told = [say("bench.routing.roads", language, **roads), say("bench.routing.gate", language, **_gate(gate))]
    if meeting.agreed:
        same = ", ".join(f"{name} {count}" for name, count in meeting.agreed.items())
        told.append(say("bench.routing.agreed", language, same=same))
    told += [say(f"bench.routing.missing.{peer}", language) for peer in meeting.missing]
    told += [say("bench.routing.broken", language, peer=peer, why=why) for peer, why in meeting.broken.items()]
    versions = ", ".join(f"{name} {version}" for name, version in meeting.versions.items())
    return [*told, say("bench.routing.versions", language, versions=versions, seed=meeting.seed)]


def _gate(gate: object) -> dict[str, object]:
    assert isinstance(gate, dict)
    listed = {"states": len(gate["states"]), "engines": ", ".join(gate["engines"])}
    return {name: value for name, value in gate.items() if name != "wrong"} | listed


def _row(race: Race, language: Language) -> tuple[str, ...]:
    unit = say(f"bench.unit.{race.unit}", language)
    name = f"{race.case} {say(f'bench.routing.case.{race.name}', language)} ({unit})"
    verdicts = race.verdicts
    goals = (f"{which} ≤ {bound:g} {_verdict(verdicts[which], language)}" for which, bound in race.at_most.items())
    peers = (_peer(race, peer, language) for peer in dict.fromkeys((*race.peers, *race.at_least)))
    return name, str(race.ours.n), number(race.ours.p50), number(race.ours.p99), "\n".join(goals), "\n".join(peers)


def _peer(race: Race, peer: str, language: Language) -> str:
    """One peer: its middle figure, how many times ours that is, and the goal; a part of it measured is said."""
    name = say(f"bench.routing.peer.{peer}", language)
    told = [name, number(race.peers.get(peer))]
    if peer in race.gains:
        told.append(f"x{race.gains[peer]:,.0f}" if race.gains[peer] >= 10 else f"x{race.gains[peer]:.1f}")
    if peer in race.at_least:
        told.append(f"≥ x{race.at_least[peer]:,.0f} {_verdict(race.verdicts[peer], language)}")
    if peer in race.parts:
        part, whole = race.parts[peer]
        told.append(say("bench.routing.part", language, part=part, whole=whole))
    return " ".join(told)


def _verdict(held: bool | None, language: Language) -> str:
    word = {True: "held", False: "missed", None: "unknown"}[held]
    return say(f"bench.routing.verdict.{word}", language)


def number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return "--"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
