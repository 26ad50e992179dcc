"""Values that an older chart took and a newer one does not are named, with what to write instead."""

from typing import Any

import pytest

from shared.hubs.patch.chart import REMOVED, Holder, held_troubles, troubles, unknown

OFFERED = ["4.4.0", "4.3.5", "3.3.8", "3.0.0", "2.0.0", "2.0.0-beta.1", "1.2.0"]


def nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


@pytest.mark.parametrize("item", REMOVED, ids=lambda item: item.key)
def test_a_key_that_is_gone_is_named_when_its_release_is_crossed(item: Any) -> None:
    major, minor = item.since
    values = nested(item.key, True)
    (found,) = [
        trouble
        for trouble in troubles(values, f"{major - 1}.9.0", f"{major}.{minor}.0", OFFERED)
        if trouble.field == f"values.{item.key}"
    ]
    assert item.instead in found.message
    assert troubles(values, f"{major}.{minor}.0", f"{major}.9.0", OFFERED) == []


@pytest.mark.parametrize(
    ("config", "installed", "wanted", "field"),
    [
        ({"hub.services": {"cull": {"admin": True}}}, "1.2.0", "2.0.0", "values.hub.services.cull.admin"),
        ({"hub.config": {"GitHubOAuthenticator": {"client_id": "x"}}}, "2.0.0", "3.3.8", "values.hub.config"),
        ({"hub.config": {"JupyterHub": {"authenticator_class": "github"}}}, "2.0.0", "3.3.8", "values.hub.config"),
        ({"hub.config": {"JupyterHub": {"authenticator_class": "pam"}}}, "3.3.8", "4.4.0", "values.hub.config"),
        ({"hub.config": {"loadRoles": {}}}, "4.2.0", "4.4.0", "values.hub.config.loadRoles"),
    ],
)
def test_what_means_something_else_now_is_named(
    config: dict[str, Any], installed: str, wanted: str, field: str
) -> None:
    ((key, value),) = config.items()
    assert [trouble.field for trouble in troubles(nested(key, value), installed, wanted, OFFERED)] == [field]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"JupyterHub": {"authenticator_class": "dummy"}},
        {"JupyterHub": {"authenticator_class": "shared-password"}},
        {"GitHubOAuthenticator": {"allowed_organizations": ["x"]}},
        {"JupyterHub": {"authenticator_class": "pam"}, "Authenticator": {"allow_all": True}},
        {"JupyterHub": {"authenticator_class": "github"}, "Authenticator": {"admin_users": ["ada"]}},
    ],
)
def test_a_hub_that_lets_somebody_in_goes_on(config: dict[str, Any]) -> None:
    values = {"hub": {"config": config}}
    assert troubles(values, "2.0.0", "3.3.8", OFFERED) == troubles(values, "3.3.8", "4.4.0", OFFERED) == []


def test_majors_are_gone_through_one_by_one() -> None:
    (found,) = troubles({}, "1.2.0", "4.4.0", OFFERED)
    assert found.field == "release.version"
    assert "set 2.0.0 first" in found.message


def test_a_major_is_no_way_back() -> None:
    (found,) = troubles({}, "4.4.0", "3.3.8", OFFERED)
    assert "cannot go back" in found.message
    assert troubles({}, "4.4.0", "4.2.0", OFFERED) == []


DEV = "1.0.0-0.dev.git.{}.habc"
HOLDERS = [Holder(DEV.format(n), inner) for n, inner in ((40, "4.4.0"), (39, "4.2.0"), (30, "3.3.8"), (20, "2.0.0"))]


def held(values: dict[str, Any], installed: Holder, wanted: Holder) -> list[tuple[str, str]]:
    found = held_troubles(values, "values.jupyterhub", installed, wanted, HOLDERS)
    return [(trouble.field, trouble.message) for trouble in found]


def test_of_a_chart_that_holds_jupyterhubs_the_inner_release_counts() -> None:
    lower: dict[str, Any] = {"hub": {"config": {"loadRoles": {}}}}
    ((field, message),) = held(lower, HOLDERS[1], HOLDERS[0])
    assert field == "values.jupyterhub.hub.config.loadRoles"
    assert "since chart 4.3.0" in message
    assert held(lower, HOLDERS[0], HOLDERS[1]) == []


def test_its_inner_majors_are_gone_through_one_by_one_and_never_back() -> None:
    ((field, message),) = held({}, HOLDERS[3], HOLDERS[0])
    assert field == "release.version"
    assert f"set {HOLDERS[2].version} first" in message
    ((field, message),) = held({}, HOLDERS[0], HOLDERS[2])
    assert field == "release.version"
    assert "cannot go back" in message
    nothing_between = held_troubles({}, "values.jupyterhub", HOLDERS[3], HOLDERS[0], [])
    assert "holds 3.x" in nothing_between[0].message


@pytest.mark.parametrize("inner", ["", "latest"])
def test_what_a_chart_holds_may_not_be_known(inner: str) -> None:
    assert unknown(HOLDERS[0], Holder(DEV.format(41), inner))
    assert held({}, HOLDERS[3], Holder(DEV.format(41), inner)) == []
    assert not unknown(HOLDERS[0], HOLDERS[3])
