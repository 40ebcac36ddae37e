"""``aboard score``: columns in, columns appended, and refusals that name file, line and column."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from aboard.cli import run
from casebook.scores import get_table, list_scores

MEWS_HEADER = "case_id,sbp_mmhg,hr_bpm,rr_bpm,temp_c,avpu"


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ABOARD_LANG", "en")


def cases(folder: Path, text: str) -> Path:
    file = folder / "cases.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert run(["score", *map(str, words)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


@pytest.mark.parametrize("name", list_scores())
def test_a_reference_file_comes_back_with_its_answers_appended(name: str, vectors: Path, tmp_path: Path):
    source, answered = vectors / f"{name}.csv", tmp_path / "answered.csv"
    assert run(["score", name, "--csv", str(source), "--out", str(answered)]) == 0
    before = list(csv.DictReader(source.open(encoding="utf-8")))
    after = list(csv.DictReader(answered.open(encoding="utf-8")))
    assert [{column: row[column] for column in before[0]} for row in after] == before
    inputs = get_table(name).inputs
    for row in after:
        for column in before[0]:
            if column.startswith("expected_"):
                assert row[column.removeprefix("expected_")] == row[column], row["case_id"]
            elif column.startswith("pts_") and column not in inputs:
                assert row[f"got_{column}"] == row[column], row["case_id"]


def test_without_out_the_table_goes_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = cases(tmp_path, f"{MEWS_HEADER}\na,120,80,12,37,A\nb,120,80,,37,A\n")
    assert run(["score", "mews", "--csv", str(file)]) == 0
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["total"], first["band"], first["got_pts_hr"], first["missing"]) == ("0", "low", "0", "")
    assert (second["total"], second["band"], second["missing"]) == ("", "incomplete", "rr_bpm")


def test_a_file_from_a_spreadsheet_reads_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = cases(tmp_path, "\ufeff" + f'{MEWS_HEADER},note\r\na,120,80,12,37,A,"two\r\nlines"\r\n\r\n')
    assert run(["score", "mews", "--csv", str(file)]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))
    assert (row["case_id"], row["note"], row["total"]) == ("a", "two\r\nlines", "0")


def test_scoring_an_answered_file_again_changes_nothing(tmp_path: Path):
    file, once, twice = cases(tmp_path, f"{MEWS_HEADER}\na,120,80,12,37,A\n"), tmp_path / "1.csv", tmp_path / "2.csv"
    assert run(["score", "mews", "--csv", str(file), "--out", str(once)]) == 0
    assert run(["score", "mews", "--csv", str(once), "--out", str(twice)]) == 0
    assert once.read_text() == twice.read_text()


def test_a_file_without_cases_still_gets_its_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["score", "mews", "--csv", str(cases(tmp_path, f"{MEWS_HEADER}\n"))]) == 0
    (header,) = capsys.readouterr().out.splitlines()
    assert header.startswith(f"{MEWS_HEADER},total,band,any_single_3,got_pts_sbp")


def test_an_age_column_is_used_where_the_file_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = cases(tmp_path, f"{MEWS_HEADER},age_years\na,120,80,12,37,A,9\n")
    assert run(["score", "mews", "--csv", str(file)]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["total"], row["band"]) == ("", "not_applicable")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("case_id,sbp,hr_bpm,rr_bpm,temp_c,avpu\n", ["line 1", "sbp_mmhg"]),
        ("", ["line 1", "sbp_mmhg"]),
        (f"{MEWS_HEADER},hr_bpm\n", ["line 1", "hr_bpm", "twice"]),
        (f"{MEWS_HEADER}\na,120,80,12,37,A\nb,120,900,12,37,A\n", ["line 3", "hr_bpm", "900", "500"]),
        (f"{MEWS_HEADER}\na,120,eighty,12,37,A\n", ["line 2", "hr_bpm", "eighty"]),
        (f"{MEWS_HEADER}\na,120,80,12,nan,A\n", ["line 2", "temp_c", "nan"]),
        (f"{MEWS_HEADER}\na,120,80,12,37,X\n", ["line 2", "avpu", "A, V, P, U"]),
        (f"{MEWS_HEADER}\na,120,80,12,37\n", ["line 2", "5 cells", "6 columns"]),
        (f"{MEWS_HEADER}\na,120,80,12,37,A,B\n", ["line 2", "7 cells"]),
        (f'{MEWS_HEADER}\na,"120"x,80,12,37,A\n', ["line 2", "malformed"]),
        (f'{MEWS_HEADER}\na,"120,80,12,37,A\n', ["line 2", "malformed"]),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_column(
    text: str, named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    said = refusal(capsys, "mews", "--csv", cases(tmp_path, text))
    assert [word for word in ["cases.csv", *named] if word not in said] == []


def test_a_contradiction_in_a_file_is_refused_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    header = ",".join(name for name in get_table("start").inputs if name != "age_years")
    said = refusal(capsys, "start", "--csv", cases(tmp_path, f"{header}\n0,1,,0,1,,1\n"))
    assert "line 2" in said and "breathing=1" in said


def test_bytes_that_are_no_utf8_are_refused_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "cases.csv"
    file.write_bytes(f"{MEWS_HEADER}\n".encode() + "甲,120,80,12,37,A\n".encode("gb18030"))
    said = refusal(capsys, "mews", "--csv", file)
    assert "line 2" in said and "UTF-8" in said


def test_a_refused_file_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = cases(tmp_path, f"{MEWS_HEADER}\na,120,900,12,37,A\n"), tmp_path / "out.csv"
    refusal(capsys, "mews", "--csv", file, "--out", out)
    assert not out.exists()


def test_files_and_scores_that_are_not_there_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "none.csv" in refusal(capsys, "mews", "--csv", tmp_path / "none.csv")
    assert "apache" in refusal(capsys, "apache")
    file = cases(tmp_path, f"{MEWS_HEADER}\n")
    assert "no/out.csv" in refusal(capsys, "mews", "--csv", file, "--out", tmp_path / "no" / "out.csv")


def test_one_case_is_scored_from_the_command_line(capsys: pytest.CaptureFixture[str]):
    sets = ["sbp_mmhg=75", "hr_bpm=132", "rr_bpm=24", "temp_c=36.0", "avpu=P"]
    assert run(["score", "mews", *(word for one in sets for word in ("--set", one))]) == 0
    said = capsys.readouterr().out
    assert "MEWS: 9, critical" in said and "mews@2001-10-01" in said


def test_one_case_with_something_missing_says_what(capsys: pytest.CaptureFixture[str]):
    assert run(["--lang", "zh", "score", "gcs", "--set", "scale=adult", "--set", "eye=4", "--set", "verbal=NT"]) == 0
    assert "不完整，缺少 语言、运动" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--set", "hr_bpm"], "FIELD=VALUE"),
        (["--set", "hr_bpm=80", "--set", "hr_bpm=90"], "hr_bpm=90"),
        (["--set", "pulse=80"], "pulse"),
        (["--set", "hr_bpm=900"], "500"),
        (["--set", "hr_bpm=80", "--csv", "cases.csv"], "--csv"),
    ],
)
def test_a_bad_setting_is_refused(words: list[str], named: str, capsys: pytest.CaptureFixture[str]):
    assert named in refusal(capsys, "mews", *words)
