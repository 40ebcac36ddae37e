"""Send the ward's words to the crew; an order stays red until the crew has read it back. Pure."""

from __future__ import annotations

from typing import Any

from casebook import events as e
from casebook.asking import Command
from casebook.casualty import OVER
from casebook.errors import IllegalStep, RefusedInput
from casebook.picture import CasualtyState, MessageState, Picture
from hospital_board.cases import get_own_case

TEXT_MAX = 300  # characters: what a crew can read at a glance


class SendMessage(Command, frozen=True, kw_only=True):
    """Words for the crew of this casualty. An `order` must be read back."""

    hospital: str
    casualty: str
    text: str
    order: bool = False


def send_message(picture: Picture, command: SendMessage) -> list[e.Event]:
    """The message as a fact. Raises RefusedInput (`message_length`), IllegalStep when the case is over."""
    state = get_own_case(picture, command.casualty, command.hospital)
    if state.stage in OVER:
        raise IllegalStep(what=e.MessageSent.name, entity="casualty", id=state.id, stage=str(state.stage))
    text = command.text.strip()
    if not 1 <= len(text) <= TEXT_MAX:
        raise RefusedInput("message_length", length=len(text), limit=TEXT_MAX)
    return [message_from_ward(picture, state, command.hospital, text, order=command.order)]


def message_from_ward(
    picture: Picture, state: CasualtyState, hospital: str, text: str, *, order: bool
) -> e.MessageSent:
    """A message with the next number of this ward for this casualty; replaying the asks gives the same number."""
    sent = sum(one.casualty == state.id and one.sender == hospital for one in picture.messages.values())
    return e.MessageSent(f"{state.id}/{hospital}/{sent + 1}", state.id, hospital, text, order)


def messages_view(picture: Picture, casualty: str) -> list[dict[str, Any]]:
    """Newest last: {id, sender, text, order, at, state, read_at, read_by, read_back}.

    `state`: sent, read; for an order, sent and read are still open (`red`) and only read_back closes it.
    """
    found = [one for one in picture.messages.values() if one.casualty == casualty]
    return [_seen(one) for one in sorted(found, key=lambda one: one.at)]


def _seen(one: MessageState) -> dict[str, Any]:
    state = "sent" if one.read_at is None else "read_back" if one.read_back else "read"
    return {
        "id": one.id, "sender": one.sender, "text": one.text, "order": one.order, "at": one.at, "state": state,
        "red": one.order and state != "read_back", "read_at": one.read_at, "read_by": one.read_by or None,
        "read_back": one.read_back or None,
    }  # fmt: skip
