"""A hub's own certificate, as it is kept in Key Vault: chain and private key in PEM form, one after the other. Pure.

Which names a certificate covers: RFC 6125 and RFC 9525 (names of the subject's alternative names only, a wildcard for one label).
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

_KEY = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----(?:(?!-----).)*+-----END \1PRIVATE KEY-----", re.DOTALL)
"""It ends at the next five dashes or not at all, so that no text is read twice."""
_PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

WARN_BEFORE = timedelta(days=30)
"""So long before its end a person is told, once a week: certificates take days to get in some places."""


class CertificateError(Exception):
    """What is wrong with it, as a sentence that says nothing of the key."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that its key belongs to. begins, ends: UTC."""

    chain: str
    """PEM, the hub's own certificate first."""
    key: str = field(repr=False)
    names: tuple[str, ...]
    begins: datetime
    ends: datetime

    @property
    def mark(self) -> str:
        """Tells one certificate from the next; nothing can be read from it."""
        return hashlib.sha256(self.chain.encode()).hexdigest()[:12]

    def covers(self, host: str) -> bool:
        _, _, parent = host.lower().partition(".")
        return any(name.lower() in (host.lower(), f"*.{parent}") for name in self.names)


def read(text: str) -> Certificate:
    """Raises CertificateError."""
    keys = [match.group() for match in _KEY.finditer(text)]
    try:
        certificates = x509.load_pem_x509_certificates(_KEY.sub("", text).encode())
    except ValueError:
        raise CertificateError("it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None
    if len(keys) != 1:
        raise CertificateError(f"it holds {len(keys) or 'no'} private keys in PEM form; one belongs to a certificate")
    public = _public_half(keys[0])
    own = next((item for item in certificates if item.public_key().public_bytes(*_PUBLIC) == public), None)
    if own is None:
        raise CertificateError("its private key belongs to none of its certificates")
    chain = [
        own,
        *(item for item in certificates if item is not own),
    ]  # as servers must send it; some files begin at the root
    return Certificate(
        chain="".join(item.public_bytes(serialization.Encoding.PEM).decode() for item in chain),
        key=f"{keys[0]}\n",
        names=_names(own),
        begins=own.not_valid_before_utc,
        ends=own.not_valid_after_utc,
    )


def _public_half(pem: str) -> bytes:
    try:
        return serialization.load_pem_private_key(pem.encode(), password=None).public_key().public_bytes(*_PUBLIC)
    except TypeError:
        raise CertificateError("its private key is locked with a passphrase, which nobody could type in") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("its private key cannot be read") from None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.get_values_for_type(x509.DNSName))


def problem(certificate: Certificate, host: str, now: datetime) -> str:
    """Why it is not good for this host now, as a sentence; empty when it is."""
    if not certificate.covers(host):
        listed = ", ".join(certificate.names) or "no host name"
        return f"it is for {listed}, not for {host}"
    if now >= certificate.ends:
        return f"it has ended on {certificate.ends:%d %B %Y}"
    return f"it begins on {certificate.begins:%d %B %Y} only" if now < certificate.begins else ""
