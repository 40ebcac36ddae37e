"""`aboard log verify | export | ledger | import | restore`: check a log, write it out, bring it into an empty store.

A log is a file, the folder of a drill or hub, an export, or a PostgreSQL URL; what holds together and what may be taken
over is decided in casebook/store.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aboard.front.language import spoken
from casebook.errors import RefusedInput
from casebook.log import Checkpoint, Entry
from casebook.words import say

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
EXPORT = ".jsonl"


def _told(key: str) -> str:
    return say(f"front.log.option.{key}", spoken())


Source = Annotated[str, typer.Argument(metavar="LOG", show_default=False)]
Target = Annotated[str, typer.Argument(metavar="STORE", show_default=False)]
Until = Annotated[str, typer.Option(help=_told("until"), show_default=False)]
Through = Annotated[int | None, typer.Option(help=_told("through"), min=0)]
Key = Annotated[Path | None, typer.Option(help=_told("key"))]
Witness = Annotated[Path | None, typer.Option(help=_told("witness"))]


@dataclass(frozen=True, slots=True)
class Told:
    """What a log holds, unchecked, and the folder where its key and its witness may lie."""

    entries: Sequence[Entry]
    checkpoints: Sequence[Checkpoint]
    folder: Path | None


def find_book(path: Path) -> Path:
    """The log itself, or the book of a drill's or hub's folder. Raises RefusedInput when there is none."""
    candidates = [path / "book.sqlite", path / "hub" / "book.sqlite"] if path.is_dir() else [path]
    file = next((one for one in candidates if one.is_file()), None)
    if file is None:
        raise RefusedInput("log_absent", file=str(candidates[0]))
    return file


def read_log(where: str) -> Told:
    """Everything that stands in a log, of whatever kind it is. Raises RefusedInput, FeedLost."""
    from casebook.store.exports import read_export
    from casebook.store.opening import is_server, open_log

    file = None if is_server(where) else find_book(Path(where))
    if file is not None and file.suffix == EXPORT:
        return Told(*read_export(file), file.parent)
    log = open_log(where if file is None else str(file), make=False)
    try:
        marks = log.checkpoints()  # first: a hub may be writing, and what was signed later than we read is not missing
        return Told(list(log.read()), marks, file.parent if file is not None else None)
    finally:
        log.close()


@app.command()
def verify(log: Source, key: Key = None, witness: Witness = None) -> None:
    """Walk chain and checkpoints; the first entry that does not fit is named and the exit code is 1."""
    from casebook.store.seals import TRUSTED, WITNESS, checked, read_trusted, read_witness

    beside = None if "://" in log else find_book(Path(log)).parent
    vouched, seen = _there(key, beside, TRUSTED), _there(witness, beside, WITNESS)
    witnessed = read_witness(seen) if seen else []
    told = read_log(log)
    marks = [*told.checkpoints, *witnessed]
    for _ in checked(told.entries, marks, read_trusted(vouched) if vouched else None):
        pass
    count, head = len(told.entries), told.entries[-1].hash if told.entries else "-"
    typer.echo(say("front.log.whole", spoken(), count=count, head=head))
    if not marks:
        typer.echo(say("front.log.unsealed", spoken()))
        return
    known = say(f"front.log.sealed.{'trusted' if vouched else 'unknown'}", spoken(), file=vouched)
    through = max(mark.seq for mark in marks)
    different = len({mark.signature for mark in marks})
    typer.echo(say("front.log.sealed", spoken(), seq=through, count=count, marks=different, known=known))


def _there(given: Path | None, folder: Path | None, name: str) -> Path | None:
    """The file that was named, else the one that lies beside the log."""
    if given is not None:
        if not given.is_file():
            raise RefusedInput("log_absent", file=str(given))
        return given
    beside = folder / name if folder is not None else None
    return beside if beside is not None and beside.is_file() else None


@app.command()
def export(log: Source, until: Until = "", through: Through = None) -> None:
    """Every entry as one JSON line on standard output, in order, then the checkpoints."""
    from casebook.store.exports import lines_of

    entries, marks = _cut(read_log(log), until, through)
    for line in lines_of(entries, marks):
        sys.stdout.write(line)


@app.command()
def ledger(
    log: Source,
    unit: Annotated[str, typer.Option(help=_told("unit"), show_default=False)] = "",
    incident: Annotated[str, typer.Option(help=_told("incident"), show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help=_told("json"))] = False,
) -> None:
    """What became of every vital sample, by casualty and vehicle; exit code 1 when one is lost for certain."""
    from aboard.front.log_ledger import as_table, as_view
    from casebook.ledger import ledger as ledger_of

    told = ledger_of(read_log(log).entries)
    lines = [one for one in told if unit in ("", one.unit) and incident in ("", one.incident)]
    if as_json:
        typer.echo(as_view(lines))
    else:
        as_table(lines, spoken())
    if any(line.counted and line.counted.lost for line in lines):
        raise typer.Exit(1)


@app.command("import")
def import_(export: Source, store: Target) -> None:
    """Take an exported log over into an empty store."""
    _restore(export, store, "", None)


@app.command()
def restore(log: Source, store: Target, until: Until = "", through: Through = None) -> None:
    """Bring a log, whole or as it was at a point in time, into an empty store."""
    _restore(log, store, until, through)


def _restore(source: str, store: str, until: str, through: int | None) -> None:
    from casebook.store.opening import is_server, open_log
    from casebook.store.restoring import restore
    from casebook.store.seals import TRUSTED, checked, read_trusted, trust

    told = read_log(source)
    vouched = _there(None, told.folder, TRUSTED)
    trusted = read_trusted(vouched) if vouched else None
    for _ in checked(told.entries, told.checkpoints, trusted):  # the whole source, also where a part of it is wanted
        pass
    target = store if is_server(store) else str(_file_for(Path(store)))
    log = open_log(target)
    try:
        done = restore(*_cut(told, until, through), log)
    finally:
        log.close()
    if trusted and not is_server(target):
        trust(Path(target).parent / TRUSTED, trusted)  # who signed it in its old place did so rightly
    typer.echo(say("front.log.restored", spoken(), count=done.count, store=_shown(target), head=done.head))
    typer.echo(say("front.log.fold", spoken(), fold=done.fold))


def _cut(told: Told, until: str, through: int | None) -> tuple[list[Entry], list[Checkpoint]]:
    from casebook.store.exports import Until as Cut
    from casebook.store.exports import read_instant

    cut = Cut(through, read_instant(until) if until else None)
    entries = list(cut.cut(told.entries))
    return entries, [mark for mark in told.checkpoints if mark.seq <= len(entries)]


def _file_for(path: Path) -> Path:
    """A folder stands for the book in it."""
    return path if path.suffix else path / "book.sqlite"


def _shown(target: str) -> str:
    """Without what may be a password."""
    from urllib.parse import urlsplit

    return (urlsplit(target).hostname or "postgresql") if "://" in target else target
