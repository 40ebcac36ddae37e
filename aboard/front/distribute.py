"""`aboard distribute FILE.json`: share out many casualties over hospitals and vehicles; file and answer have JSON
Schemas.

Exit code 1 where somebody is left without a hospital: the answer then says why, where to stabilise and whom to ask.
"""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table as Grid

from aboard.front.language import spoken
from casebook.clock import SHANGHAI
from casebook.errors import RefusedInput
from casebook.words import say

if TYPE_CHECKING:
    from dispatch.distribution.answer import Answer, Outcome
    from dispatch.distribution.ask import Ask
    from dispatch.distribution.rules import DistributionRules

PAGE_WIDTH = 140


def _told(key: str, **facts: Any) -> str:
    return say(f"distribution.{key}", spoken(), **facts)


def distribute(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", show_default=False, help=_told("help_file"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_told("help_json"))] = False,
    schema: Annotated[
        str, typer.Option("--schema", metavar="in|out", show_default=False, help=_told("help_schema"))
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", show_default=False, help=_told("help_out"))
    ] = None,
    roads: Annotated[
        Path | None, typer.Option("--roads", metavar="FILE", show_default=False, help=_told("help_roads"))
    ] = None,
    close: Annotated[
        list[str] | None, typer.Option("--close", metavar="WHERE", help=say("routing.help_close_where", spoken()))
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", show_default=False, help=_told("help_rules"))
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, max=2**31 - 1, help=_told("help_seed"))] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help=_told("help_seconds"))] = None,
    quick: Annotated[bool, typer.Option("--quick", help=_told("help_quick"))] = False,
) -> int:
    """Share out the casualties of FILE."""
    from dispatch.distribution.answer import answer_schema
    from dispatch.distribution.ask import ask_schema
    from dispatch.distribution.sharing import distribute as share_out

    if schema in ("in", "out"):
        typer.echo(json.dumps(ask_schema() if schema == "in" else answer_schema(), ensure_ascii=False, indent=2))
        return 0
    if file is None or schema:
        raise RefusedInput("distribute_what")
    table = _rules(rules, seconds)
    ask = _case(file, table, roads, close or [], seed)
    answer = share_out(ask, table, quick=quick)
    whole = msgspec.json.format(msgspec.json.encode(answer, order="sorted"), indent=2).decode()
    if out is not None:
        _write(out, whole)
    typer.echo(whole if as_json else page(answer), nl=as_json)
    return 0 if not answer.not_taken else 1


def _rules(file: Path | None, seconds: float | None) -> DistributionRules:
    from dispatch.distribution.rules import DistributionRules as Rules
    from dispatch.rule_files import default_distribution, load_rules

    table = default_distribution() if file is None else load_rules(file, Rules)
    if seconds is None:
        return table
    return msgspec.structs.replace(table, search=msgspec.structs.replace(table.search, seconds=seconds))


def _case(file: Path, table: DistributionRules, roads: Path | None, close: list[str], seed: int | None) -> Ask:
    from dispatch.distribution.reading import read_case

    ask = read_case(file, table)
    if seed is not None:
        ask = msgspec.structs.replace(ask, seed=seed)
    if roads is None:
        if close:
            raise RefusedInput("distribute_close_needs_roads")
        return ask
    from aboard.front.roads.reading import read_traffic
    from dispatch.distribution.travel import with_roads
    from routing.roads import load_roads

    roadmap = load_roads(roads)
    try:
        return with_roads(ask, roadmap, read_traffic(roadmap, close, ask.at))
    except RefusedInput as refused:
        if refused.key != "case_no_place":
            raise
        raise RefusedInput(refused.key, **{**refused.facts, "file": file.name, "line": 1}) from refused


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as failure:
        raise RefusedInput("file_unwritable", file=str(file), why=failure.strerror or failure) from failure


# --- for the eye


def page(answer: Answer) -> str:
    """The transport officer's list, the table of hospitals, those left, and what other rules would have come to."""
    page = Console(file=io.StringIO(), width=PAGE_WIDTH, highlight=False, markup=False)
    totals = msgspec.structs.asdict(answer.totals)
    page.print(_told("title", id=answer.id, **totals))
    if not answer.totals.tags:
        page.print(_told("title_wrong"))
    page.print(_told("loss", deaths=f"{answer.outcome.deaths:.2f}", care_min=_number(answer.outcome.mean_care_min),
                     red_min=_number(answer.outcome.red_care_min), redirections=answer.redirections))  # fmt: skip
    page.print(_how_good(answer))
    page.print("", _officer(answer), "", _summary(answer), "", _compared(answer), sep="\n")
    for line in _left(answer):
        page.print(line)
    page.print(_triage(answer))
    if answer.standing:
        page.print(_told("standing", hospitals=", ".join(answer.standing)))
    assert isinstance(page.file, io.StringIO)
    return page.file.getvalue()


def _how_good(answer: Answer) -> str:
    proof = answer.proof
    if not proof.rounds:
        return _told("quick")
    told = _told(
        "proven", bound=f"{proof.bound:.3f}", loss=f"{answer.outcome.loss:.3f}", gap_pct=f"{proof.gap * 100:.2f}"
    )
    return f"{told} {_told('hurried')}" if proof.hurried else told


def _grid(*columns: str) -> Grid:
    return Grid(*(_told(f"column.{name}") for name in columns), box=None, pad_edge=False)


def _officer(answer: Answer) -> Grid:
    grid = _grid("leaves", "casualty", "category", "vehicle", "trip", "hospital", "arrives", "care", "survival")
    for row in answer.rows:
        leaves = _told("under_way") if row.under_way else _clock(row.leaves_at)
        grid.add_row(leaves, row.casualty, _category(row.category), row.vehicle, str(row.trip or ""), row.hospital,
                     _clock(row.arrives_at), _clock(row.care_at), f"{row.survival * 100:.0f}")  # fmt: skip
    return grid


def _summary(answer: Answer) -> Grid:
    named = [
        c
        for c in ("red", "yellow", "green", "grey", "black", "none")
        if any(c in row for row in answer.summary.values())
    ]
    grid = Grid(_told("column.hospital"), *map(_category, named), _told("column.all"), box=None, pad_edge=False)
    for hospital, counts in answer.summary.items():
        cells = [str(counts.get(category, "")) for category in named]
        grid.add_row(_told("nowhere") if hospital == "-" else hospital, *cells, str(sum(counts.values())))
    sums = [sum(counts.get(category, 0) for counts in answer.summary.values()) for category in named]
    grid.add_row(_told("column.all"), *map(str, sums), str(sum(sums)))
    return grid


def _compared(answer: Answer) -> Grid:
    grid = _grid("rule", "deaths", "care_min", "red_min", "not_taken")
    plans: dict[str, Outcome] = {"plan": answer.outcome, **answer.compared}
    for name, one in plans.items():
        grid.add_row(_told(f"rule.{name}"), f"{one.deaths:.2f}", _number(one.mean_care_min), _number(one.red_care_min),
                     str(one.not_taken))  # fmt: skip
    return grid


def _left(answer: Answer) -> list[str]:
    lines = []
    for one in answer.not_taken:
        why = say(f"reason.{one.reason.code}", spoken(), **_words(one.reason.facts))
        line = _told("left", casualty=one.casualty, category=_category(one.category), why=why)
        line += _told("left_stabilise", hospital=one.stabilise_at) if one.stabilise_at else ""
        lines.append(line + (_told("left_ask", hospitals=", ".join(one.ask)) if one.ask else ""))
    return lines


def _words(facts: dict[str, Any]) -> dict[str, Any]:
    """Lists joined, colours in the user's language."""
    told = {
        name: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value for name, value in facts.items()
    }
    return told | ({"category": _category(told["category"])} if "category" in told else {})


def _triage(answer: Answer) -> str:
    judged = answer.triage
    return _told(
        "triage", known=judged.known, unknown=judged.unknown, under=judged.under.count, under_of=judged.under.of,
        over=judged.over.count, over_of=judged.over.of, minor=judged.over_of_minor.count,
        minor_of=judged.over_of_minor.of,
    )  # fmt: skip


def _category(category: str) -> str:
    return _told(f"category.{category}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}"
