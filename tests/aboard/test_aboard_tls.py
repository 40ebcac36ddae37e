"""The own authority and its certificates, tried in a real handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from aboard.front.tls import (
    Certificates,
    check_listening,
    check_pair,
    days_left,
    must_have_tls,
    names_of,
    own_addresses,
    own_ca,
)
from casebook.clock import JumpClock, WallClock
from casebook.errors import RefusedInput


class SetClock(JumpClock):
    """A clock that stands where the test sets it."""

    def pass_days(self, days: int) -> None:
        self._now += timedelta(days=days)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 1, 5, 8, tzinfo=UTC))


def shake_hands(files: Certificates, name: str) -> str:
    """Connect to a TLS server with `files` under `name`, trusting the authority only; returns the version."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.cert, files.key)
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    theirs.settimeout(10)
    errors: list[Exception] = []

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as connection:
                connection.recv(1)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        device = ssl.create_default_context(cafile=str(files.ca))
        device.verify_flags |= ssl.VERIFY_X509_STRICT
        with device.wrap_socket(ours, server_hostname=name) as connection:
            version = connection.version() or ""
            connection.send(b".")
            return version
    finally:
        ours.close()
        thread.join(10)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "hub.hospital.example", "192.0.2.7", "2001:db8::7"])
def test_a_device_that_trusts_the_authority_reaches_the_hub_by_each_of_its_names(tmp_path: Path, name: str) -> None:
    files = own_ca(tmp_path / "tls", ["Hub.Hospital.Example", "192.0.2.7", "2001:DB8::7"], clock=WallClock())
    assert shake_hands(files, name) == "TLSv1.3"


def test_listening_everywhere_names_the_addresses_that_this_machine_has(tmp_path: Path) -> None:
    addresses = own_addresses()
    assert "127.0.0.1" not in addresses
    files = own_ca(tmp_path, ["0.0.0.0"])
    assert names_of(x509.load_pem_x509_certificate(files.cert.read_bytes())) >= addresses
    for address in addresses:
        assert shake_hands(files, address) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(files, "0.0.0.0")


def test_a_name_that_was_not_asked_for_is_refused_by_the_device(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(own_ca(tmp_path, ["hub.example"]), "other.example")


def test_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    files = own_ca(tmp_path / "tls")
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "tls").iterdir()} == {0o600}
    assert {file.name for file in (tmp_path / "tls").iterdir()} == {"ca.crt", "ca.key", files.cert.name, files.key.name}


def test_a_second_start_changes_nothing(tmp_path: Path, clock: SetClock) -> None:
    before = {file: file.read_bytes() for file in own_ca(tmp_path, ["hub.example"], clock=clock)}
    assert {file: file.read_bytes() for file in own_ca(tmp_path, ["hub.example"], clock=clock)} == before


def test_an_expiring_certificate_is_renewed_under_the_authority_that_devices_trust(
    tmp_path: Path, clock: SetClock
) -> None:
    files = own_ca(tmp_path, clock=clock)
    authority, cert = files.ca.read_bytes(), files.cert.read_bytes()
    assert days_left(files.cert, clock.now()) == 397
    clock.pass_days(366)
    own_ca(tmp_path, clock=clock)
    assert files.cert.read_bytes() == cert, "31 days left is not expiring"
    clock.pass_days(2)
    own_ca(tmp_path, clock=clock)
    assert days_left(files.cert, clock.now()) == 397
    assert files.ca.read_bytes() == authority


def test_an_authority_too_old_for_another_certificate_is_replaced_with_it(tmp_path: Path, clock: SetClock) -> None:
    files = own_ca(tmp_path, clock=clock)
    authority = files.ca.read_bytes()
    clock.pass_days(3650 - 300)
    own_ca(tmp_path, clock=clock)
    assert files.ca.read_bytes() != authority
    check_pair(files.cert, files.key)


def test_a_new_name_gets_a_new_certificate_and_keeps_the_authority(tmp_path: Path, clock: SetClock) -> None:
    files = own_ca(tmp_path, clock=clock)
    authority, cert = files.ca.read_bytes(), files.cert.read_bytes()
    own_ca(tmp_path, ["hub.example"], clock=clock)
    assert files.cert.read_bytes() != cert
    assert files.ca.read_bytes() == authority


@pytest.mark.parametrize("damaged", ["hub.crt", "hub.key", "ca.crt", "ca.key"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damaged: str) -> None:
    own_ca(tmp_path)
    (tmp_path / damaged).write_bytes(b"half a fi")
    assert shake_hands(own_ca(tmp_path), "localhost") == "TLSv1.3"


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = own_ca(tmp_path / "one"), own_ca(tmp_path / "other")
    with pytest.raises(RefusedInput) as refusal:
        check_pair(one.cert, other.key)
    assert refusal.value.key == "tls_unusable"
    assert str(one.cert) in refusal.value.said("zh")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput):
        check_pair(tmp_path / "none.crt", tmp_path / "none.key")


def test_an_impossible_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput) as refusal:
        own_ca(tmp_path, ["a" * 64 + ".example"])
    assert refusal.value.key == "tls_name"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_may_be_served_without_tls(host: str) -> None:
    assert not must_have_tls(host)
    check_listening(host, with_tls=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.4", "192.168.1.2", "hub.example", "localhost.example"])
def test_everywhere_else_needs_tls(host: str) -> None:
    assert must_have_tls(host)
    check_listening(host, with_tls=True)
    with pytest.raises(RefusedInput) as refusal:
        check_listening(host, with_tls=False)
    assert refusal.value.key == "tls_needed"
