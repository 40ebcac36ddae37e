"""A vehicle's media key outlives restarts, is for nobody else's eyes, and is never lost by writing over it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection

from media.aiortc_private import seal_with
from media.kept_certificate import kept_certificate
from media.vehicle_key import fingerprint_of

DISK_KEY = bytes(range(32))  # begins with a zero, which ends a text in C


def name_of(certificate: RTCCertificate) -> str:
    return next(one.value for one in certificate.getFingerprints() if one.algorithm == "sha-256")


@pytest.mark.parametrize("disk_key", [b"", DISK_KEY])
def test_it_is_the_same_after_a_restart_and_only_its_owner_may_read_it(tmp_path: Path, disk_key: bytes) -> None:
    file = tmp_path / "vehicle" / "media.pem"
    first = kept_certificate(file, disk_key)
    assert name_of(kept_certificate(file, disk_key)) == name_of(first)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (b"ENCRYPTED" in file.read_bytes()) == bool(disk_key)


def test_a_vehicle_that_gets_a_key_for_its_disk_keeps_the_certificate_and_seals_it(tmp_path: Path) -> None:
    file = tmp_path / "media.pem"
    first = kept_certificate(file)
    assert name_of(kept_certificate(file, DISK_KEY)) == name_of(first)
    assert b"ENCRYPTED" in file.read_bytes()


@pytest.mark.parametrize("what", ["damaged", "sealed with another key"])
def test_one_that_cannot_be_read_is_set_aside_whole_and_a_new_one_made(tmp_path: Path, what: str) -> None:
    file = tmp_path / "media.pem"
    first = kept_certificate(file, bytes(32) if what == "sealed with another key" else b"")
    if what == "damaged":
        file.write_bytes(file.read_bytes()[:100])
    before = file.read_bytes()
    assert name_of(kept_certificate(file, DISK_KEY)) != name_of(first)
    (aside,) = tmp_path.glob("media.pem.*.unreadable")
    assert aside.read_bytes() == before


def test_a_disk_that_takes_nothing_keeps_no_vehicle_from_going_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    assert name_of(kept_certificate(tmp_path / "file" / "media.pem"))


async def test_every_connection_of_the_vehicle_shows_it(tmp_path: Path) -> None:
    certificate = kept_certificate(tmp_path / "media.pem")
    for _ in range(2):
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        seal_with(pc, certificate)
        pc.addTransceiver("video", direction="sendonly")
        await pc.setLocalDescription(await pc.createOffer())
        assert fingerprint_of(pc.localDescription.sdp) == name_of(certificate)
        await pc.close()
