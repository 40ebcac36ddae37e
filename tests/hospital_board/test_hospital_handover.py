"""Both sides sign, in either order; then the case is the ward's and the bay counts as in use. Who saw what is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ward_story import JINSHAN, SEVERE, SONGJIANG, after, arrived, at, expected, option_to, stated

from casebook import events as e
from casebook.atmist import atmist
from casebook.casualty import Stage
from casebook.errors import IllegalStep, NotFound
from casebook.picture import STILL_TOLD, Picture
from hospital_board.board import case_view
from hospital_board.handover import SignHandover, handover_view, read_back_matrix, sign_handover, signed_by_both
from hospital_board.readiness import AcknowledgePrealert, acknowledge_prealert

A = "I1-A"
SIGN = SignHandover(hospital=SONGJIANG, casualty=A)


def seen(picture: Picture, seconds: float) -> dict:
    return read_back_matrix(picture.casualties[A], atmist(picture, A, at(seconds))["unknown"])


def at_the_door() -> Picture:
    """Arrived at 1300 s, two of three bays free stated a minute before."""
    return arrived(stated(expected(), 2, 3, 1240))


def crew_signs(picture: Picture, seconds: float) -> Picture:
    started = [] if picture.casualties[A].stage is Stage.HANDING_OVER else [e.HandoverStarted(A, SONGJIANG)]
    return after(picture, seconds, *started, e.HandoverSigned(A, "crew", "medic Chen"))


def ward_signs(picture: Picture, seconds: float) -> Picture:
    return after(picture, seconds, *sign_handover(picture, SIGN, "sister Li", at(seconds)))


def check_done(picture: Picture) -> None:
    assert picture.casualties[A].stage is Stage.HANDED_OVER
    assert picture.holds == {}
    figure = picture.hospitals[SONGJIANG].figures["resus_bay"]
    assert (figure.free, figure.total, figure.source) == (1, 3, "handover")
    assert picture.units["A01"].aboard == ()


def test_the_wards_signature_after_the_crews_completes_the_handover():
    picture = ward_signs(crew_signs(at_the_door(), 1320), 1330)
    check_done(picture)
    view = handover_view(picture.casualties[A])
    assert view["state"] == "completed" and view["completed_at"] == at(1330)
    assert view["signed"] == {
        "crew": {"by": "medic Chen", "at": at(1320)}, "hospital": {"by": "sister Li", "at": at(1330)}
    }  # fmt: skip


def test_the_crews_signature_after_the_wards_completes_it_by_itself_and_once():
    picture = crew_signs(ward_signs(at_the_door(), 1310), 1330)
    (due,) = signed_by_both(picture)
    assert due.at == at(1330)
    check_done(after(picture, 1330, *due.facts))
    assert signed_by_both(after(picture, 1330, *due.facts)) == []


def test_a_bed_that_was_held_is_given_back_and_counted_as_a_bay_is():
    beds = e.CapacityReported(SONGJIANG, "ed_bed", 6, 24)
    swapped = (
        e.HoldReleased(A, SONGJIANG, "resus_bay", 1, "redirected"),
        e.HoldPlaced(A, SONGJIANG, "ed_bed", 1, at(3600)),
    )
    picture = ward_signs(crew_signs(after(at_the_door(), 1300, beds, *swapped), 1320), 1330)
    assert picture.holds == {}
    figures = picture.hospitals[SONGJIANG].figures
    assert (figures["ed_bed"].free, figures["ed_bed"].source, figures["resus_bay"].free) == (5, "handover", 2)


def test_one_signature_completes_nothing():
    for picture in (crew_signs(at_the_door(), 1320), ward_signs(at_the_door(), 1320)):
        assert signed_by_both(picture) == []
        assert picture.casualties[A].stage is Stage.HANDING_OVER
        assert len(picture.holds) == 1


def test_the_ward_may_start_the_handover_and_a_late_start_of_the_crew_is_no_error():
    picture = ward_signs(at_the_door(), 1310)
    later = after(picture, 1312, e.HandoverStarted(A, SONGJIANG))
    assert later.casualties[A].times["handover_started"] == at(1310)


def test_the_crew_may_be_back_in_service_with_the_second_signature():
    picture = crew_signs(ward_signs(at_the_door(), 1310), 1330)
    assert after(picture, 1330, e.UnitBackInService("A01")).units["A01"].duty == "available"


def test_nobody_signs_before_arrival_or_twice_or_for_another_hospital():
    with pytest.raises(IllegalStep):
        ward_signs(expected(), 500)
    with pytest.raises(IllegalStep):
        ward_signs(ward_signs(at_the_door(), 1310), 1320)
    with pytest.raises(NotFound):
        sign_handover(at_the_door(), SignHandover(hospital=JINSHAN, casualty=A), "spy", at(1310))


def test_an_old_count_is_not_made_new_by_a_handover():
    picture = ward_signs(crew_signs(arrived(expected()), 1320), 1330)  # stated at 0 s, older than its limit
    assert picture.casualties[A].stage is Stage.HANDED_OVER
    assert picture.hospitals[SONGJIANG].figures["resus_bay"].source == "board"


def test_each_item_tells_when_it_was_shown_acknowledged_and_signed():
    command = AcknowledgePrealert(hospital=SONGJIANG, casualty=A)
    picture = after(expected(), 420, *acknowledge_prealert(expected(), command, "sister Li"))
    matrix = seen(picture, 430)
    assert matrix["mechanism"] == {
        "told_at": at(340), "shown_at": at(400), "acknowledged_at": at(420), "acknowledged_by": "sister Li"
    }  # fmt: skip
    assert "signed_at" not in matrix["mechanism"]


def test_what_was_told_after_the_acknowledgement_is_marked_as_changed():
    command = AcknowledgePrealert(hospital=SONGJIANG, casualty=A)
    picture = after(expected(), 420, *acknowledge_prealert(expected(), command, "sister Li"))
    further = replace(SEVERE, injuries=("pelvis", "left chest"))
    picture = after(picture, 600, e.FindingsRecorded(A, further))
    matrix = seen(picture, 610)
    assert matrix["injuries"] == {"told_at": at(600), "shown_at": at(600), "changed": True}
    for unchanged in ("age", "mechanism", "treatment"):
        assert matrix[unchanged]["acknowledged_by"] == "sister Li"


def test_an_item_nobody_knows_has_no_row_and_before_the_prealert_nothing_was_shown():
    picture = expected()
    assert "changed" not in seen(picture, 410)["injuries"]
    assert "requirements" in seen(picture, 410)
    silent = after(picture, 410, e.PrealertWithdrawn(A, SONGJIANG, "diverted"))
    assert seen(silent, 420) == {}


# --- what stays of it


def on_the_monitor(picture: Picture, first: int, last: int) -> Picture:
    """A sample a second, coma score and pressure once."""
    picture = after(
        picture, first, e.VitalsRecorded(A, "A01", {"gcs_eye": 4, "gcs_verbal": 5, "gcs_motor": 6, "sbp_mmhg": 85})
    )
    for second in range(first, last):
        picture = after(picture, second, e.VitalsRecorded(A, "A01", {"hr_bpm": 139, "spo2_pct": 88}))
    return picture


def on_the_wall(picture: Picture, seconds: float) -> dict:
    case = case_view(picture, picture.casualties[A], picture.hospitals[SONGJIANG], at(seconds))
    return {name: case[name] for name in ("monitored_at", "doubts", "alarms", "scores")} | {
        "signs": case["report"]["signs"]
    }


def test_the_trend_is_whole_until_the_handover_is_complete_and_then_the_card_says_the_same():
    before = crew_signs(on_the_monitor(at_the_door(), 1301, 1320), 1320)
    after_it = ward_signs(before, 1321)
    assert len(before.casualties[A].trend) == 20 and len(after_it.casualties[A].trend) == 1 + STILL_TOLD
    said = on_the_wall(after_it, 1322)
    assert (
        said == on_the_wall(before, 1322) and said["alarms"] and said["scores"]["shock_index"]["status"] == "complete"
    )


def test_what_a_vehicle_tells_late_replaces_the_newest_and_brings_no_trend_back():
    done = ward_signs(crew_signs(on_the_monitor(at_the_door(), 1301, 1320), 1320), 1321)
    history = after(done, 1310.5, e.VitalsRecorded(A, "A01", {"hr_bpm": 70, "temp_c": 36.5}))
    vitals = on_the_wall(history, 1400)["signs"]["vitals"]
    assert (vitals["hr_bpm"]["value"], vitals["temp_c"]["value"]) == (139, 36.5)
    newer = after(history, 1330, e.VitalsRecorded(A, "A01", {"hr_bpm": 80}))
    assert on_the_wall(newer, 1400)["signs"]["vitals"]["hr_bpm"] == {"value": 80, "at": at(1330)}
    assert len(newer.casualties[A].trend) <= 3 + STILL_TOLD


def decided() -> Picture:
    """Another way lost when Songjiang was chosen."""
    lost = (e.Rejection(JINSHAN, "road", 700, (e.Reason("later", {}),)),)
    return after(expected(), 410, e.DestinationChosen(A, option_to(SONGJIANG), rejected=lost))


@pytest.mark.parametrize("back_first", [True, False])
def test_why_the_patient_went_nowhere_else_stays_until_the_crew_is_back_in_service(back_first: bool):
    picture = ward_signs(arrived(stated(decided(), 2, 3, 1240)), 1310)
    picture, back = crew_signs(picture, 1330), e.UnitBackInService("A01")
    if back_first:
        picture = after(picture, 1330, back)
    assert picture.casualties[A].rejected
    (due,) = signed_by_both(picture)
    picture = after(picture, 1330, *due.facts)
    assert bool(picture.casualties[A].rejected) is not back_first
    state = (picture if back_first else after(picture, 1340, back)).casualties[A]
    assert (state.rejected, state.proposal, state.hospital) == ((), None, SONGJIANG)
