"""What a hub keeps with a key cannot be read, moved or altered on its disk, and is given out as if it were plain."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from media.bulk import BulkStore, Claim
from media.sealed_file import HEAD_BYTES, MAGIC, PIECE_BYTES, PLAIN, SEALED_BYTES, DiskSeal, SealedElsewhere, is_sealed
from media.sealed_response import kept_response, span_of

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SEAL = DiskSeal(KEY)
WORDS = b"Name: Zhang San. " * 4000  # four pieces and a part of one
JPEG = b"\xff\xd8\xff\xe0" + b"Zhang San" * 9000 + b"\xff\xd9"

places = st.integers(0, 3 * PIECE_BYTES) | st.sampled_from([PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
writes = st.lists(st.tuples(places, st.integers(0, 2 * PIECE_BYTES + 3), st.binary(min_size=1, max_size=1)), max_size=8)


@settings(max_examples=40, deadline=None)
@given(writes, st.lists(st.tuples(places, st.integers(0, 40_000)), max_size=5))
def test_whatever_is_written_wherever_a_sealed_file_reads_as_a_plain_one(tmp_path_factory, written, reads):
    """As a muxer does: forwards, and back to its head at the end."""
    file, plain = tmp_path_factory.mktemp("sealed") / "x", io.BytesIO()
    with SEAL.create(file) as out:
        for place, count, byte in written:
            for one in (out, plain):
                one.seek(place)
                one.write(byte * count) if count else None
    whole = plain.getvalue()
    assert SEAL.read(file) == whole and SEAL.size(file) == len(whole)
    with SEAL.open(file) as opened:
        for place, count in reads:
            opened.seek(place)
            assert opened.read(1) == whole[place : place + 1]
            assert b"".join(SEAL.parts(file, place, place + count)) == whole[place : place + count]


def test_nothing_of_what_was_said_stands_on_the_disk_and_the_same_twice_looks_different(tmp_path: Path):
    for name in "ab":
        (tmp_path / name).write_bytes(SEAL.sealed(WORDS))
        raw = (tmp_path / name).read_bytes()
        assert raw.startswith(MAGIC) and b"Zhang" not in raw and SEAL.read(tmp_path / name) == WORDS
    assert len({(tmp_path / name).read_bytes() for name in "ab"}) == 2


@pytest.mark.parametrize("seal", [DiskSeal(OTHER), PLAIN])
def test_without_its_key_a_file_is_refused_by_name_and_left_as_it_is(tmp_path: Path, seal: DiskSeal):
    file = tmp_path / "1.webm"
    file.write_bytes(SEAL.sealed(WORDS))
    before = file.read_bytes()
    with pytest.raises(SealedElsewhere) as caught:
        seal.open(file)
    assert caught.value.facts["file"] == "1.webm"
    with pytest.raises(SealedElsewhere):
        seal.append(file, b"more")
    assert file.read_bytes() == before


def test_a_piece_that_was_altered_or_put_elsewhere_is_refused(tmp_path: Path):
    whole = SEAL.sealed(WORDS)
    pieces = [whole[at : at + SEALED_BYTES] for at in range(HEAD_BYTES, len(whole), SEALED_BYTES)]
    stranger = SEAL.sealed(WORDS)[HEAD_BYTES : HEAD_BYTES + SEALED_BYTES]
    head, file = whole[:HEAD_BYTES], tmp_path / "x"
    flipped = bytes([pieces[1][40] ^ 1]).join([pieces[1][:40], pieces[1][41:]])
    for changed in (
        [pieces[1], pieces[0], *pieces[2:]], [pieces[0], stranger, *pieces[2:]], [pieces[0], flipped, *pieces[2:]]
    ):  # fmt: skip
        file.write_bytes(head + b"".join(changed))
        with pytest.raises(SealedElsewhere):
            SEAL.read(file)


def test_files_from_before_there_was_a_key_are_read_and_a_new_one_is_sealed(tmp_path: Path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"from before")
    SEAL.append(old, b" and since")
    assert SEAL.read(old) == old.read_bytes() == b"from before and since"
    for at in range(0, len(WORDS), 5000):
        SEAL.append(new, WORDS[at : at + 5000])
    assert is_sealed(new) and SEAL.read(new) == WORDS


def test_a_file_of_the_crew_is_sealed_while_it_comes_and_when_it_is_whole(tmp_path: Path):
    """Also one whose first pieces came before the hub had a key."""
    sha256 = PLAIN.digest(_written(tmp_path / "photo", JPEG))
    for unit, first in (("A01", PLAIN), ("B02", SEAL)):
        folder = tmp_path / unit
        claim = Claim(unit, "I1-A", "photo", sha256, len(JPEG), datetime(2026, 3, 1, tzinfo=UTC))
        store = BulkStore(folder, seal=first)
        offset = store.append(claim, store.begin(claim), JPEG[:30_000])
        store = BulkStore(folder, seal=SEAL)
        assert store.begin(claim) == offset == 30_000
        if first is SEAL:
            assert all(b"Zhang" not in file.read_bytes() for file in folder.rglob("*") if file.is_file())
        store.append(claim, offset, JPEG[offset:])
        store.finish(claim)
        kept = store.find_whole(sha256)
        assert kept is not None and SEAL.read(kept) == JPEG and b"Zhang" not in kept.read_bytes()


def test_over_http_a_sealed_file_is_given_as_a_plain_one_whole_and_by_ranges(tmp_path: Path):
    app = FastAPI()
    _written(tmp_path / "plain", WORDS)
    _written(tmp_path / "sealed", SEAL.sealed(WORDS))

    @app.get("/{name}")
    def give(name: str, request: Request):
        return kept_response(SEAL, tmp_path / name, request, media="video/webm", name="张 1.webm", headers={"X-A": "b"})

    client = TestClient(app)
    for asked in (
        "",
        "bytes=0-",
        "bytes=5-16400",
        "bytes=-70",
        f"bytes={PIECE_BYTES}-{PIECE_BYTES}",
        "bytes=99999999-",
    ):
        told = [client.get(f"/{name}", headers={"Range": asked} if asked else {}) for name in ("plain", "sealed")]
        assert told[0].status_code == told[1].status_code
        if told[0].status_code < 300:
            assert told[0].content == told[1].content
        for name in ("content-length", "content-range", "content-disposition", "accept-ranges", "x-a"):
            if told[0].status_code < 300:
                assert told[0].headers.get(name) == told[1].headers.get(name), (asked, name)


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("", None), ("bytes=-", None), ("bytes=2-3", (2, 4)), ("bytes=2-99", (2, 9)), ("bytes=-4", (5, 9)),
        ("bytes=0-", (0, 9)), ("bytes=-99", (0, 9)), ("bytes=9-", (9, 9)), ("bytes=12-20", (9, 9)),
        ("bytes=-0", (9, 9)),
        ("bytes=3-2", None), ("lines=1-2", None), ("bytes=1-2,4-5", None), ("bytes=0x1-3", None),
    ],
)  # fmt: skip
def test_what_a_range_asks_for(asked: str, span: tuple[int, int] | None):
    assert span_of(asked, 9) == span


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file
