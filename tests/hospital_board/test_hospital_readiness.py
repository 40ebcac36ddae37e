"""The pre-alert is answered or climbs by itself; a team is called, its members report, and then it is complete."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ward_story import JINSHAN, SEVERE, SONGJIANG, after, arrived, at, enrolled, expected, on_scene, prealerted, stated

from casebook import events as e
from casebook.casualty import Pathway
from casebook.errors import IllegalStep, NotFound, RefusedInput
from casebook.picture import Picture
from hospital_board.readiness import (
    AcknowledgePrealert,
    ActivateTeam,
    ReportMember,
    acknowledge_prealert,
    activate_team,
    prealert_view,
    report_member,
    team_view,
    unanswered,
)
from hospital_board.teams import team_table

A = "I1-A"


def answer(**how) -> AcknowledgePrealert:
    return AcknowledgePrealert(hospital=how.pop("hospital", SONGJIANG), casualty=A, **how)


def call(level, **how) -> ActivateTeam:
    return ActivateTeam(hospital=SONGJIANG, casualty=A, level=level, **how)


def says(picture: Picture, member: str, state, seconds: float) -> Picture:
    command = ReportMember(hospital=SONGJIANG, casualty=A, member=member, state=state)
    return after(picture, seconds, *report_member(picture, command))


def acknowledged() -> Picture:
    return after(expected(), 420, *acknowledge_prealert(expected(), answer(), "sister Li"))


def test_an_accepted_prealert_says_by_whom_and_when():
    view = prealert_view(acknowledged().casualties[A])
    assert (view["state"], view["answer"], view["by"]) == ("acknowledged", "accept", "sister Li")
    assert view["acknowledged_at"] == at(420) and view["news"] is False


def test_a_second_tap_on_accept_changes_nothing():
    assert acknowledge_prealert(acknowledged(), answer(), "doctor Wu") == []


def test_a_question_goes_to_the_crew_and_leaves_the_prealert_to_be_accepted():
    question = answer(answer="query", note="GCS?")
    picture = after(expected(), 420, *acknowledge_prealert(expected(), question, "doctor Wu"))
    (message,) = picture.messages.values()
    assert (message.text, message.sender, message.order) == ("GCS?", SONGJIANG, False)
    accepted = after(picture, 440, *acknowledge_prealert(picture, answer(), "doctor Wu"))
    assert prealert_view(accepted.casualties[A])["answer"] == "accept"


def test_a_question_without_words_is_refused():
    with pytest.raises(RefusedInput) as caught:
        acknowledge_prealert(expected(), answer(answer="query", note="  "), "doctor Wu")
    assert caught.value.key == "query_needs_note"


def test_what_the_crew_finds_later_is_news_until_acknowledged_again():
    same = after(acknowledged(), 490, e.FindingsRecorded(A, SEVERE))
    assert prealert_view(same.casualties[A])["news"] is False, "saying the same again is no news"
    picture = after(same, 500, e.FindingsRecorded(A, replace(SEVERE, treatments=("binder", "oxygen"))))
    assert prealert_view(picture.casualties[A])["news"] is True
    picture = after(picture, 510, *acknowledge_prealert(picture, answer(), "sister Li"))
    assert prealert_view(picture.casualties[A])["news"] is False


def test_another_hospitals_prealert_does_not_exist_for_this_one():
    with pytest.raises(NotFound):
        acknowledge_prealert(expected(), answer(hospital=JINSHAN), "spy")


def test_nothing_can_be_acknowledged_before_there_is_a_prealert():
    picture = after(on_scene(stated(enrolled())), 350, e.DestinationChosen(A, e.Option(SONGJIANG, "road", 900, {})))
    with pytest.raises(IllegalStep):
        acknowledge_prealert(picture, answer(), "sister Li")


def climb(picture: Picture, seconds: float) -> tuple[list[e.Event], Picture]:
    facts = [fact for due in unanswered(picture, at(seconds)) for fact in due.facts]
    return facts, after(picture, seconds, *facts)


def test_an_unanswered_prealert_is_repeated_then_escalated_then_said_to_have_reached_nobody():
    facts, picture = climb(expected(), 459)
    assert facts == []
    facts, picture = climb(picture, 460)
    assert [fact.name for fact in facts] == ["prealert_repeated"]
    assert climb(picture, 519)[0] == []
    facts, picture = climb(picture, 520)
    assert [fact.name for fact in facts] == ["prealert_escalated", "prealert_repeated"]
    facts, picture = climb(picture, 580)
    assert [fact.name for fact in facts] == ["alert_undelivered", "prealert_repeated"]
    assert climb(picture, 10_000)[0] == []
    assert picture.casualties[A].prealert_repeats == 3
    accepted = acknowledge_prealert(picture, answer(), "at last")
    assert prealert_view(after(picture, 10_001, *accepted).casualties[A])["state"] == "acknowledged"


def test_what_was_due_is_dated_when_it_was_due_however_late_the_desk_looks():
    (due,) = unanswered(expected(), at(475))
    assert due.at == at(460)
    (again,) = due.facts
    assert isinstance(again, e.PrealertRepeated) and again.due_at == at(520)


def test_what_the_desk_did_once_it_does_not_do_again_after_a_restart():
    _, picture = climb(expected(), 460)
    assert unanswered(picture, at(460)) == []


def test_an_answer_in_time_stops_the_clock():
    assert unanswered(acknowledged(), at(10_000)) == []


def test_a_prealert_that_went_elsewhere_starts_clean():
    picture = after(acknowledged(), 600, e.PrealertWithdrawn(A, SONGJIANG, "diverted"))
    picture = after(picture, 600, e.DestinationChosen(A, e.Option(JINSHAN, "road", 900, {})))
    picture = after(picture, 600, e.PrealertSent(A, JINSHAN, at(660)))
    view = prealert_view(picture.casualties[A])
    assert view["state"] == "sent" and view["repeats"] == 0 and view["due_at"] == at(660)
    with pytest.raises(NotFound):
        acknowledge_prealert(picture, answer(hospital=SONGJIANG), "sister Li")


def test_the_team_that_answers_the_pathway_is_called_with_the_members_of_its_level():
    picture = after(expected(), 430, *activate_team(expected(), call(1)))
    view = team_view(picture.casualties[A])
    assert (view["team"], view["level"], view["ready"]) == ("trauma", 1, 0)
    assert tuple(view["members"]) == team_table().members_of("trauma", 1)
    assert {one["state"] for one in view["members"].values()} == {"called"}


def test_a_team_is_complete_when_every_member_is_ready_and_not_before():
    picture = after(expected(), 430, *activate_team(expected(), call(2)))
    *most, last = team_table().members_of("trauma", 2)
    for seconds, member in enumerate(most, start=440):
        picture = says(picture, member, "ready", seconds)
    picture = says(picture, last, "unavailable", 470)
    assert team_view(picture.casualties[A])["complete_at"] is None
    picture = says(picture, last, "ready", 480)
    assert team_view(picture.casualties[A])["complete_at"] == at(480)


def test_raising_the_level_keeps_what_members_reported_and_the_team_is_no_longer_complete():
    picture = after(expected(), 430, *activate_team(expected(), call(2)))
    for member in team_table().members_of("trauma", 2):
        picture = says(picture, member, "ready", 440)
    picture = after(picture, 450, *activate_team(picture, call(1)))
    view = team_view(picture.casualties[A])
    assert view["complete_at"] is None and view["level"] == 1
    assert view["members"]["resus_nurse"]["state"] == "ready"
    assert view["members"]["anaesthetist"]["state"] == "called"


def test_calling_the_same_team_twice_calls_it_once():
    picture = after(expected(), 430, *activate_team(expected(), call(1)))
    assert activate_team(picture, call(1)) == []


def test_the_same_report_twice_is_one_fact():
    picture = after(expected(), 430, *activate_team(expected(), call(1)))
    picture = says(picture, "anaesthetist", "coming", 440)
    assert says(picture, "anaesthetist", "coming", 441).seq == picture.seq


def test_who_was_not_called_cannot_report():
    picture = after(expected(), 430, *activate_team(expected(), call(2)))
    with pytest.raises(RefusedInput) as caught:
        says(picture, "icu", "ready", 440)
    assert caught.value.key == "member_not_called"


def test_an_unknown_team_is_refused():
    with pytest.raises(RefusedInput) as caught:
        activate_team(expected(), call(1, team="choir"))
    assert caught.value.key == "unknown_team"


def test_no_team_is_called_to_a_case_that_is_over():
    picture = after(arrived(expected()), 1400, e.HandoverStarted(A, SONGJIANG))
    picture = after(picture, 1410, e.HandoverSigned(A, "crew", "c"), e.HandoverSigned(A, "hospital", "h"))
    picture = after(picture, 1410, e.HandoverCompleted(A, SONGJIANG))
    with pytest.raises(IllegalStep):
        activate_team(picture, call(1))


def test_a_case_without_findings_gets_the_general_team():
    picture = after(stated(enrolled()), 0, e.IncidentOpened("I1", SEVERE_PLACE, "fall", 2, "120", "fell"))
    picture = after(picture, 310, e.CasualtyFound(A, "I1", "A"))
    picture = prealerted(picture)
    (called, *_) = activate_team(picture, call(2))
    assert isinstance(called, e.TeamActivated) and called.team == "resuscitation"


SEVERE_PLACE = enrolled().hospitals[SONGJIANG].place


@pytest.mark.parametrize("pathway", list(Pathway))
def test_every_pathway_has_a_team_with_both_levels(pathway: Pathway):
    table = team_table()
    team = table.team_of(pathway)
    larger, smaller = table.members_of(team, 1), table.members_of(team, 2)
    assert len(larger) > len(smaller) > 0
    assert len(set(larger)) == len(larger)


def test_every_rule_says_where_it_comes_from():
    table = team_table()
    assert table.version == f"teams@{table.valid_from}"
    assert all(source["mark"] in "ABC" and source["text"] for source in table.sources.values())


def test_a_table_that_does_not_fit_is_refused_by_its_name(tmp_path):
    for text in ("teams: [", "table: teams", "42"):
        file = tmp_path / "teams.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(RefusedInput) as caught:
            team_table.__wrapped__(file)
        assert caught.value.facts["where"] == "teams.yaml"
