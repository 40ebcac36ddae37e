"""``aboard score NAME``: a clinical score for one case (``--set field=value``) or for a file of cases (``--csv``).

Reads columns by the names of the score's inputs, appends the answers; every other column is passed through. The scoring
itself is `casebook/scores`; refusals carry file, line and column and become exit code 2 at the front door.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from aboard.front.language import spoken
from casebook.errors import RefusedInput
from casebook.scores import ScoreResult, Table, get_table
from casebook.scores import score as score_case
from casebook.scores.inputs import describe, shown
from casebook.words import say


def score(
    name: Annotated[str, typer.Argument(metavar="NAME", help=say("score.help_name", spoken()))],
    cases: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help=say("score.help_csv", spoken()))] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help=say("score.help_out", spoken()))] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help=say("score.help_set", spoken()))
    ] = None,
) -> None:
    """Score one case or a file of cases."""
    table = get_table(name.strip().lower().replace("-", "_"))
    if cases is None:
        _deliver(_page(table, score_case(table.score, _read_settings(given or []))), out)
    elif given:
        raise RefusedInput("score_set_and_csv")
    else:
        _deliver(score_file(table, cases), out)


def score_file(table: Table, file: Path) -> str:
    """The file's cases with the answers appended, as CSV text. A column that is already there is written anew.

    Raises RefusedInput with `file`, `line` and `column`; nothing is written unless every case could be read.
    """
    rows = _read_rows(file)
    _, header = next(rows, (1, []))
    _refuse_header(table, file, header)
    scored: list[dict[str, str]] = []
    for line, cells in rows:
        if len(cells) != len(header):
            facts = {"got": len(cells), "wanted": len(header)}
            raise RefusedInput("csv_cells", file=file.name, line=line, **facts)
        case = dict(zip(header, cells, strict=True))
        scored.append(case | _score_row(table, file, line, case))
    appended = score_case(table.score, {}).columns()  # the columns of a file without cases are there, too
    written = io.StringIO()
    writer = csv.DictWriter(written, dict.fromkeys([*header, *appended]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(scored)
    return written.getvalue()


def _score_row(table: Table, file: Path, line: int, case: dict[str, str]) -> dict[str, str]:
    try:
        return score_case(table.score, {name: case[name] for name in table.inputs if name in case}).columns()
    except RefusedInput as refusal:
        facts = {key: value for key, value in refusal.facts.items() if key != "field"}
        column = refusal.facts.get("field", "")
        raise RefusedInput(f"csv_{refusal.key}", file=file.name, line=line, column=column, **facts) from refusal


def _read_rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        raise RefusedInput("file_unreadable", file=str(file), why=failure.strerror or failure) from failure
    except UnicodeDecodeError as failure:
        line = failure.object.count(b"\n", 0, failure.start) + 1
        raise RefusedInput("csv_not_utf8", file=file.name, line=line) from failure
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as failure:
        raise RefusedInput("csv_malformed", file=file.name, line=reader.line_num, why=failure) from failure


def _refuse_header(table: Table, file: Path, header: list[str]) -> None:
    for column in header:
        if header.count(column) > 1:
            raise RefusedInput("csv_column_twice", file=file.name, line=1, column=column)
    for name, spec in table.inputs.items():
        if name not in header and not spec.optional:
            needed = ", ".join(table.inputs)
            raise RefusedInput("csv_column_missing", file=file.name, line=1, column=name, needed=needed)


def _read_settings(settings: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name in given:
            raise RefusedInput("score_bad_set", given=setting)
        given[name] = value
    return given


def _page(table: Table, result: ScoreResult) -> str:
    """One case for the eye: the answer, then each input with its points, then which table decided."""
    language = spoken()
    heads = [say(f"score.column.{head}", language) for head in ("input", "value", "points", "may_be")]
    grid = Grid(*heads, box=None, pad_edge=False)
    points = {item.get("input", item["item"]): item["item"] for item in table.rows.get("items", ())}
    for name, spec in table.inputs.items():
        got = result.points.get(points.get(name, ""))
        label = f"{name}  {say(f'score.input.{name}', language)}"
        grid.add_row(label, shown(result.inputs[name]), shown(got), describe(spec))
    outputs = "  ".join(f"{name}={value}" for name, value in result.columns().items() if name != "table" and value)
    page = Console(file=io.StringIO(), width=140, highlight=False, markup=False)
    page.print(result.said(language), grid, outputs, sep="\n")
    page.print(say("score.decided_by", language, table=result.table, evidence=result.evidence, source=table.source))
    assert isinstance(page.file, io.StringIO)
    return page.file.getvalue()


def _deliver(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as failure:
        raise RefusedInput("file_unwritable", file=str(out), why=failure.strerror or failure) from failure
