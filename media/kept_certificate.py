"""The certificate that seals a vehicle's media, made once and kept: the hub knows the vehicle again by it.

One file with the private key and the certificate, for its owner's eyes alone, sealed where the vehicle has a key for
its disk. A file that cannot be read is set aside, never written over: the hub then refuses the new key until a person
takes it. Whom it is shown to is `media.link`'s, what the hub makes of it `media.vehicle_key`'s.
"""

from __future__ import annotations

import logging
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiortc import RTCCertificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from casebook.clock import WallClock

log = logging.getLogger(__name__)
YEARS = 20  # no peer looks at the end of a self-signed certificate (RFC 8827 section 6.5): the fingerprint counts
_SEALED = b"BEGIN ENCRYPTED PRIVATE KEY"
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)  # before any vehicle's clock, right or wrong

Pair = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def kept_certificate(file: Path, disk_key: bytes = b"") -> RTCCertificate:
    """The certificate in `file`; where there is none, a new one that is there from now on.

    `disk_key` seals the private key; a file from before there was one is sealed now. A disk that takes nothing keeps no
    vehicle from going out: the certificate is then of this start only.
    """
    try:
        pair, is_safe = _read(file, disk_key) or (_made(), False)
        if not is_safe:
            _write(file, *pair, disk_key)
    except OSError as wrong:
        log.error("the key of the media cannot be kept in %s (%s)", file.name, wrong.strerror)
        pair = _made()
    return RTCCertificate(*pair)


def _read(file: Path, disk_key: bytes) -> tuple[Pair, bool] | None:
    """What is in the file, and whether it is sealed as it should be; None where there is nothing of use."""
    try:
        raw = file.read_bytes()
        return _parsed(raw, disk_key), not disk_key or _SEALED in raw
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as wrong:  # damaged, or sealed with another key
        aside = file.with_name(f"{file.name}.{WallClock().now():%Y%m%dT%H%M%S}.unreadable")
        file.rename(aside)
        log.error("the key of the media cannot be read (%s); it was set aside as %s", type(wrong).__name__, aside.name)
        return None


def _parsed(raw: bytes, disk_key: bytes) -> Pair:
    key = serialization.load_pem_private_key(raw, _password(disk_key) if _SEALED in raw else None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(type(key).__name__)
    return key, x509.load_pem_x509_certificate(raw)


def _password(disk_key: bytes) -> bytes:
    """In letters: a byte of zero would end it."""
    return disk_key.hex().encode()


def _made() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _certificate(key)


def _write(file: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, disk_key: bytes) -> None:
    """Whole or not at all: a vehicle that loses power meanwhile must not have half a key."""
    seal = serialization.BestAvailableEncryption(_password(disk_key)) if disk_key else serialization.NoEncryption()
    raw = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, seal)
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f"{file.name}.half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(raw + certificate.public_bytes(serialization.Encoding.PEM))
        out.flush()
        os.fsync(out.fileno())
    half.replace(file)


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Signed by itself. The name is random: it goes over the air in the clear and must not tell the vehicle's."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(_BEGIN).not_valid_after(_BEGIN + timedelta(days=365 * YEARS))
    return made.sign(key, hashes.SHA256())
