"""`aboard log verify | export`: check the chain of a log; write it out as JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from aboard.front.language import spoken
from casebook.errors import RefusedInput
from casebook.words import say

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
LogFile = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]


def find_book(path: Path) -> Path:
    """The log itself, or the book of a drill's or hub's folder. Raises RefusedInput when there is none."""
    file = path / "book.sqlite" if path.is_dir() else path
    if not file.is_file():
        raise RefusedInput("log_absent", file=str(path))
    return file


@app.command()
def verify(file: LogFile) -> None:
    """Walk the chain; the first entry that does not fit is named and the exit code is 1."""
    from casebook.log import verify as walk
    from casebook.sqlite_log import SqliteLog

    log = SqliteLog(find_book(file), make=False)
    try:
        count, head = walk(log.read())
    finally:
        log.close()
    typer.echo(say("front.log.whole", spoken(), count=count, head=head))


@app.command()
def export(file: LogFile) -> None:
    """Every entry as one JSON line on standard output, in order."""
    from casebook.sqlite_log import SqliteLog

    log = SqliteLog(find_book(file), make=False)
    try:
        for entry in log.read():
            sys.stdout.write(msgspec.json.encode(entry, order="sorted").decode() + "\n")
    finally:
        log.close()
