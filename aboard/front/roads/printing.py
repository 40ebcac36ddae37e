"""Print and write answers: grids for people, JSON for programs, files that are whole or refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import typer

from aboard.front.roads.options import told
from casebook.errors import RefusedInput


def print_json(facts: Any, *, indent: int | None = None) -> None:
    typer.echo(json.dumps(facts, ensure_ascii=False, indent=indent))


def write_json(file: Path | None, facts: Any) -> None:
    """One JSON object in a file, and a line that says so; nothing where no file is asked for."""
    if file is not None:
        write_text(file, json.dumps(facts, ensure_ascii=False))
        typer.echo(told("written", out=file), err=True)


def write_text(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as refused:
        raise unwritable(out, refused) from refused


def unwritable(out: Path, refused: OSError) -> RefusedInput:
    return RefusedInput("roads_unwritable", file=str(out), why=refused.strerror or refused)


def print_grid(heads: list[str], rows: list[tuple[str, ...]]) -> None:
    """Columns under their heads; no heads, no line for them."""
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(*heads, box=None, pad_edge=False, show_header=bool(heads))
    for row in rows:
        grid.add_row(*row)
    page = Console(file=io.StringIO(), width=140, highlight=False, markup=False)
    page.print(grid)
    assert isinstance(page.file, io.StringIO)
    typer.echo(page.file.getvalue(), nl=False)


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def km(metres: float) -> str:
    return f"{metres / 1000:.1f}"
