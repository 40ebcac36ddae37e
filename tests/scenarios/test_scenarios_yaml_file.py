"""A file's mistakes are named by file, line and field, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.yaml_file import BadFile, check, parse, read

SCHEMA = {
    "type": "object",
    "required": ["name", "count"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "description": "lower case letters"},
        "count": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["a", "b"]},
        "rows": {"type": "array", "items": {"type": "object", "required": ["x"]}},
    },
}


def mistakes(text: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.field, one.why) for one in check(parse(text, "f.yaml"), SCHEMA)]


def test_a_good_file_has_no_mistakes():
    assert mistakes("name: abc\ncount: 2\nkind: a\nrows:\n  - x: 1\n") == []


def test_every_mistake_is_named_with_its_line_and_field():
    text = "name: Abc\ncount: 0\nkind: c\nextra: 1\nrows:\n  - x: 1\n  - y: 2\n"
    assert sorted(mistakes(text)) == [
        (1, "name", "pattern"),
        (2, "count", "limit"),
        (3, "kind", "enum"),
        (4, "extra", "additional"),
        (7, "rows.1.x", "required"),
    ]


def test_a_missing_field_stands_at_the_line_of_what_lacks_it():
    assert (1, "name", "required") in mistakes("count: 1\n")


def test_a_key_that_stands_twice_is_refused_at_its_second_line():
    with pytest.raises(BadFile) as refused:
        parse("name: a\ncount: 1\nname: b\n", "f.yaml")
    assert [(one.line, one.field, one.why) for one in refused.value.mistakes] == [(3, "name", "twice")]


def test_what_is_not_yaml_is_refused_where_it_breaks():
    with pytest.raises(BadFile) as refused:
        parse("name: a\nrows: [1, 2\nx: }\n", "f.yaml")
    assert refused.value.mistakes[0].why == "not_yaml"
    assert refused.value.mistakes[0].line in (2, 3)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"!!python/object:os.system {}"])
def test_empty_binary_and_unsafe_files_are_refused(tmp_path: Path, content: bytes):
    file = tmp_path / "f.yaml"
    file.write_bytes(content)
    with pytest.raises(BadFile):
        read(file)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path):
    with pytest.raises(BadFile) as refused:
        read(tmp_path / "absent.yaml")
    assert "absent.yaml" in refused.value.said("zh")


def test_times_stay_the_text_they_are():
    assert parse("at: 2021-04-18T09:30:00+08:00\n", "f").values == {"at": "2021-04-18T09:30:00+08:00"}


def test_the_refusal_says_all_of_it_in_both_languages():
    refusal = BadFile(check(parse("count: many\n", "f.yaml"), SCHEMA))
    assert "line 1" in refusal.said("en") and "第 1 行" in refusal.said("zh")
    assert refusal.said("en").count("\n") == len(refusal.mistakes)
