"""Make and check what TLS needs: an authority of our own, a certificate for this machine, the rule when it is a must.

For a station or hospital network without a certificate authority: the hub makes one, the tablets and boards trust its
`ca.crt` once. Serving with it is the hub's business; who may do what is settled by tokens, not here.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import ifaddr
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from casebook.clock import Clock, WallClock
from casebook.errors import RefusedInput

AUTHORITY_LASTS = timedelta(days=3650)
SERVER_LASTS = timedelta(days=397)  # browsers refuse more from public authorities; Apple refuses over 825 days from any
RENEW_BEFORE = timedelta(days=30)
CLOCKS_DIFFER_BY = timedelta(days=1)  # a tablet whose clock is behind must not find the certificate "not yet valid"
ALWAYS_NAMED = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = {"0.0.0.0", "::"}


class Certificates(NamedTuple):
    """Files in PEM: the server's certificate and key, and the authority's certificate, which devices have to trust."""

    cert: Path
    key: Path
    ca: Path


def must_have_tls(host: str) -> bool:
    """Whether listening on `host` needs TLS: all but loopback do. A name other than localhost counts as elsewhere."""
    if host.lower() == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return True


def check_listening(host: str, *, with_tls: bool) -> None:
    """Raises RefusedInput(`tls_needed`) for a host that is reachable from elsewhere and would be served without TLS."""
    if must_have_tls(host) and not with_tls:
        raise RefusedInput("tls_needed", host=host)


def check_pair(cert: Path, key: Path) -> None:
    """Raises RefusedInput(`tls_unusable`) where the two files cannot be read, or do not belong together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise RefusedInput("tls_unusable", cert_file=cert, key_file=key, why=error) from error


def own_ca(folder: Path, names: Iterable[str] = (), *, clock: Clock | None = None) -> Certificates:
    """The certificates in `folder`, made or renewed where they are missing, expiring, or do not cover `names`.

    `names`: host names and addresses by which devices reach this hub; this machine's own name and loopback are added.
    An address that means "all of them" (0.0.0.0, ::) stands for those that this machine has now. Key files have mode
    0600, the folder 0700. A new server certificate keeps the authority that devices already trust.
    """
    now = (clock or WallClock()).now()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = Certificates(folder / "hub.crt", folder / "hub.key", folder / "ca.crt")
    asked = {_spelled(name) for name in (*ALWAYS_NAMED, socket.gethostname(), *names) if name}
    wanted = (asked - EVERYWHERE) | (own_addresses() if asked & EVERYWHERE else set())
    authority = _load(files.ca, folder / "ca.key")
    if authority is None or _ends_within(authority[0], now, SERVER_LASTS):
        authority = _make_authority(now)
        _save(authority, files.ca, folder / "ca.key")
    server = _load(files.cert, files.key)
    if server is None or not _serves(server[0], authority[0], wanted, now):
        _save(_make_server(authority, wanted, now), files.cert, files.key)
    return files


def own_addresses() -> set[str]:
    """The addresses by which others reach this machine: of every adapter, without loopback and link-local ones."""
    told = (ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips)
    addresses = {ipaddress.ip_address(address.partition("%")[0]) for address in told}
    return {str(address) for address in addresses if not (address.is_loopback or address.is_link_local)}


Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _make_authority(now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Aboard {socket.gethostname()} {now:%Y-%m-%d}")
    builder = (
        _started(name, name, key, now, AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key


def _make_server(authority: Pair, names: set[str], now: datetime) -> Pair:
    ca, ca_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _started(_name(socket.gethostname()), ca.subject, key, now, SERVER_LASTS)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in sorted(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256()), key


def _started(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _serves(server: x509.Certificate, ca: x509.Certificate, wanted: set[str], now: datetime) -> bool:
    """Whether the certificate was signed by `ca`, names everything wanted and lasts a while yet."""
    try:
        server.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return wanted <= names_of(server) and not _ends_within(server, now, RENEW_BEFORE)


def names_of(certificate: x509.Certificate) -> set[str]:
    """Host names and addresses that the certificate is good for."""
    named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(entry.value) for entry in named}


def days_left(cert: Path, now: datetime) -> int:
    """Whole days until the certificate in the file ends; negative once it has. Raises ValueError if it is none."""
    return (x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc - now).days


def _ends_within(certificate: x509.Certificate, now: datetime, margin: timedelta) -> bool:
    return certificate.not_valid_after_utc - now < margin


def _load(cert_file: Path, key_file: Path) -> Pair | None:
    """The pair in the two files; None where one is missing, damaged, or they do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return certificate, key


def _save(pair: Pair, cert_file: Path, key_file: Path) -> None:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    _write(key_file, pair[1].private_bytes(*form))
    _write(cert_file, pair[0].public_bytes(serialization.Encoding.PEM))


def _write(file: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner only from the first byte on."""
    fresh = file.with_suffix(file.suffix + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])  # 64: the longest that X.520 allows


def _spelled(name: str) -> str:
    """One spelling per name: addresses in their shortest form, names in lower case and ASCII (IDNA)."""
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        return name.lower().encode("idna").decode("ascii")
    except UnicodeError as error:
        raise RefusedInput("tls_name", name=name) from error


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
