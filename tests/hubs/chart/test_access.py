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
    assert access.reach(hub(**more), SUFFIX, access.Known("20.1.2.3")).hub == url


def test_a_name_is_known_before_the_hub_is_made_and_an_address_is_not() -> None:
    assert access.host(hub(access={"dnsLabel": "r5hub"}), SUFFIX) == "r5hub.westus2.cloudapp.azure.com"
    assert access.host(hub(), SUFFIX) is None


KNOWN = access.Known("20.1.2.3", "20.1.2.4")


@pytest.mark.parametrize(
    ("more", "known", "expected"),
    [
        ({}, access.NOTHING, (None, None, None)),
        ({}, KNOWN, ("http://20.1.2.3/", None, "http://20.1.2.3/")),
        ({"flavor": "binderhub"}, access.NOTHING, (None, None, None)),
        ({"flavor": "binderhub"}, KNOWN, ("http://20.1.2.3/", "http://20.1.2.4/", "http://20.1.2.4/")),
    ],
    ids=["a-hub-to-be", "a-hub", "a-binderhub-to-be", "a-binderhub"],
)
def test_without_a_name_urls_are_known_with_the_addresses(
    more: dict[str, Any], known: access.Known, expected: tuple[str | None, ...]
) -> None:
    where = access.reach(hub(**more), SUFFIX, known)
    assert (where.hub, where.page, where.opened) == expected
    assert (where.host, where.callback) == (None, None)


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
