"""A picture that was carried forward, with what follows it, is the picture of the whole log; nothing else is taken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from casebook_tales import BY, OPENING, START, tales, that_fit
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from casebook import events as e
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.drafting import draft_of
from casebook.ledger_now import LedgerNow
from casebook.log import Entry, MemoryLog, Source
from casebook.picture import TREND_LENGTH
from casebook.store import carried
from casebook.store.carried import SOURCES, NotTaken, pack, unpack
from casebook.store.exports import read_export
from casebook.store.restoring import fold_all, hash_of
from casebook.store.seals import Seal, seal_of

RELEASED = Path(__file__).parent / "logs" / "0.1.0.jsonl"
HARMLESS = {"errors", "words", "capacity.resources"}  # they say and weigh, and fold nothing


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return seal_of(tmp_path_factory.mktemp("hub"))


def log_of(entries: Sequence[Entry]) -> MemoryLog:
    log = MemoryLog()
    log.adopt(entries, [], [])
    return log


def kept(entries: Sequence[Entry], seal: Seal) -> bytes:
    """What a hub leaves that has folded these."""
    ledger = LedgerNow()
    book = Book.open(log_of(entries), JumpClock(START), ledger.hear)
    return pack(book.picture, entries[-1], ledger.kept(), seal)


def goes_on(raw: bytes, entries: Sequence[Entry], seal: Seal) -> tuple[Book, LedgerNow, int]:
    """(the book, its ledger, how many entries were told) of a start on it."""
    heard: list[Entry] = []
    log, ledger = log_of(entries), LedgerNow()
    found = unpack(raw, log, seal)
    ledger.take(found.piles)

    def hear(some: Sequence[Entry]) -> None:
        heard.extend(some)
        ledger.hear(some)

    return Book.open(log, JumpClock(START), hear, found), ledger, len(heard)


def is_whole(raw: bytes, entries: Sequence[Entry], seal: Seal, cut: int) -> None:
    """A start from the picture of the first `cut` entries is a start from none."""
    book, ledger, heard = goes_on(raw, entries, seal)
    whole = LedgerNow()
    whole.hear(entries)
    assert hash_of(book.picture) == hash_of(fold_all(entries)) and book.picture == fold_all(entries)
    assert heard == len(entries) - cut
    assert all(ledger.find(id) == whole.find(id) for id in book.picture.casualties)


def entries_of(tale: Sequence[e.Event]) -> list[Entry]:
    """A log of those facts that fit; who holds what is not asked."""
    drafts = []
    for number, fact in enumerate(that_fit(tale), start=1):
        at = START + timedelta(seconds=number)
        drafts.append(replace(draft_of(fact, at, at, BY, Source("A01", "e", number), ""), claims=()))
    return MemoryLog().append(drafts)


@settings(max_examples=80, deadline=None)
@given(tales, st.data())
def test_a_start_from_any_point_of_any_tale_gives_the_picture_of_the_whole(
    seal: Seal, tale: list[e.Event], data: st.DataObject
):
    entries = entries_of(tale)
    cut = data.draw(st.integers(1, len(entries)))
    is_whole(kept(entries[:cut], seal), entries, seal, cut)


def test_so_does_a_start_from_any_point_of_a_case_from_the_call_to_the_handover(case: list[Entry], seal: Seal):
    for cut in (*range(1, len(case), 9), len(case)):
        is_whole(kept(case[:cut], seal), case, seal, cut)


def test_a_trend_at_its_length_lets_the_same_samples_go(seal: Seal):
    """It holds on to a coma score that was taken once; what it knew of that is found again."""
    tale = [
        *OPENING,
        e.VitalsRecorded("I1-A", "A01", {"gcs_eye": 4}),
        *(e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 60 + number % 90}) for number in range(TREND_LENGTH + 50)),
    ]
    entries = entries_of(tale)
    cut = len(entries) - 20
    is_whole(kept(entries[:cut], seal), entries, seal, cut)
    picture = unpack(kept(entries, seal), log_of(entries), seal).picture
    assert picture.casualties["I1-A"].trend[0].vitals == {"gcs_eye": 4}


def test_what_others_may_do_meanwhile_changes_nothing_of_what_is_kept(case: list[Entry], seal: Seal):
    """The ledger goes on, with history too, while it is written down in another thread."""
    tale = [*OPENING, *(e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 80}) for _ in range(9))]
    entries = entries_of(tale)
    ledger = LedgerNow()
    ledger.hear(entries)
    before, piles = ledger.find("I1-A"), ledger.kept()
    early = [replace(entries[-1], at=START - timedelta(seconds=9 * number)) for number in range(3)]
    raw = pack(fold_all(entries), entries[-1], piles, seal, rest=lambda: ledger.hear(early))
    assert ledger.find("I1-A") != before
    assert goes_on(raw, entries, seal)[1].find("I1-A") == before


# --- what is not taken


def why_not(raw: bytes, entries: Sequence[Entry], seal: Seal) -> str:
    with pytest.raises(NotTaken) as caught:
        unpack(raw, log_of(entries), seal)
    return caught.value.why


@pytest.fixture(scope="module")
def case() -> list[Entry]:
    return read_export(RELEASED)[0]


@pytest.fixture(scope="module")
def raw(case: list[Entry], seal: Seal) -> bytes:
    return kept(case[:80], seal)


def test_a_file_that_is_cut_anywhere_is_not_taken(raw: bytes, case: list[Entry], seal: Seal):
    line = raw.index(b"\n")
    whys = {size: why_not(raw[:size], case, seal) for size in (0, 9, line, line + 1, len(raw) // 2, len(raw) - 1)}
    assert set(whys.values()) == {"unreadable", "cut"}
    assert why_not(raw + b"x", case, seal) == "cut"


def test_a_file_with_one_other_bit_anywhere_is_not_taken(raw: bytes, case: list[Entry], seal: Seal):
    body = raw.index(b"\n") + 1
    for at in (*range(0, body, 11), *range(body, len(raw), 397)):
        flipped = raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :]
        assert why_not(flipped, case, seal) in {"unreadable", "signer", "program", "cut", "altered"}


def test_a_file_that_another_hub_signed_is_not_taken(raw: bytes, case: list[Entry], seal: Seal, tmp_path: Path):
    other = seal_of(tmp_path)
    assert why_not(raw, case, other) == "signer"
    line, _, body = raw.partition(b"\n")
    forged = msgspec.json.decode(line) | {"signer": seal.signer, "signature": "00" * 64}
    assert why_not(msgspec.json.encode(forged) + b"\n" + body, case, seal) == "signer"


def test_a_program_that_folds_otherwise_does_not_take_it(
    raw: bytes, case: list[Entry], seal: Seal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(carried, "fold_version", lambda: "0" * 64)
    assert why_not(raw, case, seal) == "program"


def test_it_stands_on_an_entry_of_this_log_or_is_not_taken(raw: bytes, case: list[Entry], seal: Seal):
    assert unpack(raw, log_of(case[:80]), seal).picture == fold_all(case[:80])
    assert why_not(raw, case[:79], seal) == "entry", "a log that is shorter"
    others = entries_of([*OPENING, *(e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 80}) for _ in range(90))])
    assert why_not(raw, others, seal) == "entry", "another book"
    altered = [replace(one, asked="x") if one.seq == 80 else one for one in case]
    assert why_not(raw, altered, seal) == "entry", "its words are not what was hashed"


LOADED = """
import sys, casebook.folding.course, casebook.ledger_now
print(*(one for one in sys.modules if one.startswith("casebook.")))
"""


def test_everything_that_folds_is_in_the_version_of_the_fold():
    """Whatever the fold and the shapes of a picture are loaded with is hashed, or folds nothing."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120)
    hashed = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in SOURCES}
    loaded = {one.removeprefix("casebook.") for one in done.stdout.split()}
    of_folders = {one for one in loaded if one.partition(".")[0] in {"events", "folding"}}
    assert loaded - hashed - of_folders == HARMLESS and {"events.fact", "folding.trend"} <= of_folders


def test_a_changed_source_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    room = Path(carried.__file__).parent.parent
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (room / name).is_dir():
            shutil.copytree(room / name, tmp_path / name)
        else:
            shutil.copy(room / name, tmp_path / name)
    monkeypatch.setattr(carried, "__file__", str(tmp_path / "store" / "carried.py"))
    version = carried.fold_version.__wrapped__
    before = version()
    assert before == carried.fold_version(), "wherever it lies"
    for file in (tmp_path / "folding" / "trend.py", tmp_path / "vital_limits.json"):
        file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert version() != before
        before = version()
