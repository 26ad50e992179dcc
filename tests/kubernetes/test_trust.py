"""Whether a client would take a certificate, by the roots that requests trusts."""

from pathlib import Path

import pytest
import trustme

from shared.kubernetes.trust import refusal

HOST = "hub.example.org"
CA = trustme.CA()


def made(issuer: trustme.CA) -> tuple[str, str]:
    issued = issuer.issue_cert(HOST)
    return "".join(part.bytes().decode() for part in issued.cert_chain_pems), issued.private_key_pem.bytes().decode()


@pytest.fixture
def _trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))


@pytest.mark.usefixtures("_trusted")
def test_what_a_trusted_authority_vouches_for_is_taken_for_its_name() -> None:
    assert refusal(*made(CA), HOST) == ""
    assert "not valid for 'www.example.org'" in refusal(*made(CA), "www.example.org")


@pytest.mark.usefixtures("_trusted")
def test_a_chain_without_its_intermediate_is_refused_and_with_it_taken() -> None:
    chain, key = made(CA.create_child_ca())
    assert refusal(chain, key, HOST) == ""
    own = chain.partition("-----END CERTIFICATE-----\n")
    assert "local issuer" in refusal(own[0] + own[1], key, HOST)


def test_without_the_setting_public_authorities_alone_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    assert "issuer" in refusal(*made(CA), HOST)


def test_a_key_of_another_certificate_cannot_be_served() -> None:
    assert refusal(made(CA)[0], made(CA)[1], HOST) == "KEY_VALUES_MISMATCH"
