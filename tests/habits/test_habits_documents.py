"""Documents are tested: what they tell people to type exists, and every setting is written down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from tree import REPO, files, spelled

from aboard.cli import WORDS, FrontDoor, open_word

DOCUMENTS = [path for path in files(".md") if path.name != "CHANGELOG.md"]
SETTING = re.compile(r"\bABOARD_[A-Z][A-Z_]*[A-Z]\b")


def typed(document: Path) -> list[list[str]]:
    """The command lines of a document's code blocks that begin with ./run or aboard, as words, without comments."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = (re.sub(r"\s#.*|^\$ ", "", line).strip() for block in blocks for line in block.splitlines())
    return [line.split() for line in lines if re.match(r"(\./run|aboard)(\s|$)", line)]


def words_that_exist() -> set[str]:
    return set(FrontDoor().list_commands(typer.Context(FrontDoor())))  # type: ignore[arg-type]


@pytest.mark.parametrize("document", DOCUMENTS, ids=spelled)
def test_every_command_in_a_document_exists(document: Path) -> None:
    for line in typed(document):
        words = [word for word in line[1:] if not word.startswith("[")]
        if not words or words[0].startswith("-") or (line[0] == "./run" and words[0] == "test"):
            continue
        assert words[0] in words_that_exist(), " ".join(line)
        check_options(words, " ".join(line))


def check_options(words: list[str], line: str) -> None:
    """Options of the command (or of the sub-command that the second word names) are ones that it takes."""
    command = open_word(words[0])
    if hasattr(command, "commands"):
        assert len(words) < 2 or words[1].startswith("-") or words[1] in command.commands, line
        command = command.commands[words[1]] if len(words) > 1 and words[1] in command.commands else command
    taken = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}
    assert given <= taken, line


def test_the_two_commands_of_the_readme_are_there() -> None:
    readme = REPO / "README.md"
    if not readme.read_text(encoding="utf-8").strip():
        pytest.skip("the README is not written yet")
    lines = [" ".join(line) for line in typed(readme)]
    assert "./run" in lines and "./run test" in lines


def test_every_word_has_its_line_of_help_in_both_languages() -> None:
    from casebook.words import LANGUAGES, catalogue

    for language in LANGUAGES:
        assert {f"front.word.{word}" for word in WORDS} <= set(catalogue(language))


def test_every_setting_in_the_code_is_documented_and_every_documented_one_is_in_the_code() -> None:
    code = [path for path in files() if path.suffix in {".py", ".js", ".toml"} or path.name == "run"]
    used = {name for path in code for name in SETTING.findall(path.read_text(encoding="utf-8", errors="replace"))}
    documented = set(SETTING.findall((REPO / "docs" / "settings.md").read_text(encoding="utf-8")))
    assert used == documented


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (document.parent / target).exists():
                dead.append(f"{spelled(document)}: {target}")
    assert not dead
