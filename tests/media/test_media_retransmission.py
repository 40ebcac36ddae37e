"""Which requests for lost packets are granted, and that a storm of them never crowds out the stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.retransmission import (
    BUDGET_BYTES_AT_START,
    BUDGET_BYTES_MAX,
    BUDGET_SHARE,
    KEPT_PACKETS,
    KEPT_S,
    Retransmission,
)


def sent(count: int, *, size_bytes: int = 100, at_s: float = 0.0) -> Retransmission[int]:
    history: Retransmission[int] = Retransmission()
    for seq in range(count):
        history.sent(seq & 0xFFFF, seq, size_bytes, at_s)
    return history


def test_a_lost_packet_is_sent_again_when_its_answer_was_lost_too_but_not_twice_for_one_round_trip() -> None:
    history = sent(10)
    granted = [ms for ms in (0, 10, 20, 55, 65, 115) if history.grant(3, ms / 1000, 0.06) == 3]
    assert granted == [0, 55, 115]


def test_what_was_never_sent_or_is_overwritten_or_too_old_is_refused() -> None:
    history = sent(KEPT_PACKETS + 5)
    assert history.grant(4, 0.0, 0.0) is None and history.grant(5, 0.0, 0.0) == 5
    assert history.grant(40_000, 0.0, 0.0) is None
    assert history.grant(300, KEPT_S + 0.01, 0.0) is None and history.refused == 3


def test_what_nobody_needs_any_more_is_refused_and_what_follows_is_not() -> None:
    history = sent(10)
    history.forget()
    history.sent(10, 10, 100, 0.0)
    assert history.grant(9, 0.0, 0.0) is None and history.grant(10, 0.0, 0.0) == 10


def test_a_number_that_wrapped_is_found() -> None:
    assert sent(65_536 + 10).grant(5, 0.0, None) == 65_541


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 40), st.integers(1, 1300), st.integers(0, 100)),
        min_size=1,
        max_size=300,
    )
)
def test_repetition_never_exceeds_its_share_of_what_is_sent(steps: list[tuple[bool, int, int, int]]) -> None:
    history: Retransmission[int] = Retransmission()
    at_s, seq, sent_bytes, again_bytes = 0.0, 0, 0, 0
    for first, back, size_bytes, pause_ms in steps:
        at_s += pause_ms / 1000
        if first:
            history.sent(seq, size_bytes, size_bytes, at_s)
            seq, sent_bytes = seq + 1, sent_bytes + size_bytes
        else:
            again_bytes += history.grant(max(0, seq - back), at_s, 0.0) or 0
        assert again_bytes <= BUDGET_BYTES_AT_START + BUDGET_SHARE * sent_bytes
    assert history._budget_bytes <= BUDGET_BYTES_MAX
