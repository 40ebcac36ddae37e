"""The shape of the code: lengths, names, arrows, time, and nothing of the machine it was written on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tree import REPO, files, of_rooms, spelled

MODULE_LINES, FUNCTION_LINES = 400, 60
EMPTY_NAMES = {"utils", "util", "common", "manager", "helpers", "helper", "misc", "data", "info"}
TELLS_TIME = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
              ("time", "time_ns")}  # fmt: skip
CLOCKS = {
    "casebook/clock.py",  # the only place that asks the machine what time it is, but for
    "aboard/watching.py",  # the stamp burned into a picture is the wall's time, whatever the drill's clock shows
}
PYTHON = of_rooms(".py")
REGISTRIES = tuple(  # host names in two parts, so that this file does not name them
    first + second
    for first, second in [
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("npm", "mirror.com"),
        ("yarn", "pkg.com"),
        ("deb.", "debian.org"),
        ("tuna.", "tsinghua"),
    ]
)
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users)/[\w.]")
TEXT = {
    ".py",
    ".js",
    ".json",
    ".css",
    ".html",
    ".md",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
    ".sh",
    ".osm",
    ".csv",
    ".svg",
    "",
}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("room_file", of_rooms(".py", ".js"), ids=spelled)
def test_a_module_tells_one_story(room_file: Path) -> None:
    lines = len(room_file.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES


@pytest.mark.parametrize("module", PYTHON, ids=spelled)
def test_a_function_fits_without_much_scrolling(module: Path) -> None:
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions(module) if node.end_lineno}
    assert not {name: lines for name, lines in long.items() if lines > FUNCTION_LINES}


@pytest.mark.parametrize("module", [path for path in PYTHON if path.read_text().strip()], ids=spelled)
def test_a_module_opens_with_what_it_does(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [
        spelled(path) for path in files(".py", ".js") if path.stem in EMPTY_NAMES or path.parent.name in EMPTY_NAMES
    ]


@pytest.mark.parametrize("module", PYTHON, ids=spelled)
def test_time_comes_only_from_the_clock_handed_in(module: Path) -> None:
    asks = [
        f"line {node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in TELLS_TIME
    ]
    assert not asks or spelled(module) in CLOCKS


def test_the_arrows_run_one_way() -> None:
    """The contracts of pyproject.toml, checked by import-linter."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_imports_the_starter() -> None:
    assert not [
        spelled(path) for path in PYTHON if re.search(r"^\s*(from|import) aboard\.starter", path.read_text(), re.M)
    ]


@pytest.mark.parametrize("kind", ["registry", "machine path"])
def test_no_file_names_a_registry_or_a_path_of_one_machine(kind: str) -> None:
    found = []
    for path in files():
        if path.suffix not in TEXT:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            names = any(host in line for host in REGISTRIES) if kind == "registry" else bool(MACHINE_PATHS.search(line))
            if names:
                found.append(f"{spelled(path)}:{number}")
    assert not found


def test_shell_scripts_are_sound() -> None:
    for name, shell in {"run": "sh", ".ci/run": "bash"}.items():
        assert subprocess.run([shell, "-n", str(REPO / name)], check=False).returncode == 0
