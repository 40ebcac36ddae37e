"""`aboard decide`: one decision from a file, offline; what cannot be meant is refused by the name of its field."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aboard import cli
from casebook.screens import REPO
from casebook.words import LANGUAGES

TRAUMA = ["trauma_centre", "ct", "theatre", "blood"]
NOW = "2026-03-01T14:00:00+08:00"
SCHEMAS = REPO / "docs" / "schemas"


def hospital(id: str, *, free: int = 2, capabilities: list[str] = TRAUMA) -> dict[str, Any]:
    figures = {"resus_bay": {"free": free, "total": 4}, "ed_bed": {"free": 5, "total": 20}}
    return {"hospital": id, "capabilities": capabilities, "trauma_level": 1, "figures": figures}


def case(**changes: Any) -> dict[str, Any]:
    """A red trauma casualty between two trauma centres, whose ways somebody else has timed."""
    return {
        "at": NOW,
        "casualty": {"age_years": 42, "category": "red", "pathway": "trauma"},
        "hospitals": [hospital("near"), hospital("far")],
        "ways": [
            {"hospital": "near", "mode": "road", "eta_s": 900, "terms_s": {"on_scene": 300, "drive": 600}},
            {"hospital": "far", "mode": "road", "eta_s": 1500, "terms_s": {"on_scene": 300, "drive": 1200}},
        ],
    } | changes


UNFLOWN = [{"code": "no_landing_site"}]  # where the casualty is


def without_room() -> dict[str, Any]:
    return case(hospitals=[hospital("near", free=0), hospital("far", capabilities=["ct"])])


class Desk:
    """The command on a file in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._capsys, self._monkeypatch = folder, capsys, monkeypatch

    def run(self, told: Any, *options: str, language: str = "en") -> tuple[int, str, str]:
        """(exit code, standard output, standard error)."""
        self._monkeypatch.setenv("ABOARD_LANG", language)
        file = self.folder / "case.json"
        file.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
        code = cli.run(["decide", str(file), *options])
        out = self._capsys.readouterr()
        return code, out.out, out.err

    def decision(self, told: Any) -> dict[str, Any]:
        return json.loads(self.run(told, "--json")[1])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, capsys, monkeypatch)


def test_the_nearer_of_two_trauma_centres_is_taken_and_the_other_is_told_what_it_lacks(desk: Desk):
    told = desk.decision(case())
    assert [one["hospital"] for one in told["options"]] == ["near", "far"]
    (loser,) = told["rejected"]
    assert [reason["code"] for reason in loser["reasons"]] == ["time"]
    assert loser["would_win"]["code"] == "change.eta_shorter"
    assert told["options"][0]["definitive_low_s"] <= told["options"][0]["definitive_s"]
    assert told["id"].startswith("D-") and told["rules"].startswith("destination@")


def test_the_same_file_gives_the_same_bytes_in_whatever_order_its_lists_stand(desk: Desk):
    turned = case()
    turned["ways"], turned["hospitals"] = turned["ways"][::-1], turned["hospitals"][::-1]
    first, second = desk.run(case(), "--json")[1], desk.run(case(), "--json")[1]
    assert first == second == desk.run(turned, "--json")[1]


def test_the_change_that_was_named_makes_the_loser_win(desk: Desk):
    full = case(hospitals=[hospital("near", free=0), hospital("far")])
    told = desk.decision(full)
    (loser,) = told["rejected"]
    assert (loser["hospital"], loser["would_win"]["code"]) == ("near", "change.bay_freed")
    full["hospitals"][0]["figures"]["resus_bay"]["free"] = 1
    assert desk.decision(full)["options"][0]["hospital"] == "near"


def test_why_nobody_is_flown_from_there_is_one_line_for_all_hospitals(desk: Desk):
    told = desk.decision(case(unflown=UNFLOWN))
    last = told["rejected"][-1]
    assert (last["hospital"], last["mode"], last["reasons"][0]["code"]) == ("", "air", "no_landing_site")
    assert told["options"] == desk.decision(case())["options"]
    for language, sentence in (("en", "to any hospital"), ("zh", "任何医院")):
        _, page, _ = desk.run(case(unflown=UNFLOWN), language=language)
        assert page.count(sentence) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_in_words_who_wins_and_why_the_others_do_not(desk: Desk, language: str):
    code, page, _ = desk.run(case(), language=language)
    assert code == 0
    says = {"en": ("by road", "slower", "would win"), "zh": ("陆路", "慢", "则为首选")}[language]
    assert all(word in page for word in ("near", "far", *says))
    assert "reason." not in page and "change." not in page


def test_nobody_can_take_it_says_none_because_where_to_stabilise_and_whom_to_ask(desk: Desk):
    code, page, _ = desk.run(without_room())
    assert code == 1
    assert "None, because" in page and "Stabilise at: near." in page and "Ask, nearest first: near." in page
    told = desk.decision(without_room())
    assert (told["options"], told["stabilise_at"], told["ask"]) == ([], "near", ["near"])
    assert all(one["reasons"] for one in told["rejected"])


def test_a_casualty_whom_no_way_leads_to_anybody_is_told_so(desk: Desk):
    told = without_room()
    told["ways"] = [{"hospital": id, "mode": "road", "barred": [{"code": "no_route"}]} for id in ("near", "far")]
    code, page, _ = desk.run(told, language="zh")
    assert code == 1
    assert "没有可到达的医院" in page and "无可询问" in page


# --- what cannot be meant


def edited(*path: Any, value: Any) -> dict[str, Any]:
    """The case with one field changed; a value of None takes it out."""
    told = deepcopy(case())
    inner: Any = told
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return told


IMPOSSIBLE = {
    "casualty.needs": edited("casualty", value={"age_years": 42}),
    "casualty.age_years": edited("casualty", "age_years", value=-1),
    "casualty.wish": edited("casualty", "wish", value="nowhere"),
    "casualty.wants": edited("casualty", "wants", value=["magic"]),
    "casualty.pregnancy_weeks": edited("casualty", "pregnancy_weeks", value=60),
    "casualty.field_triage": edited("casualty", "field_triage", value="purple"),
    "casualty.last_known_well": edited("casualty", "last_known_well", value="2026-03-01T14:01:00+08:00"),
    "casualty.aboard": edited("casualty", "aboard", value="A1"),
    "hospitals[0].figures.resus_bay.free": edited("hospitals", 0, "figures", "resus_bay", "free", value=-1),
    "hospitals[0].figures.resus_bay": edited("hospitals", 0, "figures", "resus_bay", "free", value=5),
    "hospitals[0].figures.beds": edited("hospitals", 0, "figures", value={"beds": {"free": 1}}),
    "hospitals[0].figures.resus_bay.at": edited(
        "hospitals", 0, "figures", "resus_bay", "at", value="2026-03-01T14:05:00+08:00"
    ),
    "hospitals[0].hospital": edited("hospitals", 0, "capabilities", value=None),
    "hospitals[0].capabilities": edited("hospitals", 0, "capabilities", value=["magic"]),
    "hospitals[1].hospital": edited("hospitals", 1, "hospital", value="near"),
    "hospitals[0].closures[0].resource": edited(
        "hospitals", 0, "closures", value=[{"resource": "beds", "reason": "fire"}]
    ),
    "hospitals": edited("hospitals", value=[]),
    "holds[0].hospital": case(
        holds=[{"hospital": "x", "resource": "resus_bay", "slot": 1, "casualty": "B", "until": NOW}]
    ),
    "holds[0].resource": case(
        holds=[{"hospital": "near", "resource": "x", "slot": 1, "casualty": "B", "until": NOW}]
    ),
    "holds[0].slot": case(
        holds=[{"hospital": "near", "resource": "resus_bay", "slot": 0, "casualty": "B", "until": NOW}]
    ),
    "ways[0].hospital": edited("ways", 0, "hospital", value="nowhere"),
    "ways[0].eta_s": edited("ways", 0, "eta_s", value=-5),
    "ways[0].terms_s": edited("ways", 0, "eta_s", value=5000),
    "ways[0].eta_low_s": edited("ways", 0, "eta_low_s", value=-5),
    "unflown": case(
        unflown=UNFLOWN, ways=[*case()["ways"], {"hospital": "far", "mode": "air", "eta_s": 600}],
    ),
    "onward[0]": case(onward=[{"start": "near", "end": "x", "seconds": 60}]),
}  # fmt: skip


@pytest.mark.parametrize("field", IMPOSSIBLE)
def test_what_is_impossible_is_refused_by_the_name_of_its_field(desk: Desk, field: str):
    code, out, english = desk.run(IMPOSSIBLE[field])
    _, _, chinese = desk.run(IMPOSSIBLE[field], language="zh")
    assert (code, out) == (2, "")
    assert english.startswith(f"{field}: ") and chinese.startswith(f"{field}：")


def test_a_wrong_type_or_an_unknown_field_is_refused_by_its_name(desk: Desk):
    for told, named in (
        (edited("casualty", "age_years", value="old"), "casualty.age_years"),
        (edited("casualty", "agee", value=3), "agee"),
        (edited("at", value="2026-03-01T14:00:00"), "at"),
        (edited("casualty", "category", value="blue"), "casualty.category"),
    ):
        code, _, error = desk.run(told)
        assert code == 2 and named in error
    assert desk.run("{not json")[0] == 2


def test_without_a_region_or_ways_there_is_nothing_to_decide(desk: Desk):
    code, _, error = desk.run(edited("ways", value=[]))
    assert code == 2 and "neither a region nor ways" in error
    assert "no region" in desk.run(case(region="atlantis"))[2]


def test_no_file_and_no_wish_is_asked_what_is_meant(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["decide"]) == 2
    assert "--schema" in capsys.readouterr().err


# --- rules of one's own


def rules(folder: Path, edit: Any = lambda text: text) -> str:
    shipped = (REPO / "dispatch" / "rules" / "destination.yaml").read_text(encoding="utf-8")
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "destination.yaml").write_text(edit(shipped), encoding="utf-8")
    return "own"


def test_own_rules_take_the_place_of_the_shipped_ones(desk: Desk):
    own = rules(desk.folder, lambda text: text.replace("table: destination", "table: ours", 1))
    assert desk.decision(case(rules=own))["rules"].startswith("ours@")
    assert desk.decision(case())["rules"].startswith("destination@")


def test_rules_without_a_source_are_refused(desk: Desk):
    import re

    own = rules(desk.folder, lambda text: re.sub(r"source: \w+", "source: hearsay", text, count=1))
    code, _, error = desk.run(case(rules=own))
    assert code == 2 and "hearsay" in error and "destination.yaml" in error


def test_two_rules_that_contradict_are_refused(desk: Desk):
    import yaml

    def twice(text: str) -> str:
        table = yaml.safe_load(text)
        table["needs"].append({**table["needs"][0], "rule": "once_more"})
        return yaml.safe_dump(table, allow_unicode=True)

    code, _, error = desk.run(case(rules=rules(desk.folder, twice)))
    assert code == 2 and "once_more" in error and "contradicts" in error
    assert desk.run(case(rules="absent"))[0] == 2


# --- the schemas


@pytest.mark.parametrize("kind", ["in", "out"])
def test_the_written_schemas_are_those_of_the_command(kind: str, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["decide", "--schema", kind]) == 0
    written = (SCHEMAS / f"decide.{kind}.schema.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == written, f"write it anew: aboard decide --schema {kind}"


def test_the_file_and_the_answer_keep_their_schemas(desk: Desk):
    shapes = {kind: json.loads((SCHEMAS / f"decide.{kind}.schema.json").read_text("utf-8")) for kind in ("in", "out")}
    for shape in shapes.values():
        Draft202012Validator.check_schema(shape)
    Draft202012Validator(shapes["in"]).validate(case(unflown=UNFLOWN))
    for told in (case(), case(unflown=UNFLOWN), without_room()):
        Draft202012Validator(shapes["out"]).validate(desk.decision(told))
    refused = Draft202012Validator(shapes["in"]).iter_errors(IMPOSSIBLE["casualty.age_years"])
    assert [error.json_path for error in refused] == ["$.casualty.age_years"]
