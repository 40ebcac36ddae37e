"""Each check of the doctor, on a machine that is well and on one that lacks the thing."""

from __future__ import annotations

import inspect
import json
import re
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from aboard import cli
from aboard.front import doctor
from aboard.front.tls import own_ca
from casebook.clock import JumpClock, WallClock
from casebook.words import LANGUAGES, catalogue


def verdict(finding: doctor.Finding) -> tuple[str, str]:
    return finding.state, finding.key


def test_this_machine_passes_and_every_line_speaks_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in LANGUAGES:
        monkeypatch.setenv("ABOARD_LANG", language)
        assert cli.run(["doctor", "--folder", str(tmp_path)]) == 0
        shown = capsys.readouterr().out
        assert len(shown.splitlines()) >= 11
        assert "?" not in shown, "a fact that the sentence needs was not given"


def test_every_sentence_a_check_can_say_stands_in_both_catalogues() -> None:
    source = Path(doctor.__file__).read_text()
    keys = set(re.findall(r'"((?:[a-z]+)(?:\.[a-z]+)?)"', "\n".join(re.findall(r"found\(.*|key = .*", source))))
    keys -= {"ok", "warn", "fail"}
    assert len(keys) > 20
    for language in LANGUAGES:
        assert {f"doctor.{key}" for key in keys} <= set(catalogue(language))


def test_something_that_must_be_mended_makes_the_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["doctor", "--folder", str(tmp_path / "file")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().out


def test_folder_and_port_are_those_of_the_hub() -> None:
    from aboard.front.hub import hub

    for ours, its in (("port", doctor.HUB_PORT), ("folder", doctor.HUB_FOLDER)):
        assert inspect.signature(hub).parameters[ours].default == its


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert verdict(doctor.check_port(port)) == ("warn", "port.taken")
    assert verdict(doctor.check_port(port)) == ("ok", "port")


@pytest.mark.parametrize(
    ("version", "expected"),
    [((3, 10), "python.old"), ((3, 11), "python"), ((3, 13), "python"), ((3, 14), "python.new")],
)
def test_python_version(version: tuple[int, int], expected: str) -> None:
    assert doctor.check_python(version).key == expected


def test_a_missing_package_is_named_and_one_of_an_extra_is_not_missed() -> None:
    finding = doctor.check_packages(["typer>=0.15", "no-such-package>=1", 'no-such-extra; extra == "dev"'])
    assert verdict(finding) == ("fail", "packages.missing")
    assert finding.facts["names"] == "no-such-package"


def test_browser_libraries_are_compared_by_version(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"preact": "11.2.0", "htm": "3.1.1"}}))
    for name, version in {"preact": "11.2.0", "htm": "3.0.0"}.items():
        (tmp_path / "node_modules" / name).mkdir(parents=True)
        (tmp_path / "node_modules" / name / "package.json").write_text(json.dumps({"version": version}))
    finding = doctor.check_browser_libraries(tmp_path)
    assert (finding.state, finding.facts["names"]) == ("fail", "htm")


def test_a_folder_that_takes_a_flushed_log_is_left_as_it_was(tmp_path: Path) -> None:
    assert verdict(doctor.check_store(tmp_path)) == ("ok", "store")
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_not_there_yet_is_tried_where_it_would_be_made(tmp_path: Path) -> None:
    assert verdict(doctor.check_store(tmp_path / "not" / "yet")) == ("ok", "store")
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_inside_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert verdict(doctor.check_store(tmp_path / "file")) == ("fail", "store.unwritable")


@pytest.mark.parametrize(("kind", "key"), [("ext4", "files"), ("tmpfs", "files.vanishing"), ("nfs4", "files.remote")])
def test_the_deepest_mount_tells_whether_data_lasts(tmp_path: Path, kind: str, key: str) -> None:
    mounts = tmp_path / "mounts"
    spelled = str(tmp_path).replace(" ", "\\040")
    mounts.write_text(f"root / ext4 rw 0 0\ndata {spelled} {kind} rw 0 0\nelse {spelled}x tmpfs rw 0 0\n")
    assert doctor.check_file_system(tmp_path, mounts).key == key


def test_a_system_without_a_table_of_mounts_is_not_blamed(tmp_path: Path) -> None:
    assert doctor.check_file_system(tmp_path, tmp_path / "none").state == "ok"


@pytest.mark.parametrize(("free_mb", "state"), [(100, "fail"), (500, "warn"), (2000, "ok")])
def test_disk_space(free_mb: int, state: str) -> None:
    assert doctor.check_disk(free_mb).state == state


def test_old_sqlite_is_refused() -> None:
    assert doctor.check_sqlite((3, 31, 1)).state == "fail"


def test_a_certificate_is_warned_of_before_it_ends(tmp_path: Path) -> None:
    assert verdict(doctor.check_tls(tmp_path / "hub.crt", WallClock())) == ("ok", "tls.none")
    own_ca(tmp_path)
    assert verdict(doctor.check_tls(tmp_path / "hub.crt", WallClock())) == ("ok", "tls")
    for days, state in {380: "warn", 400: "fail"}.items():
        later = JumpClock(WallClock().now() + timedelta(days=days))
        assert doctor.check_tls(tmp_path / "hub.crt", later).state == state
    (tmp_path / "hub.crt").write_text("not a certificate")
    assert verdict(doctor.check_tls(tmp_path / "hub.crt", WallClock())) == ("fail", "tls.unreadable")


def test_a_machine_without_browser_or_chinese_font_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "BROWSERS_ELSEWHERE", ())
    assert verdict(doctor.check_browser(doctor.find_browser())) == ("warn", "browser.none")
    assert doctor.list_chinese_fonts() is None
    assert verdict(doctor.check_fonts(list)) == ("warn", "fonts.none")
    assert verdict(doctor.check_fonts(lambda: ["Noto Sans CJK SC"])) == ("ok", "fonts")
