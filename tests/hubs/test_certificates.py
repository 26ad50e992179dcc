"""What is taken for a hub's own certificate."""

from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from shared.hubs.certificates import Certificate, CertificateError, problem, read

NOW = datetime(2026, 11, 26, 4, tzinfo=UTC)
CA = trustme.CA()
MADE = CA.create_child_ca().issue_cert(
    "hub.example.org", "*.lab.example.org", not_before=NOW, not_after=NOW + timedelta(days=90)
)
KEY = MADE.private_key_pem.bytes().decode()
CHAIN = [part.bytes().decode() for part in MADE.cert_chain_pems]


def locked() -> str:
    key = serialization.load_pem_private_key(KEY.encode(), None)
    form = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pass")
    return key.private_bytes(serialization.Encoding.PEM, *form).decode()


@pytest.mark.parametrize("text", ["".join([*CHAIN, KEY]), "".join([KEY, *CHAIN]), "".join([*reversed(CHAIN), KEY])])
def test_chain_and_key_in_any_order_are_served_with_the_hubs_own_first(text: str) -> None:
    found = read(text)
    assert found.chain.startswith(CHAIN[0].strip())
    assert sorted(found.chain.count(part.strip()) for part in CHAIN) == [1, 1]
    assert found.key.strip() == KEY.strip()
    assert found.names == ("hub.example.org", "*.lab.example.org")
    assert found.ends == NOW + timedelta(days=90)


def test_neither_the_key_nor_anything_of_it_is_shown() -> None:
    found = read(CHAIN[0] + KEY)
    assert KEY.splitlines()[1] not in repr(found)
    assert found.mark == read(KEY + CHAIN[0]).mark != read("".join([*CHAIN, KEY])).mark


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no certificate in PEM form"),
        ("MIIJ" * 20, "no certificate in PEM form"),
        (KEY, "no certificate in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n" + KEY, "no certificate in PEM form"),
        (CHAIN[0], "no private keys"),
        (CHAIN[0] + KEY + KEY, "2 private keys"),
        (CHAIN[0] + locked(), "locked with a passphrase"),
        (CHAIN[0] + "-----BEGIN PRIVATE KEY-----\nbm9uZQ==\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (CHAIN[0] + CA.issue_cert("other.example.org").private_key_pem.bytes().decode(), "belongs to none"),
    ],
)
def test_what_is_no_certificate_with_its_key_is_refused(text: str, words: str) -> None:
    with pytest.raises(CertificateError, match=words) as caught:
        read(text)
    assert "BEGIN" not in str(caught.value).replace("-----BEGIN CERTIFICATE-----", "")


def certificate() -> Certificate:
    return read("".join([*CHAIN, KEY]))


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("hub.example.org", True),
        ("HUB.example.org", True),
        ("a.lab.example.org", True),
        ("lab.example.org", False),
        ("a.b.lab.example.org", False),
        ("example.org", False),
    ],
)
def test_a_wildcard_stands_for_one_label(name: str, covered: bool) -> None:
    assert certificate().covers(name) is covered


@pytest.mark.parametrize(
    ("name", "now", "words"),
    [
        ("hub.example.org", NOW, ""),
        ("www.example.org", NOW, "it is for hub.example.org, *.lab.example.org, not for www.example.org"),
        ("hub.example.org", NOW + timedelta(days=90), "has ended on 24 February 2027"),
        ("hub.example.org", NOW - timedelta(seconds=1), "begins on 26 November 2026 only"),
    ],
)
def test_a_certificate_is_good_for_its_names_and_its_time(name: str, now: datetime, words: str) -> None:
    found = problem(certificate(), name, now)
    assert words in found
    assert bool(words) == bool(found)
