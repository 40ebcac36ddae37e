"""The ward's words to the crew; an order stays red until it is read back."""

from __future__ import annotations

import pytest
from ward_story import JINSHAN, SONGJIANG, after, at, expected

from casebook import events as e
from casebook.errors import NotFound, RefusedInput
from casebook.picture import Picture
from hospital_board.consult import TEXT_MAX, SendMessage, messages_view, send_message

A = "I1-A"


def sent(picture: Picture, text: str, *, order: bool = False, seconds: float = 500) -> Picture:
    command = SendMessage(hospital=SONGJIANG, casualty=A, text=text, order=order)
    return after(picture, seconds, *send_message(picture, command))


def test_a_message_reaches_the_case_with_its_sender_and_a_name_of_its_own():
    picture = sent(sent(expected(), " pelvic binder? "), "second", seconds=510)
    first, second = messages_view(picture, A)
    assert (first["text"], first["sender"], first["at"], first["state"]) == (
        "pelvic binder?",
        SONGJIANG,
        at(500),
        "sent",
    )
    assert first["red"] is False and first["id"] != second["id"]


def test_an_order_stays_red_when_it_was_only_opened_and_until_it_is_read_back():
    picture = sent(expected(), "tranexamic acid 1 g", order=True)
    (order,) = messages_view(picture, A)
    assert order["red"] is True
    opened = after(picture, 510, e.MessageRead(order["id"], "crew"))
    assert messages_view(opened, A)[0]["red"] is True and messages_view(opened, A)[0]["state"] == "read"
    repeated = after(opened, 520, e.MessageRead(order["id"], "crew", "tranexamic acid one gram"))
    (order,) = messages_view(repeated, A)
    assert (order["red"], order["state"], order["read_back"]) == (False, "read_back", "tranexamic acid one gram")


@pytest.mark.parametrize("text", ["", "   ", "x" * (TEXT_MAX + 1)])
def test_no_words_and_too_many_words_are_refused(text):
    with pytest.raises(RefusedInput) as caught:
        sent(expected(), text)
    assert caught.value.key == "message_length"


def test_no_ward_writes_to_another_wards_case():
    with pytest.raises(NotFound):
        send_message(expected(), SendMessage(hospital=JINSHAN, casualty=A, text="hello"))
