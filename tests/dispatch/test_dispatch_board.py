"""The board and the overview: sums that add up whoever goes where, and figures that never claim what nobody knows."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from valley import START, casualty, crash, enrolled, reported, told

from casebook import events as e
from casebook.casualty import Category
from casebook.picture import Picture
from dispatch.board import NO_HOSPITAL, NOBODY_SAID, board_of, boards
from dispatch.overview import overview_of

ID = "20210418-001"
LABELS = "ABCDEFGH"
BASE = [*enrolled(), *reported(), *crash()]
one_casualty = st.tuples(
    st.sampled_from([*Category, None]), st.sampled_from(["city", "mill", "quarry", None]), st.booleans()
)


def found(label: str, category: Category | None, hospital: str | None, closed: bool = False) -> list[e.Event]:
    id = f"{ID}-{label}"
    facts: list[e.Event] = [e.CasualtyFound(id, ID, label)]
    if category:
        facts.append(e.CasualtyTriaged(id, "start", category, "A1"))
    if hospital:
        facts.append(e.DestinationChosen(id, e.Option(hospital, "road", 600.0, {"drive": 600.0})))
    if closed and not hospital:
        facts.append(e.CasualtyClosed(id, "refused"))
    return facts


@given(st.lists(one_casualty, max_size=len(LABELS)))
def test_rows_columns_and_stages_add_up_to_everybody_once(people):
    facts = [fact for label, one in zip(LABELS, people, strict=False) for fact in found(label, *one)]
    picture = told([*BASE, *facts])
    board = boards(picture).get(ID) or board_of(picture, [])
    total = len(picture.casualties)
    assert board["total"] == total == len(board["rows"])
    for sums in (board["hospitals"], board["categories"], board["stages"]):
        assert sum(sums.values()) == total
    assert sum(n for row in board["counts"].values() for n in row.values()) == total
    for id, row in board["counts"].items():
        assert sum(row.values()) == board["hospitals"][id]
    for category, n in board["categories"].items():
        assert sum(row.get(category, 0) for row in board["counts"].values()) == n


def test_who_has_no_hospital_or_no_tag_is_counted_as_that():
    board = boards(told([*BASE, *found("A", Category.RED, "city"), *found("B", None, None)]))[ID]
    assert board["counts"] == {"city": {"red": 1}, NO_HOSPITAL: {NOBODY_SAID: 1}}
    assert board["rows"][f"{ID}-A"] == {
        "hospital": "city", "mode": "road", "at": START + timedelta(seconds=600), "there": False,
    }  # fmt: skip
    assert "at" not in board["rows"][f"{ID}-B"]


def test_two_incidents_have_two_boards():
    other = [
        e.IncidentOpened("X", told(BASE).get_incident(ID).place, "fall", 2, "120", ""),
        e.CasualtyFound("X-A", "X", "A"),
    ]
    shown = boards(told([*BASE, *casualty(), *other]))
    assert {id: board["total"] for id, board in shown.items()} == {ID: 1, "X": 1}


# --- the region


def test_the_overview_has_the_figure_its_age_and_its_chance():
    view = overview_of(told([*BASE, *casualty()]), START + timedelta(minutes=6))
    assert view["resources"] == ["resus_bay", "ed_bed"], "only what anybody ever told, in the table's order"
    cell = view["hospitals"]["city"]["cells"]["resus_bay"]
    assert (cell["state"], cell["free"], cell["total"], cell["left"], cell["at"]) == ("known", 2, 4, 2, START)
    assert 1 <= cell["chance_pct"] <= 99
    later = overview_of(told([*BASE, *casualty()]), START + timedelta(minutes=6), arrival_in_min=60)
    assert later["hospitals"]["city"]["cells"]["resus_bay"]["chance_pct"] < cell["chance_pct"]


def test_unknown_has_no_number_and_no_chance():
    silent = e.CapacityReported("mill", "resus_bay", None)
    cells = overview_of(told([*BASE, silent]), START)["hospitals"]["mill"]["cells"]
    assert cells["resus_bay"]["state"] == "unknown"
    assert not {"free", "left", "chance_pct"} & cells["resus_bay"].keys()


def test_closures_inbound_holds_and_forced_ones_stand_at_the_hospital():
    forced = e.Option("city", "road", 600.0, {"drive": 600.0}, reasons=(e.Reason("closed", {"resource": "*"}),))
    facts = [
        *BASE, *casualty(), e.ServiceClosed("city", "*", "power cut"),
        e.DestinationChosen(f"{ID}-A", forced, (), "nobody else"),
        e.HoldPlaced(f"{ID}-A", "city", "resus_bay", 1, START + timedelta(hours=1)),
    ]  # fmt: skip
    row = overview_of(told(facts), START)["hospitals"]["city"]
    assert row["closures"] == {"*": "power cut"} and row["inbound"] == 1 and row["forced"] == 1
    assert row["cells"]["resus_bay"]["held"] == 1 and row["cells"]["resus_bay"]["closed"] == "power cut"


def test_nobody_told_anything_is_an_empty_table_not_a_free_one():
    view = overview_of(told(enrolled()), START)
    assert view["resources"] == [] and all(row["cells"] == {} for row in view["hospitals"].values())
    assert overview_of(Picture(), START)["hospitals"] == {}
