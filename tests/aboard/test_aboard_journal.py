"""What a process tells its operators is a line each, says where and why, and never says who."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aboard.children import Child
from aboard.journal import JsonLines, begin
from casebook.errors import RefusedInput

Tell = Callable[..., dict]
TYPED = st.text(alphabet="张三李四王小明患者电话abcdefgh ", min_size=4, max_size=30).filter(str.strip)
NUMBERS = st.from_regex(r"1[3-9][0-9]{9}|[1-9][0-9]{16}[0-9X]", fullmatch=True)
TOKENS = st.from_regex(r"[A-Za-z0-9_-]{32}", fullmatch=True)


@pytest.fixture
def loggers() -> Iterator[None]:
    """The root logger belongs to all tests of this process."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = before, level


def line_of(said: str, *facts: object, error: BaseException | None = None) -> dict:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("casebook.door", logging.ERROR, "door.py", 1, said, facts, info)
    return json.loads(JsonLines().format(record))


def raised(error: Exception) -> Exception:
    try:
        raise error
    except (RefusedInput, ValueError) as caught:
        return caught


def test_a_line_says_when_how_grave_where_and_what():
    line = line_of("vehicle %s connected", "A01")
    assert line["said"] == "vehicle A01 connected" and line["where"] == "casebook.door" and line["level"] == "error"
    assert line["at"].endswith("Z")


@given(TYPED)
def test_what_somebody_typed_is_in_no_line_although_the_error_quotes_it(typed: str):
    ours = raised(RefusedInput("bad_field", where="findings", field="concern", why=typed))
    for error in (ours, raised(ValueError(typed))):
        told = json.dumps([line_of("row: %s", error), line_of("failed", error=error)], ensure_ascii=False)
        assert typed not in told
    line = line_of("failed", error=ours)
    assert line["error"]["key"] == "bad_field" and line["error"]["path"][-1].endswith(" raised")


@given(NUMBERS | TOKENS)
def test_numbers_and_tokens_are_masked_wherever_they_stand(secret: str):
    for said in (
        f"https://hub/wall?hospital=sj#{secret}",
        f"Authorization: Bearer {secret}",
        f"postgresql://a:{secret}@db/x",
    ):
        assert secret not in line_of(said)["said"]
    if secret[:1].isdigit() and secret[-1] in "0123456789X" and secret.rstrip("X").isdigit() and len(secret) < 19:
        assert secret not in line_of("called from %s today", secret)["said"]


def test_what_operators_need_is_not_masked():
    said = "entry 1234567 at 2026-11-23T00:51:29.123Z through 4711 at redis://127.0.0.1:6379, V0001, 3f2a9c, 12.5 ms"
    assert line_of(said)["said"] == said


def test_a_saying_with_the_wrong_facts_is_told_as_it_is():
    assert line_of("%d rows of %s", "x")["said"] == "%d rows of %s"


@pytest.mark.parametrize(("form", "first"), [("json", "{"), ("text", "2")])
def test_the_form_is_chosen(form: str, first: str, loggers: None):
    out = io.StringIO()
    begin({"ABOARD_LOG": form}, out)
    logging.getLogger("media.link").warning("media link %s", "up")
    logging.getLogger("media.link").debug("not told")
    assert out.getvalue().startswith(first) and out.getvalue().count("\n") == 1


def test_a_form_or_level_that_there_is_not_is_refused(loggers: None):
    for settings in ({"ABOARD_LOG": "xml"}, {"ABOARD_LOG_LEVEL": "loud"}):
        with pytest.raises(RefusedInput):
            begin(settings, io.StringIO())


@pytest.mark.sockets
async def test_a_hub_that_hears_names_and_nonsense_writes_neither(tmp_path: Path):
    hub = Child("hub", ["hub", "--folder", str(tmp_path / "hub"), "--port", "0"], tmp_path)
    try:
        url = (await hub.start())["url"]
        token = msgspec.json.decode((tmp_path / "hub" / "links.json").read_bytes())["dispatcher"]
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            bodies = [
                b'{"summary": "ZHANGSAN 13800138000"',
                b'{"incident": "ZHANGSAN", "place": 7}',
                b"\xff\xfe ZHANGSAN",
            ]
            answers = [await client.post("/api/v1/ask/open_incident", content=body) for body in bodies]
            answers.append(await client.get("/ZHANGSAN", headers={"Authorization": "Bearer ZHANGSAN"}))
        assert all(400 <= answer.status_code < 500 for answer in answers)
    finally:
        await hub.end()
    said = (tmp_path / "said.log").read_text()
    assert "/console" in said, "the links were told, without their tokens"
    assert not any(word in said for word in ("ZHANGSAN", "13800138000", token, "Traceback"))
