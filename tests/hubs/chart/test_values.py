"""What the product puts into a chart's values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import references
from shared.errors import NotFoundError
from shared.hubs.chart.values import (
    SCOPES,
    Https,
    ValuesError,
    chart_values,
    fill,
    merge,
    open_to_all,
    secret_references,
    shared_password,
)
from shared.references import Reference

PASSWORD = Reference("r5-password", own=True)
AUTH = shared_password(PASSWORD)


def values(user: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"image": None, "dns_label": None, "https": None, "auth": AUTH} | given
    return chart_values(**settings, user_values=user or {})


def no_secret(reference: Reference) -> str:
    raise KeyError(reference.name)


def test_a_hub_without_any_wishes_gets_everything_it_needs() -> None:
    assert values(image="jupyter/scipy-notebook:2026-01-05", dns_label="r5") == {
        "prePuller": {"hook": {"enabled": False}},
        "singleuser": {
            "image": {"name": "jupyter/scipy-notebook", "tag": "2026-01-05"},
            "cloudMetadata": {"blockWithIptables": True},
            "networkPolicy": {"enabled": True},
        },
        "proxy": {
            "service": {"annotations": {"service.beta.kubernetes.io/azure-dns-label-name": "r5"}},
            "chp": {"networkPolicy": {"enabled": True}},
            "traefik": {"networkPolicy": {"enabled": True}},
        },
        "hub": {
            "networkPolicy": {"enabled": True},
            "services": {"hubkeeper": {}},
            "loadRoles": {"hubkeeper": {"scopes": list(SCOPES), "services": ["hubkeeper"]}},
            "config": {
                "JupyterHub": {"authenticator_class": "shared-password"},
                "Authenticator": {"allow_all": True},
                "SharedPasswordAuthenticator": {"user_password": PASSWORD},
                "KubeSpawner": {"delete_pvc": False},
            },
        },
    }


def test_without_a_login_of_ours_the_values_have_theirs_alone() -> None:
    assert "SharedPasswordAuthenticator" not in values(auth=None)["hub"]["config"]
    assert "Authenticator" not in values(auth=None)["hub"]["config"]


def test_other_settings_of_the_hub_do_not_switch_the_password_off() -> None:
    user = {"hub": {"config": {"Authenticator": {"admin_users": ["ada"]}, "KubeSpawner": {"delete_pvc": True}}}}
    config = values(user)["hub"]["config"]
    assert config["SharedPasswordAuthenticator"] == {"user_password": PASSWORD}
    assert config["Authenticator"] == {"allow_all": True, "admin_users": ["ada"]}
    assert config["KubeSpawner"] == {"delete_pvc": True}


def test_an_open_hub_is_open_in_so_many_words() -> None:
    assert values(auth=open_to_all())["hub"]["config"]["JupyterHub"] == {"authenticator_class": "dummy"}


def test_users_win_over_our_defaults() -> None:
    assert values({"prePuller": {"hook": {"enabled": True}}})["prePuller"] == {"hook": {"enabled": True}}


def test_users_do_not_win_over_what_the_product_needs() -> None:
    user = {
        "hub": {
            "services": {"hubkeeper": {"apiToken": "secret://mine"}, "other": {"url": "http://x"}},
            "loadRoles": {"hubkeeper": {"scopes": ["self"]}, "other": {"scopes": ["self"]}},
        },
        "proxy": {"service": {"annotations": {"service.beta.kubernetes.io/azure-dns-label-name": "other", "a": "b"}}},
    }
    made = values(user, dns_label="r5")
    assert made["hub"]["services"] == {"hubkeeper": {"apiToken": "secret://mine"}, "other": {"url": "http://x"}}
    assert made["hub"]["loadRoles"]["hubkeeper"]["scopes"] == list(SCOPES)
    assert made["hub"]["loadRoles"]["other"] == {"scopes": ["self"]}
    assert made["proxy"]["service"]["annotations"]["service.beta.kubernetes.io/azure-dns-label-name"] == "r5"
    assert made["proxy"]["service"]["annotations"]["a"] == "b"


@pytest.mark.parametrize(
    ("image", "user", "result"),
    [
        ("a/b:1", {}, {"name": "a/b", "tag": "1"}),
        ("localhost:5000/a/b", {}, {"name": "localhost:5000/a/b", "tag": "latest"}),
        ("localhost:5000/a/b:2", {}, {"name": "localhost:5000/a/b", "tag": "2"}),
        ("a/b@sha256:0123", {}, {"name": "a/b@sha256", "tag": "0123"}),
        ("a/b:1", {"name": "c/d"}, {"name": "c/d"}),
        ("a/b:1", {"tag": "2"}, {"name": "a/b", "tag": "2"}),
        ("a/b:1", {"pullPolicy": "Always"}, {"name": "a/b", "tag": "1", "pullPolicy": "Always"}),
    ],
)
def test_an_image_is_name_and_tag_of_one_hand(image: str, user: dict[str, str], result: dict[str, str]) -> None:
    assert values({"singleuser": {"image": user}}, image=image)["singleuser"]["image"] == result


def test_https_with_lets_encrypt() -> None:
    https = Https(["hub.example.org"], email="ada@example.org", acme_server="https://acme.example/directory")
    assert values(https=https)["proxy"]["https"] == {
        "enabled": True,
        "type": "letsencrypt",
        "hosts": ["hub.example.org"],
        "letsencrypt": {"contactEmail": "ada@example.org", "acmeServer": "https://acme.example/directory"},
    }


def test_https_with_a_certificate_from_key_vault_is_made_of_references() -> None:
    key, certificate = Reference("r5-key"), Reference("r5-cert")
    made = values(https=Https(["hub.example.org"], type="manual", key=key, certificate=certificate))
    assert made["proxy"]["https"]["manual"] == {"key": key, "cert": certificate}
    assert secret_references(made) == [certificate, key, PASSWORD]


def test_https_with_a_secret_of_the_cluster() -> None:
    assert values(https=Https(["h.example.org"], "secret", secret="tls"))["proxy"]["https"]["secret"] == {"name": "tls"}


@pytest.mark.parametrize(
    ("https", "path"),
    [
        ({"enabled": True}, "values.proxy.https.hosts"),
        ({"enabled": True, "type": "manual", "hosts": []}, "values.proxy.https.hosts"),
        ({"enabled": True, "hosts": ["h"]}, "values.proxy.https.letsencrypt.contactEmail"),
    ],
)
def test_https_that_would_silently_be_http_is_refused(https: dict[str, Any], path: str) -> None:
    with pytest.raises(ValuesError) as caught:
        values({"proxy": {"https": https}})
    assert caught.value.path == path


@pytest.mark.parametrize("https", [{"enabled": False}, {"enabled": True, "type": "offload"}])
def test_https_done_elsewhere_needs_no_host(https: dict[str, Any]) -> None:
    assert values({"proxy": {"https": https}})["proxy"]["https"] == https


@pytest.mark.parametrize(
    ("user", "path"), [({"hub": "x"}, "values.hub"), ({"hub": {"services": []}}, "values.hub.services")]
)
def test_something_else_than_an_object_where_one_belongs_is_refused(user: dict[str, Any], path: str) -> None:
    with pytest.raises(ValuesError, match="must be an object") as caught:
        values(user)
    assert caught.value.path == path


def test_the_users_values_are_not_changed() -> None:
    user: dict[str, Any] = {"hub": {"config": {}}}
    values(user, dns_label="r5")
    assert user == {"hub": {"config": {}}}


NOTHING: list[Any] = [None, "", [], {}]


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize(
    "place",
    [
        ["hub"],
        ["hub", "config"],
        ["hub", "config", "JupyterHub"],
        ["hub", "config", "JupyterHub", "authenticator_class"],
        ["hub", "config", "SharedPasswordAuthenticator"],
        ["hub", "config", "SharedPasswordAuthenticator", "user_password"],
        ["hub", "config", "KubeSpawner"],
        ["hub", "config", "KubeSpawner", "delete_pvc"],
        ["hub", "services"],
        ["hub", "services", "hubkeeper"],
        ["hub", "loadRoles"],
        ["hub", "loadRoles", "hubkeeper"],
        ["hub", "loadRoles", "hubkeeper", "scopes"],
        ["hub", "networkPolicy"],
        ["hub", "networkPolicy", "enabled"],
        ["proxy"],
        ["proxy", "chp", "networkPolicy"],
        ["singleuser"],
        ["singleuser", "networkPolicy"],
        ["singleuser", "cloudMetadata"],
        ["singleuser", "cloudMetadata", "blockWithIptables"],
    ],
    ids=".".join,
)
def test_what_says_nothing_takes_nothing_of_ours_away(place: list[str], nothing: Any) -> None:
    user = nothing
    for key in reversed(place):
        user = {key: user}
    try:
        made = values(user, dns_label="r5")
    except ValuesError:
        assert isinstance(nothing, str | list | dict)  # refused is as good as unheard
    else:
        assert made == values(dns_label="r5")


def test_a_null_where_ours_has_nothing_takes_the_charts_default_away() -> None:
    assert values({"singleuser": {"memory": {"guarantee": None}}})["singleuser"]["memory"] == {"guarantee": None}


def test_what_is_said_in_so_many_words_is_heard() -> None:
    assert values({"singleuser": {"networkPolicy": {"enabled": False}}})["singleuser"]["networkPolicy"] == {
        "enabled": False
    }


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ({"hub": {"config": "text"}}, "values.hub.config"),
        ({"hub": {"config": {"JupyterHub": "text"}}}, "values.hub.config.JupyterHub"),
        ({"hub": {"config": {"JupyterHub": False}}}, "values.hub.config.JupyterHub"),
        (
            {"hub": {"config": {"JupyterHub": {"authenticator_class": {"a": 1}}}}},
            "values.hub.config.JupyterHub.authenticator_class",
        ),
    ],
)
def test_a_mistake_does_not_replace_the_login(user: dict[str, Any], path: str) -> None:
    with pytest.raises(ValuesError) as caught:
        values(user)
    assert caught.value.path == path


def test_references_are_found_and_filled_wherever_they_are() -> None:
    written = {"a": ["x", {"b": "secret://one"}], "c": {"d": "secret://two"}, "e": 1, "f": "secret://one"}
    made = references.in_values(written)
    assert secret_references(made) == [Reference("one"), Reference("two")]
    assert fill(made, lambda reference: {"one": "1", "two": "2"}[reference.name]) == {
        "a": ["x", {"b": "1"}],
        "c": {"d": "2"},
        "e": 1,
        "f": "1",
    }


@pytest.mark.parametrize("text", ["see secret://one", " secret://one", "Secret://one"])
def test_a_string_that_only_looks_like_a_reference_is_left_as_it_is(text: str) -> None:
    made = references.in_values({"a": text})
    assert secret_references(made) == []
    assert fill(made, no_secret) == {"a": text}


def test_a_string_is_never_filled_that_was_not_read_as_a_reference() -> None:
    assert fill({"a": "secret://one"}, no_secret) == {"a": "secret://one"}


def test_a_secret_is_not_looked_through_for_references() -> None:
    assert fill({"a": Reference("one")}, lambda _: "secret://two") == {"a": "secret://two"}


def test_an_unknown_secret_is_named_with_its_place() -> None:
    with pytest.raises(NotFoundError, match=r"values\.hub\.x\[1\] names the secret gone"):
        fill({"hub": {"x": ["", Reference("gone")]}}, no_secret)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=3), trees, max_size=4)


@given(objects)
def test_merging_with_nothing_or_itself_changes_nothing(tree: dict[str, Any]) -> None:
    assert merge(tree, {}) == merge({}, tree) == merge(tree, tree) == tree


@given(objects, objects)
def test_whoever_wins_keeps_every_key(winner: dict[str, Any], base: dict[str, Any]) -> None:
    merged = merge(winner, base)
    assert merged.keys() == winner.keys() | base.keys()
    assert merge(winner, merged) == merged
