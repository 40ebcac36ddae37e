"""One command line that opens each room.

A word stands in WORDS with where its command lives; it is imported when somebody says it, so that ``aboard --help``
loads no room. What a word does is its own module's business (aboard/front/); the exit codes are settled here.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from aboard.front.language import spoken
from casebook.errors import AlreadyHeld, CoordinationError, FeedLost, NoAnswer, RefusedInput
from casebook.words import LANGUAGES, say

WORDS = {  # word: module and attribute (a function, or a typer app with words of its own)
    "drill": "aboard.front.drill:drill",
    "replay": "aboard.front.replay:replay",
    "hub": "aboard.front.hub:hub",
    "unit": "aboard.front.unit:unit",
    "decide": "aboard.front.decide:decide",
    "distribute": "aboard.front.distribute:distribute",
    "score": "aboard.front.score:score",
    "capacity": "aboard.front.capacity:app",
    "roads": "aboard.front.roads:app",
    "log": "aboard.front.log:app",
    "media": "aboard.front.media:app",
    "bench": "aboard.front.bench:app",
    "health": "aboard.front.health:app",
    "simulate": "aboard.front.simulate:simulate",
    "doctor": "aboard.front.doctor:doctor",
}
DONE, DIFFERS, REFUSED, INTERRUPTED = 0, 1, 2, 130  # exit codes; 130 = 128 + SIGINT, as shells count it
UNDOABLE = (RefusedInput, NoAnswer, FeedLost, AlreadyHeld)  # the asked cannot be done as asked: nothing ran


class FrontDoor(TyperGroup):
    """A group of commands that imports a command only when it is called."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return [word for word, place in WORDS.items() if importlib.util.find_spec(place.split(":")[0])]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """A stand-in that knows its one-line help; the real one is opened by `resolve_command`."""
        if cmd_name not in self.list_commands(ctx):
            return None
        return TyperCommand(cmd_name, help=say(f"front.word.{cmd_name}", spoken()))

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        word, stand_in, rest = super().resolve_command(ctx, args)  # type: ignore[arg-type]
        return word, open_word(word) if word and stand_in else None, rest

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        self.help = say("front.about", spoken())
        super().format_help(ctx, formatter)  # type: ignore[arg-type]


def open_word(word: str) -> Any:
    """Import the command behind `word` and make it ready for typer."""
    module, attribute = WORDS[word].split(":")
    opened = getattr(importlib.import_module(module), attribute)
    if isinstance(opened, typer.Typer):
        command: Any = get_group(opened)
    else:
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(word)(opened)
        command = get_command(single)
    command.help = say(f"front.word.{word}", spoken())
    return command


door = typer.Typer(cls=FrontDoor, add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def _use_language(language: str | None) -> None:
    if not language:
        return
    if language[:2].lower() not in LANGUAGES:
        raise RefusedInput("unknown_language", asked=language)
    os.environ["ABOARD_LANG"] = language  # the processes that a word starts speak it too


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"aboard {importlib.metadata.version('aboard')}")
        raise typer.Exit


@door.callback()
def entrance(
    lang: Annotated[
        str | None, typer.Option(callback=_use_language, is_eager=True, metavar="zh|en", envvar="ABOARD_LANG")
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Options that stand before the word."""


def main(arguments: list[str] | None = None) -> None:
    """Run one word and leave with its exit code: 0 done, 1 a difference or a failure, 2 it cannot be done as asked."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """The exit code of one command line. Errors are told on standard error in the user's language."""
    try:
        answer = get_group(door).main(arguments, prog_name="aboard", standalone_mode=False)
        return answer if isinstance(answer, int) else DONE
    except CoordinationError as error:
        _tell(error.said(spoken()))
        return REFUSED if isinstance(error, UNDOABLE) else DIFFERS
    except typer.TyperException as misuse:
        return _misused(misuse)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the interpreter flushes it once more at exit
        return DONE
    except Exception as surprise:  # the last door: one line for the user, the rest for whoever debugs
        logging.getLogger(__name__).debug("unexpected", exc_info=True)
        if os.environ.get("ABOARD_DEBUG"):
            raise
        _tell(say("front.unexpected", spoken(), kind=type(surprise).__name__, what=surprise))
        return DIFFERS


def _misused(misuse: typer.TyperException) -> int:
    """A word, option or argument that does not exist or is missing. `misuse.message` is typer's own, in English."""
    context = getattr(misuse, "ctx", None)
    if type(misuse).__name__ == "NoArgsIsHelpError":
        typer.echo(misuse.format_message())
        return DONE
    _tell(
        say(
            "front.misused",
            spoken(),
            why=misuse.format_message(),
            command=context.command_path if context else "aboard",
        )
    )
    return REFUSED


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)
