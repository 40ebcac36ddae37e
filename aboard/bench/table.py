"""A result as lines for people: what was measured, beside which peers, and whether that is what was asked for."""

from __future__ import annotations

from rich.table import Table

from aboard.bench.figures import Case, Result
from casebook.words import Language, say

HEADS = ("case", "n", "p50", "p99", "goal", "met", "peers")


def as_table(result: Result, language: Language) -> Table:
    """One row per case. What is not known is a dash, never a zero."""
    table = Table(box=None, pad_edge=False)
    for head in HEADS:
        right = head in ("n", "p50", "p99")
        table.add_column(say(f"bench.head.{head}", language), justify="right" if right else "left", no_wrap=right)
    for case in result.cases:
        *told, peers = cells(case, language, loaded=result.loaded)
        table.add_row(*told, "\n".join(peers))
    return table


def cells(case: Case, language: Language, *, loaded: bool) -> tuple[str, str, str, str, str, str, list[str]]:
    """What stands under each of `HEADS`; the peers one by one."""
    name = f"{say(f'bench.case.{case.name}', language)} ({say(f'bench.unit.{case.unit}', language)})"
    goal = " ".join(f"{which} ≤ {bound:g}" for which, bound in case.goal.items())
    met = say(f"bench.met.{_verdict(case, loaded)}", language)
    peers = [_peer(case, base, language) for base in dict.fromkeys(map(_base, case.peers))]
    return name, str(case.ours.n), _number(case.ours.p50), _number(case.ours.p99), goal, met, peers


def _verdict(case: Case, loaded: bool) -> str:
    if not case.goal:
        return "none"
    return {True: "yes", False: "no", None: "loaded"}[case.met(loaded=loaded)]


def _base(peer: str) -> str:
    return peer.removesuffix("_p50").removesuffix("_p99")


def _peer(case: Case, base: str, language: Language) -> str:
    """One peer: its name, its figures, and behind each how many times as much ours is."""
    figures = (_with_ratio(case, peer) for peer in case.peers if _base(peer) == base)
    return f"{say(f'bench.peer.{base}', language)} {' / '.join(figures)}"


def _with_ratio(case: Case, peer: str) -> str:
    told = _number(case.peers[peer])
    return f"{told} (x{case.ratios[peer]:.2f})" if peer in case.ratios else told


def _number(value: float | None) -> str:
    """One decimal; of what is less than ten, three figures."""
    if value is None:
        return "--"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
