"""BinderHub: what a specification may say of one, and what its chart is told."""

from typing import Any

import pytest

from shared.errors import InvalidError
from shared.hubs.chart import access
from shared.hubs.chart.access import Known
from shared.hubs.chart.values import DNS_LABEL, SERVICE, TOKEN_KEY, secret_references
from shared.hubs.spec import binder
from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.hubs.spec.validation import parse, warnings
from shared.hubs.status.parts import Urls
from shared.references import Reference

SUFFIX = "cloudapp.azure.com"
NULL = {"hub": {"config": {"JupyterHub": {"authenticator_class": "null"}}}}
GITHUB = {
    "type": "github",
    "clientId": "Iv1.0123456789abcdef",
    "clientSecret": "secret://github",
    "organizations": ["our-lab"],
}
DOCKER = {"type": "docker-hub", "username": "ourlab", "password": "secret://docker"}
OTHER = {"type": "other", "server": "registry.example.org", "username": "bot", "password": "secret://bot"}
LABEL: dict[str, Any] = {"access": {"dnsLabel": "r5hub"}}


def hub(**more: Any) -> Hub:
    return parse({"name": "r5", "flavor": "binderhub", **more}, "westus2", "a-subscription")


def values(known: Known = access.NOTHING, **more: Any) -> dict[str, Any]:
    return access.values(hub(**more), SUFFIX, known=known)


def wrong(**more: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        access.values(parse({"name": "r5", "flavor": "binderhub", **more}, "westus2"))
    return {error.field: error.message for error in caught.value.problems}


def test_the_name_and_the_flavor_are_enough() -> None:
    made = hub()
    assert made.release.chart == "binderhub"
    assert isinstance(made.registry, AzureRegistry)
    assert made.registry.sku == "Basic"
    assert 5 <= len(made.registry.name) <= 50
    assert made.registry.name.isalnum()
    assert Hub.model_validate(made.wire()) == made, "what is stored is read as the same"


def test_two_deployments_do_not_want_the_same_registry_and_one_wants_it_again() -> None:
    mine, theirs = (parse({"name": "r5", "flavor": "binderhub"}, "westus", each).registry for each in ("one", "two"))
    assert mine != theirs
    assert mine == parse({"name": "r5", "flavor": "binderhub"}, "eastus", "one").registry
    assert parse({"name": "a-b", "flavor": "binderhub"}, "westus", "one").registry != (
        parse({"name": "ab", "flavor": "binderhub"}, "westus", "one").registry
    )


def test_the_longest_name_of_a_hub_makes_a_name_of_a_registry() -> None:
    made = hub(name="a" * 40, cluster={"nodeResourceGroup": "short"}).registry
    assert isinstance(made, AzureRegistry)
    assert len(made.name) == 48


@pytest.mark.parametrize(
    ("more", "field", "advice"),
    [
        ({"image": "a/b:1"}, "image", "leave image out"),
        ({"environment": {"packages": ["numpy"]}}, "environment.packages", "requirements.txt"),
        ({"environment": {"conda": ["r-base"]}}, "environment.conda", "environment.yml"),
        ({"environment": {"profiles": [{"name": "small"}]}}, "environment.profiles", "leave profiles out"),
        ({"environment": {"storage": "20Gi"}}, "environment.storage", "Leave storage out"),
        ({"release": {"chart": "jupyterhub"}}, "release.chart", "leave it out"),
        ({"registry": {"name": "r5"}}, "registry.name", "5 to 50 letters and digits"),
        ({"registry": {"type": "quay"}}, "registry", "acr, docker-hub or other"),
        ({"registry": {**DOCKER, "password": "hunter2hunter2"}}, "registry.password", "secret://NAME"),
        ({"registry": {**OTHER, "tokenUrl": "http://x.example"}}, "registry.tokenUrl", "https://"),
        ({"access": {"dnsLabel": "a" * 60}}, "access.binderLabel", "shorter"),
        ({"access": {"dnsLabel": "r5", "binderLabel": "r5"}}, "access.dnsLabel", "3 to 63"),
        ({"access": {"dnsLabel": "r5hub", "binderLabel": "r5hub"}}, "access.binderLabel", "differ from dnsLabel"),
        ({"values": {"hub": {}}}, "values.hub", "values.jupyterhub.hub"),
        ({"values": {"jupyterhub": 1}}, "values.jupyterhub", "must be an object"),
        ({"values": {"registry": {}}}, "values.registry", "field registry"),
        ({"values": {"imageBuilderType": "host"}}, "values.imageBuilderType", "set pink"),
        (
            {"values": {"config": {"BinderHub": {"use_registry": False}}}},
            "values.config.BinderHub.use_registry",
            "leave it out",
        ),
        (
            {"values": {"config": {"BinderHub": {"auth_enabled": False}}}},
            "values.config.BinderHub.auth_enabled",
            'auth: "none"',
        ),
        (
            {"values": {"jupyterhub": {"hub": {"config": {"BinderSpawner": {"auth_enabled": False}}}}}},
            "values.jupyterhub.hub.config.BinderSpawner.auth_enabled",
            'auth: "none"',
        ),
        ({"values": {"jupyterhub": NULL}}, "values.jupyterhub.hub.config.JupyterHub.authenticator_class", "none"),
        (
            {"auth": "none", "values": {"config": {"BinderHub": {"auth_enabled": True}}}},
            "values.config.BinderHub.auth_enabled",
            "leave one of them out",
        ),
        (
            {
                "auth": "none",
                "values": {"jupyterhub": {"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}}}}},
            },
            "auth",
            "leave one of them out",
        ),
        (
            {"values": {"jupyterhub": {"proxy": {"https": {"enabled": True}}}}},
            "values.jupyterhub.proxy.https.enabled",
            "not supported for a BinderHub yet",
        ),
        ({"access": {"host": "hub.example.org"}}, "access.host", "not supported for a BinderHub yet"),
        (
            {"access": {"dnsLabel": "lab", "https": {"letsencrypt": "you@example.org"}}},
            "access.https",
            "before both addresses",
        ),
        (
            {
                "environment": {"memory": {"limit": "1G"}},
                "values": {"jupyterhub": {"singleuser": {"memory": {"limit": "2G"}}}},
            },
            "environment.memory.limit",
            "values.jupyterhub.singleuser.memory.limit",
        ),
        ({"values": {"jupyterhub": {"hub": 1}}}, "values.jupyterhub.hub", "must be an object"),
        ({"values": {"config": 1}}, "values.config", "must be an object"),
        ({"values": {"config": {"BinderHub": []}}}, "values.config.BinderHub", "must be an object"),
    ],
)
def test_what_a_binderhub_cannot_be_is_refused_with_what_to_write(
    more: dict[str, Any], field: str, advice: str
) -> None:
    found = wrong(**more)
    assert advice in found.get(field, ""), found


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"registry": {"name": "r5registry"}}, "registry"),
        ({"access": {"binderLabel": "r5page"}}, "access.binderLabel"),
        ({"release": {"chart": "binderhub"}}, "release.chart"),
    ],
)
def test_a_jupyterhub_takes_nothing_that_is_a_binderhubs(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse({"name": "r5", **more}, "westus")
    assert [error.field for error in caught.value.problems] == [field]


def test_our_needs_are_in_jupyterhubs_part() -> None:
    inner = values()["jupyterhub"]
    assert SERVICE in inner["hub"]["services"]
    assert SERVICE in inner["hub"]["loadRoles"]
    assert inner["hub"]["config"]["KubeSpawner"]["delete_pvc"] is False
    assert f"hub.services.{SERVICE}.apiToken" == TOKEN_KEY


def test_the_builders_are_ones_that_nodes_with_containerd_have() -> None:
    assert values()["imageBuilderType"] == "dind"
    assert values(values={"imageBuilderType": "pink"})["imageBuilderType"] == "pink"


def test_both_load_balancers_have_a_label_and_each_knows_the_other_before_the_install() -> None:
    found = values(**LABEL)
    page, jupyterhub = "http://r5hub-binder.westus2.cloudapp.azure.com/", "http://r5hub.westus2.cloudapp.azure.com/"
    assert found["service"]["annotations"] == {DNS_LABEL: "r5hub-binder"}
    assert found["jupyterhub"]["proxy"]["service"]["annotations"] == {DNS_LABEL: "r5hub"}
    assert found["config"]["BinderHub"]["hub_url"] == jupyterhub
    assert found["jupyterhub"]["hub"]["services"]["binder"]["oauth_redirect_uri"] == f"{page}oauth_callback"
    assert access.reach(hub(**LABEL), SUFFIX).hub == jupyterhub
    assert access.reach(hub(**LABEL), SUFFIX).opened == page


def test_a_label_of_ones_own_beats_the_derived_one() -> None:
    found = values(access={"dnsLabel": "r5hub", "binderLabel": "r5page"})
    assert found["service"]["annotations"] == {DNS_LABEL: "r5page"}


def test_without_labels_the_addresses_follow_when_they_are_known() -> None:
    first = values()
    assert first["config"]["BinderHub"]["hub_url"] == "", "the chart wants a text"
    assert "oauth_redirect_uri" not in first["jupyterhub"]["hub"]["services"]["binder"]
    second = values(Known("20.1.2.3", "20.1.2.4"))
    assert second["config"]["BinderHub"]["hub_url"] == "http://20.1.2.3/"
    assert second["jupyterhub"]["hub"]["services"]["binder"]["oauth_redirect_uri"] == "http://20.1.2.4/oauth_callback"


OWN_NAME = {"values": {"config": {"BinderHub": {"hub_url": "https://hub.example.org/"}}}}


@pytest.mark.parametrize(
    ("more", "twice"),
    [
        ({}, True),
        (LABEL, False),
        ({"access": {"binderLabel": "r5page"}}, True),
        ({"auth": "none"}, True),
        ({"auth": "none", **LABEL}, False),
        ({"auth": "none", **OWN_NAME}, False),
        (OWN_NAME, True),
        ({**OWN_NAME, "access": {"binderLabel": "r5page"}}, False),
    ],
)
def test_the_chart_is_installed_twice_only_where_an_address_is_not_known_before(
    more: dict[str, Any], twice: bool
) -> None:
    assert binder.needs_addresses(hub(**more)) is twice
    assert any("installed twice" in text for text in warnings(hub(**more))) is twice


def test_a_jupyterhub_is_installed_once() -> None:
    assert not binder.needs_addresses(parse({"name": "r5"}, "westus"))


def test_base_urls_are_kept_to() -> None:
    own = {"config": {"BinderHub": {"base_url": "/binder"}}, "jupyterhub": {"hub": {"baseUrl": "/jupyter"}}}
    made = hub(values=own, **LABEL)
    where = access.reach(made, SUFFIX)
    assert str(where.hub).endswith(".com/jupyter/")
    assert str(where.page).endswith(".com/binder/")


def test_people_log_in_with_a_shared_password_unless_the_door_is_opened_in_so_many_words() -> None:
    closed = values()
    assert closed["config"]["BinderHub"]["auth_enabled"] is True
    config = closed["jupyterhub"]["hub"]["config"]
    assert config["BinderSpawner"]["auth_enabled"] is True
    assert config["SharedPasswordAuthenticator"]["user_password"] == Reference("shared-password", own=True)
    assert closed["jupyterhub"]["cull"]["users"] is False
    assert closed["jupyterhub"]["singleuser"]["cmd"] == "jupyterhub-singleuser"
    assert access.shared_password(hub())

    opened = values(auth="none")
    assert opened["config"]["BinderHub"]["auth_enabled"] is False
    assert opened["jupyterhub"]["hub"]["config"]["JupyterHub"] == {"authenticator_class": "null"}
    assert "cmd" not in opened["jupyterhub"]["singleuser"]
    assert any("anyone who finds the address" in text for text in warnings(hub(auth="none")))


def test_a_provider_is_told_the_hubs_callback_and_binderhub_its_own() -> None:
    made = hub(auth=GITHUB, **LABEL)
    config = values(auth=GITHUB, **LABEL)["jupyterhub"]["hub"]["config"]
    assert config["GitHubOAuthenticator"]["oauth_callback_url"] == access.reach(made, SUFFIX).callback
    assert access.reach(made, SUFFIX).callback == "http://r5hub.westus2.cloudapp.azure.com/hub/oauth_callback"


def test_the_persons_values_beat_ours() -> None:
    own = {
        "service": {"type": "ClusterIP"},
        "config": {"BinderHub": {"image_prefix": "elsewhere/x-"}},
        "jupyterhub": {"cull": {"timeout": 600}, "singleuser": {"cmd": ["other"]}},
    }
    found = values(values=own)
    assert found["service"]["type"] == "ClusterIP"
    assert found["config"]["BinderHub"]["image_prefix"] == "elsewhere/x-"
    assert found["jupyterhub"]["cull"] == {"timeout": 600, "users": False}
    assert found["jupyterhub"]["singleuser"]["cmd"] == ["other"]


@pytest.mark.parametrize(
    ("registry", "url", "prefix", "token_url", "reference"),
    [
        (
            {"name": "OurLab"},
            "https://ourlab.azurecr.io",
            "ourlab.azurecr.io/r5/binder-",
            "https://ourlab.azurecr.io/oauth2/token?service=ourlab.azurecr.io",
            Reference("registry-password", own=True),
        ),
        (DOCKER, "https://index.docker.io/v1/", "ourlab/r5-", None, Reference("docker")),
        ({**DOCKER, "imagePrefix": "ourorg/x-"}, "https://index.docker.io/v1/", "ourorg/x-", None, Reference("docker")),
        (OTHER, "https://registry.example.org", "registry.example.org/r5/binder-", None, Reference("bot")),
        (
            {**OTHER, "tokenUrl": "https://registry.example.org/v2/token?service="},
            "https://registry.example.org",
            "registry.example.org/r5/binder-",
            "https://registry.example.org/v2/token?service=",
            Reference("bot"),
        ),
        (
            {**OTHER, "server": "lab.azurecr.us"},
            "https://lab.azurecr.us",
            "lab.azurecr.us/r5/binder-",
            "https://lab.azurecr.us/oauth2/token?service=lab.azurecr.us",
            Reference("bot"),
        ),
    ],
    ids=["azure", "docker-hub", "docker-hub-prefix", "other", "other-token-url", "an-azure-one-brought-along"],
)
def test_each_registry_is_told_to_the_chart_as_it_wants(
    registry: dict[str, Any], url: str, prefix: str, token_url: str | None, reference: Reference
) -> None:
    found = values(registry=registry)
    assert found["registry"]["url"] == url
    assert found["registry"]["password"] == reference
    assert found["config"]["BinderHub"]["image_prefix"] == prefix
    assert found["config"].get("DockerRegistry", {}).get("token_url") == token_url
    pull = found["jupyterhub"]["imagePullSecret"]
    assert (pull["create"], pull["username"], pull["password"]) == (
        True,
        found["registry"]["username"],
        reference,
    )
    assert set(secret_references(found)) == {reference, Reference("shared-password", own=True)}


def test_the_registry_is_called_what_azure_calls_it() -> None:
    found = values(Known(registry="r5-abc.azurecr.cn"))
    assert found["registry"]["url"] == "https://r5-abc.azurecr.cn"
    assert found["config"]["BinderHub"]["image_prefix"] == "r5-abc.azurecr.cn/r5/binder-"


def test_a_pull_secret_of_ones_own_stays() -> None:
    found = values(values={"jupyterhub": {"imagePullSecret": {"create": False}}})
    assert found["jupyterhub"]["imagePullSecret"] == {"create": False}


def test_images_that_stay_are_warned_of() -> None:
    assert any("stay there" in text for text in warnings(hub(registry=DOCKER)))
    assert not any("stay there" in text for text in warnings(hub()))


def test_people_open_the_page_of_a_binderhub_and_the_hub_of_a_jupyterhub() -> None:
    assert Urls("http://hub/", "http://page/").opened == "http://page/"
    assert Urls("http://hub/").opened == "http://hub/"
    assert Urls().opened is None
