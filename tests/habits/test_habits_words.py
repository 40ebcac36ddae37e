"""Words: both languages say the same things, every key that code says exists, and no screen writes a literal."""

from __future__ import annotations

import ast
import json
import re
import string
from pathlib import Path

import pytest
from html_templates import literal_text, templates, without_comments
from tree import REPO, of_rooms, spelled

from casebook import errors
from casebook.words import LANGUAGES, Language, catalogue

CHINESE = re.compile(r"[\u3400-\u9fff]")
MEANT_IN_BOTH = {"drill.mark", "language.other"}  # the mark of a drill, and the switch that names the other language
WORDS = REPO / "casebook" / "words"
SCREENS = of_rooms(".js")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def facts(language: Language) -> dict[str, set[str]]:
    """The placeholders of every sentence; what is given in both languages (`site_zh`, `site_en`) is one fact."""
    return {
        key: {name.removesuffix(f"_{language}") for name in placeholders(sentence)}
        for key, sentence in catalogue(language).items()
    }


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def called(call: ast.Call) -> str:
    return (
        call.func.id
        if isinstance(call.func, ast.Name)
        else call.func.attr
        if isinstance(call.func, ast.Attribute)
        else ""
    )


def literal(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def error_classes() -> dict[str, str]:
    """Every class of the family, wherever it is defined: its name and the key it says when none is given."""
    keys = {name: kind.key for name, kind in vars(errors).items() if isinstance(kind, type) and hasattr(kind, "key")}
    for path in of_rooms(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id in keys for base in node.bases
            ):
                own = [
                    statement.value.value
                    for statement in node.body
                    if isinstance(statement, ast.Assign)
                    and any(isinstance(target, ast.Name) and target.id == "key" for target in statement.targets)
                    and isinstance(statement.value, ast.Constant)
                ]
                base = next(base.id for base in node.bases if isinstance(base, ast.Name) and base.id in keys)
                keys[node.name] = str(own[0]) if own else keys[base]
    return keys


def test_both_languages_have_the_same_files_and_keys() -> None:
    names = {language: {file.name for file in (WORDS / language).glob("*.json")} for language in LANGUAGES}
    assert names["zh"] == names["en"]
    for name in sorted(names["en"]):
        zh, en = (set(json.loads((WORDS / language / name).read_text(encoding="utf-8"))) for language in LANGUAGES)
        assert zh == en, f"{name}: only in one language: {sorted(zh ^ en)}"


def test_both_languages_have_the_same_placeholders() -> None:
    zh, en = facts("zh"), facts("en")
    assert not {key: (zh[key], en[key]) for key in zh.keys() & en.keys() if zh[key] != en[key]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty(language) -> None:
    assert not [key for key, sentence in catalogue(language).items() if not sentence.strip()]


def test_english_sentences_are_english() -> None:
    said = {key: sentence for key, sentence in catalogue("en").items() if CHINESE.search(sentence)}
    assert not said.keys() - MEANT_IN_BOTH


def test_every_key_said_in_python_exists() -> None:
    missing = [
        f"{spelled(path)}:{call.lineno} {literal(call)}"
        for path in of_rooms(".py")
        for call in calls(path)
        if called(call) == "say" and literal(call) is not None and literal(call) not in catalogue("en")
    ]
    assert not missing


def faults(call: ast.Call, said: str | None) -> str | None:
    """What is wrong with raising an error in this way; `said` is the key that its class says when none is given."""
    given = {word.arg for word in call.keywords}
    key = literal(call) or (None if call.args else said)
    if given & {"key", "language"}:
        return "a fact may be called neither key nor language"
    if key is None:
        return None
    sentence = catalogue("en").get(f"error.{key}")
    if sentence is None:
        return f"error.{key} is in no catalogue"
    lacking = set() if None in given else placeholders(sentence) - given  # None: facts are handed on with **
    return f"error.{key} lacks {', '.join(lacking)}" if lacking else None


def test_every_error_has_its_sentence_and_gives_it_every_fact() -> None:
    keys = error_classes()
    wrong = [
        f"{spelled(path)}:{call.lineno}: {fault}"
        for path in of_rooms(".py")
        for call in calls(path)
        if called(call) in keys and (fault := faults(call, keys[called(call)]))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("screen", SCREENS, ids=spelled)
def test_every_key_said_on_a_screen_exists(screen: Path) -> None:
    said = re.findall(r"\bsay\(\s*(['\"`])([\w.-]+)\1", without_comments(screen.read_text(encoding="utf-8")))
    assert not [key for _, key in said if key not in catalogue("en")]


@pytest.mark.parametrize("screen", SCREENS, ids=spelled)
def test_no_screen_writes_a_literal(screen: Path) -> None:
    source = screen.read_text(encoding="utf-8")
    assert not [text for template in templates(source) for text in literal_text(template)]
    assert not CHINESE.findall(without_comments(source)), "Chinese words belong into the catalogue"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("html`<p>${say('a.b')}</p>`", []),
        ('html`<p class="wide">12:30 · ${x}%</p>`', []),
        ("html`<p>Hello ${name}</p>`", ["Hello"]),
        ("html`<ul>${rows.map((row) => html`<li>${row}年</li>`)}</ul>`", ["年"]),
        ("html`<button title=\"Close\">${x ? '}' : `b`}</button>`", ["Close"]),
        ("html`<input aria-label=${say('x')} placeholder='Name' />`", ["Name"]),
        ("css`p { color: red }`; html`<b>${'`'}</b>` // html`<p>not this</p>`", []),
    ],
)
def test_literals_are_found_where_they_are(code: str, text: list[str]) -> None:
    assert [piece for template in templates(code) for piece in literal_text(template)] == text
