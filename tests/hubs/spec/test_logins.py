"""Who may log in: what the chart is told, and what is refused."""

from typing import Any

import pytest

from shared.errors import InvalidError
from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse, warnings
from shared.references import Reference

SUFFIX = "cloudapp.azure.com"
CALLBACK = "http://r5-hub.westus.cloudapp.azure.com/hub/oauth_callback"
CLIENT = {"clientId": "an-id", "clientSecret": "secret://client"}
GITHUB = {"type": "github", **CLIENT, "users": ["ada"]}
ENTRA = {"type": "entra", **CLIENT, "tenantId": "00000000-0000-0000-0000-000000000001", "users": ["ada@uni.example"]}
OAUTH = {
    "type": "oauth",
    **CLIENT,
    "authorizeUrl": "https://login.example.org/authorize",
    "tokenUrl": "https://login.example.org/token",
    "userdataUrl": "https://login.example.org/me",
    "users": ["ada"],
}


def hub(auth: Any, **rest: Any) -> Hub:
    return parse({"name": "r5", "auth": auth, "access": {"dnsLabel": "r5-hub"}, **rest}, "westus")


def config(auth: Any, **rest: Any) -> dict[str, Any]:
    found: dict[str, Any] = access.values(hub(auth, **rest), SUFFIX)["hub"]["config"]
    found.pop("KubeSpawner")
    return found


def refused(auth: Any, **rest: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        access.values(hub(auth, **rest), SUFFIX)
    return {error.field: error.message for error in caught.value.problems}


COMMON = {"client_id": "an-id", "client_secret": Reference("client"), "oauth_callback_url": CALLBACK}


@pytest.mark.parametrize(
    ("auth", "name", "section", "settings"),
    [
        pytest.param(GITHUB, "github", "GitHubOAuthenticator", {"allowed_users": ["ada"]}, id="GitHub users"),
        pytest.param(
            {"type": "github", **CLIENT, "organizations": ["uni", "uni-lab:staff"], "admins": ["bob"]},
            "github",
            "GitHubOAuthenticator",
            # without the scope, only who shows the membership in public would be found in it
            {"allowed_organizations": ["uni", "uni-lab:staff"], "scope": ["read:org"], "admin_users": ["bob"]},
            id="GitHub organizations and teams",
        ),
        pytest.param(
            {"type": "github", **CLIENT, "everyone": True},
            "github",
            "GitHubOAuthenticator",
            {"allow_all": True},
            id="everyone with a GitHub account",
        ),
        pytest.param(
            ENTRA,
            "azuread",
            "AzureAdOAuthenticator",
            {
                "tenant_id": "00000000-0000-0000-0000-000000000001",
                "username_claim": "unique_name",  # its own default is the display name
                "scope": ["openid", "email"],
                "login_service": "Microsoft Entra ID",
                "allowed_users": ["ada@uni.example"],
            },
            id="Entra",
        ),
        pytest.param(
            OAUTH,
            "generic-oauth",
            "GenericOAuthenticator",
            {
                "authorize_url": "https://login.example.org/authorize",
                "token_url": "https://login.example.org/token",
                "userdata_url": "https://login.example.org/me",
                "username_claim": "preferred_username",
                "scope": ["openid", "email", "profile"],
                "login_service": "OAuth 2.0",
                "allowed_users": ["ada"],
            },
            id="any other provider",
        ),
    ],
)
def test_the_chart_is_told(auth: Any, name: str, section: str, settings: dict[str, Any]) -> None:
    assert config(auth) == {"JupyterHub": {"authenticator_class": name}, section: {**COMMON, **settings}}


def test_what_values_say_beside_it_is_joined_and_wins() -> None:
    own = {
        "hub": {"config": {"GitHubOAuthenticator": {"oauth_callback_url": "https://hub.example/hub/oauth_callback"}}}
    }
    spec = hub(GITHUB, values=own)
    assert config(GITHUB, values=own)["GitHubOAuthenticator"]["allowed_users"] == ["ada"]
    assert access.reach(spec, SUFFIX).callback == "https://hub.example/hub/oauth_callback"


def test_the_callback_follows_from_label_region_and_base_url() -> None:
    assert access.reach(hub(GITHUB), SUFFIX).callback == CALLBACK
    based = hub(GITHUB, values={"hub": {"baseUrl": "/lab/"}})
    assert access.reach(based, SUFFIX).callback == "http://r5-hub.westus.cloudapp.azure.com/lab/hub/oauth_callback"
    assert access.reach(hub(GITHUB), "cloudapp.chinacloudapi.cn").callback == (
        "http://r5-hub.westus.cloudapp.chinacloudapi.cn/hub/oauth_callback"
    )
    assert access.reach(hub("shared-password"), SUFFIX).callback is None


@pytest.mark.parametrize(
    ("auth", "field", "words"),
    [
        pytest.param("open", "auth", '"shared-password", "none", or an object', id="another word"),
        pytest.param(5, "auth", "an object", id="a number"),
        pytest.param([], "auth", "an object", id="a list"),
        pytest.param({}, "auth", "github, entra or oauth", id="no type"),
        pytest.param({**GITHUB, "type": "gitlab"}, "auth", "github, entra or oauth", id="unknown type"),
        pytest.param({**GITHUB, "type": []}, "auth", "github, entra or oauth", id="type is a list"),
        pytest.param(
            {**GITHUB, "users": []}, "auth", "lets nobody in: give users, organizations, or everyone", id="none"
        ),
        pytest.param({**ENTRA, "users": [], "admins": ["a"]}, "auth", "lets nobody in", id="admins alone"),
        pytest.param({**OAUTH, "everyone": True}, "auth", "pointless", id="everyone and a list"),
        pytest.param({**GITHUB, "clientSecret": "hunter2"}, "auth.clientSecret", "secret://NAME", id="a secret itself"),
        pytest.param(
            {**GITHUB, "clientSecret": "secret://service-principal-password"},
            "auth.clientSecret",
            "Hubkeeper's own",
            id="a secret of ours",
        ),
        pytest.param({**GITHUB, "clientSecret": "secret://a b"}, "auth.clientSecret", "secret://NAME", id="no name"),
        pytest.param({**GITHUB, "organisations": ["x"]}, "auth.organisations", "'organizations'", id="spelling"),
        pytest.param({**ENTRA, "tenant": "x"}, "auth.tenant", "'tenantId'", id="spelling in another type"),
        pytest.param({**GITHUB, "organizations": ["a/b"]}, "auth.organizations[0]", "pattern", id="organization"),
        pytest.param({**ENTRA, "tenantId": "common"}, "auth.tenantId", "pattern", id="every directory there is"),
        pytest.param({**ENTRA, "usernameClaim": "name"}, "auth.usernameClaim", "'unique_name'", id="display names"),
        pytest.param({**ENTRA, "usernameClaim": "preferred_username"}, "auth.usernameClaim", "must be", id="v2 claim"),
        pytest.param({**OAUTH, "tokenUrl": "http://login.example.org/t"}, "auth.tokenUrl", "https://", id="plain http"),
        pytest.param(
            {**OAUTH, "tokenUrl": "https://u:p@login.example.org/"}, "auth.tokenUrl", "https://", id="userinfo"
        ),
        pytest.param({**OAUTH, "tokenUrl": "https://["}, "auth.tokenUrl", "https://", id="no address"),
        pytest.param({**OAUTH, "users": ["a b"]}, "auth.users[0]", "pattern", id="a name with a space"),
        pytest.param({**OAUTH, "loginService": "<b>"}, "auth.loginService", "pattern", id="html"),
        pytest.param(
            {"type": "oauth", **CLIENT, "users": ["a"]}, "auth.authorizeUrl", "required", id="no address given"
        ),
    ],
)
def test_what_is_wrong_is_named(auth: Any, field: str, words: str) -> None:
    found = refused(auth)
    assert words in found[field]
    assert "hunter2" not in str(found)


def test_a_provider_needs_an_address_that_is_known_before() -> None:
    assert "before the hub is there" in refused(GITHUB, access={})["access.dnsLabel"]
    assert parse({"name": "r5", "auth": "none"}, "westus").access.dns_label is None


def test_an_authenticator_in_the_values_beside_it_is_refused() -> None:
    own = {"hub": {"config": {"JupyterHub": {"authenticator_class": "google"}}}}
    assert "too" in refused(GITHUB, values=own)["auth"]


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"type": "github", **CLIENT, "everyone": True}, "anyone with a GitHub account"),
        ({**ENTRA, "users": [], "everyone": True}, "guests included"),
        ({**OAUTH, "users": [], "everyone": True}, "vouches for"),
        ({**OAUTH, "usernameClaim": "name"}, "share one home"),
        (GITHUB, "plain http"),
    ],
)
def test_what_is_accepted_and_yet_worth_a_sentence(auth: Any, words: str) -> None:
    assert any(words in text for text in warnings(hub(auth)))


def test_http_on_the_machine_itself_leaves_nothing_to_listen_to() -> None:
    for address in ("http://127.0.0.1:8000/t", "http://localhost/t", "http://[::1]/t"):
        assert config({**OAUTH, "tokenUrl": address})["GenericOAuthenticator"]["token_url"] == address


@pytest.mark.parametrize("auth", ["shared-password", "none", None, GITHUB, ENTRA, OAUTH])
def test_it_survives_storage_as_do_those_of_before(auth: Any) -> None:
    spec = hub(auth)
    assert Hub.model_validate(spec.wire()) == spec
    assert spec.wire().get("auth", {}) in ("shared-password", "none", {}) or spec.wire()["auth"]["type"] == auth["type"]


def test_a_hub_with_a_provider_has_no_shared_password() -> None:
    assert not access.shared_password(hub(GITHUB))
    assert access.shared_password(hub(None))
