"""How people reach a hub and log in."""

from typing import Any

import pytest

from shared.hubs.chart import access
from shared.hubs.chart.values import secret_references
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse
from shared.references import Reference

SUFFIX = "cloudapp.azure.com"
GITHUB = {"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}}}}


def hub(**more: Any) -> Hub:
    return parse({"name": "r5", **more}, "westus2")


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "http://20.1.2.3/"),
        ({"access": {"dnsLabel": "r5hub"}}, "http://r5hub.westus2.cloudapp.azure.com/"),
        ({"values": {"hub": {"baseUrl": "/jupyter"}}}, "http://20.1.2.3/jupyter/"),
        ({"values": {"hub": {"baseUrl": "/a/b/"}}}, "http://20.1.2.3/a/b/"),
        ({"values": {"hub": {"baseUrl": "/"}}}, "http://20.1.2.3/"),
        ({"values": {"hub": None}}, "http://20.1.2.3/"),
    ],
)
def test_the_address_of_a_hub(more: dict[str, Any], url: str) -> None:
    assert access.url(hub(**more), "20.1.2.3", SUFFIX) == url


def test_a_name_is_known_before_the_hub_is_made_and_an_address_is_not() -> None:
    assert access.host(hub(access={"dnsLabel": "r5hub"}), SUFFIX) == "r5hub.westus2.cloudapp.azure.com"
    assert access.host(hub(), SUFFIX) is None


@pytest.mark.parametrize(
    ("more", "ours"),
    [
        ({}, True),
        ({"auth": "shared-password"}, True),
        ({"auth": "none"}, False),
        ({"values": GITHUB}, False),
        ({"values": {"singleuser": {"memory": {"limit": "1G"}}}}, True),
    ],
    ids=["nothing-said", "asked-for", "open-in-so-many-words", "an-authenticator-of-ones-own", "other-values"],
)
def test_who_gets_a_shared_password(more: dict[str, Any], ours: bool) -> None:
    assert access.shared_password(hub(**more)) is ours


def test_the_shared_password_is_a_reference_and_never_itself() -> None:
    found = access.values(hub())["hub"]["config"]["SharedPasswordAuthenticator"]
    assert found == {"user_password": Reference("shared-password", own=True)}


def test_an_open_hub_has_no_password() -> None:
    assert secret_references(access.values(hub(auth="none"))) == []


def test_an_authenticator_of_ones_own_is_left_as_it_is() -> None:
    config = access.values(hub(values=GITHUB))["hub"]["config"]
    assert config["JupyterHub"]["authenticator_class"] == "github"
    assert secret_references(config) == []


def test_the_persons_values_are_in_the_charts() -> None:
    found = access.values(hub(values={"singleuser": {"memory": {"limit": "1G"}}}))
    assert found["singleuser"]["memory"]["limit"] == "1G"
