"""Nobody's hub is open by accident: what is refused before anything is made, what is accepted, and what only running it shows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import InvalidError
from shared.hubs.admission import admit
from shared.hubs.chart import access, authenticators
from shared.hubs.spec import binder
from shared.hubs.spec.hub_python import UNKNOWN, Assignment, assignments, chooses_authenticator, named_texts

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

DUMMY = {"JupyterHub": {"authenticator_class": "dummy"}}
CONFIG_FOLDER = "/usr/local/etc/jupyterhub/jupyterhub_config.d"


def values(config: dict[str, Any] | None = None, python: str = "", **hub: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"config": config} if config is not None else {}
    told |= {"extraConfig": {"login": python}} if python else {}
    return {"hub": told | hub}


def chosen(name: Any, **sections: Any) -> dict[str, Any]:
    return values({"JupyterHub": {"authenticator_class": name}, **sections})


def python_file(code: str, path: str = f"{CONFIG_FOLDER}/login.py") -> dict[str, Any]:
    return {"hub": {"extraFiles": {"login": {"mountPath": path, "stringData": code}}}}


OPEN = {
    "the chart's default": chosen("dummy"),
    "in capitals": chosen("DUMMY"),
    "by its class": chosen("jupyterhub.auth.DummyAuthenticator"),
    "by the class of an old package": chosen("dummyauthenticator.DummyAuthenticator"),
    "an empty password": chosen("dummy", DummyAuthenticator={"password": ""}),
    "no password": chosen("dummy", DummyAuthenticator={"password": None}),
    "names are known, passwords are not": chosen("dummy", Authenticator={"allowed_users": ["ada"]}),
    "a user for everybody": chosen("tmp"),
    "the same by its class": chosen("tmpauthenticator.TmpAuthenticator"),
    "first come, first served": chosen(
        "firstuseauthenticator.FirstUseAuthenticator", Authenticator={"allow_all": True}
    ),
    "sign up yourself": chosen("native", NativeAuthenticator={"open_signup": True}, Authenticator={"allow_all": True}),
    "in Python": values(python='c.JupyterHub.authenticator_class = "dummy"'),
    "in Python, by the class": values(
        python="from jupyterhub.auth import DummyAuthenticator\nc.JupyterHub.authenticator_class = DummyAuthenticator"
    ),
    "in Python, as keys": values(python='c["JupyterHub"]["authenticator_class"] = "dummy"'),
    "Python opens what is closed": values(
        {"JupyterHub": {"authenticator_class": "dummy"}, "DummyAuthenticator": {"password": "secret://p"}},
        python='c.DummyAuthenticator.password = ""',
    ),
    "in a file of Python": python_file('c.JupyterHub.authenticator_class = "dummy"'),
}
CLOSED = {
    "nothing said": {},
    "no section": {"hub": None},
    "an empty section": {"hub": {}},
    "no configuration": {"hub": {"config": None}},
    "no class": {"hub": {"config": {"JupyterHub": {"authenticator_class": None}}}},
    "an empty class": {"hub": {"config": {"JupyterHub": {"authenticator_class": ""}}}},
    "an authenticator that is not set up": values({"DummyAuthenticator": {}}),
    "a comment": values(python="# c.JupyterHub.authenticator_class = 'dummy'\n"),
    "a text": values(python='"""c.JupyterHub.authenticator_class is set elsewhere"""\n'),
    "a password for all": chosen("dummy", DummyAuthenticator={"password": "secret://p"}),
    "a password for all, and no class": values({"DummyAuthenticator": {"password": "secret://p"}}),
    "a provider": chosen("github", GitHubOAuthenticator={"allowed_organizations": ["our-lab"]}),
    "a provider's whole house": chosen(
        "google", GoogleOAuthenticator={"hosted_domain": ["example.org"], "allow_all": True}
    ),
    "a directory": chosen(
        "ldapauthenticator.LDAPAuthenticator", LDAPAuthenticator={"server_address": "ldap.example.org"}
    ),
    "nobody": chosen("null"),
    "sign up, and be let in": chosen("native", Authenticator={"admin_users": ["ada"]}),
    "first use by those who are named": chosen("firstuse", Authenticator={"allowed_users": ["ada"]}),
    "first use by those who are made": chosen("firstuse", FirstUseAuthenticator={"create_users": False}),
    "a class made in Python": values(
        python="class Ours(Authenticator):\n    ...\nc.JupyterHub.authenticator_class = Ours"
    ),
    "Python closes what is open": values(DUMMY, python='import os\nc.DummyAuthenticator.password = os.environ["P"]'),
    "a file elsewhere": python_file('c.JupyterHub.authenticator_class = "dummy"', "/srv/notes.py"),
}


def wrong(body: dict[str, Any]) -> dict[str, str]:
    try:
        admit({"name": "r5", **body}, "westus", NOW)
    except InvalidError as error:
        return {item.field: item.message for item in error.problems}
    return {}


@pytest.mark.parametrize("said", OPEN.values(), ids=OPEN)
def test_an_open_login_is_refused_unless_it_is_asked_for(said: dict[str, Any]) -> None:
    (field, message), *_ = wrong({"values": said}).items()
    assert field.startswith("values.hub.config.")
    assert 'auth: "none"' in message
    assert wrong({"values": said, "auth": "none"}) == {}


@pytest.mark.parametrize("said", CLOSED.values(), ids=CLOSED)
def test_a_closed_login_is_accepted(said: dict[str, Any]) -> None:
    assert wrong({"values": said}) == {}


@pytest.mark.parametrize("said", CLOSED.values(), ids=CLOSED)
def test_what_chooses_no_login_gets_the_shared_password(said: dict[str, Any]) -> None:
    hub, _ = admit({"name": "r5", "values": said}, "westus", NOW)
    config = access.values(hub)["hub"]["config"]
    assert ("SharedPasswordAuthenticator" in config) is access.shared_password(hub)
    assert access.shared_password(hub) is not authenticators.existing(said)


@pytest.mark.parametrize(
    "nothing", [None, {}, {"hub": None}, {"hub": {"config": None}}, {"hub": {"config": {"JupyterHub": None}}}]
)
@pytest.mark.parametrize("auth", [None, "shared-password"])
def test_a_login_cannot_be_taken_away_by_saying_nothing(nothing: Any, auth: Any) -> None:
    for body in ({"values": nothing or {}}, {"flavor": "binderhub", "values": {"jupyterhub": nothing}}):
        hub, _ = admit({"name": "r5", "auth": auth, **body}, "westus", NOW)
        made = access.values(hub)
        inner = made[binder.INNER] if hub.binder else made
        assert inner["hub"]["config"]["JupyterHub"]["authenticator_class"] == "shared-password"
        assert inner["hub"]["config"]["KubeSpawner"]["delete_pvc"] is False
        assert "hubkeeper" in inner["hub"]["loadRoles"]


@pytest.mark.parametrize("said", [chosen("github"), values(python="c.JupyterHub.authenticator_class = Ours")])
def test_two_logins_are_one_too_many(said: dict[str, Any]) -> None:
    assert wrong({"auth": "shared-password", "values": said}) == {
        "auth": "values.hub chooses an authenticator, too; leave one of them out"
    }


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"jupyterhub": chosen("null")}, "values.jupyterhub.hub.config.JupyterHub.authenticator_class"),
        ({"jupyterhub": chosen("dummy")}, "values.jupyterhub.hub.config.JupyterHub.authenticator_class"),
        ({"config": {"BinderHub": {"auth_enabled": False}}}, "values.config.BinderHub.auth_enabled"),
        ({"config": {"BinderHub": {"auth_enabled": 0}}}, "values.config.BinderHub.auth_enabled"),
        (
            {"jupyterhub": values({"BinderSpawner": {"auth_enabled": False}})},
            "values.jupyterhub.hub.config.BinderSpawner.auth_enabled",
        ),
        (
            {"jupyterhub": values(python="c.BinderSpawner.auth_enabled = False")},
            "values.jupyterhub.hub.config.BinderSpawner.auth_enabled",
        ),
    ],
)
def test_a_binderhub_is_open_only_when_it_is_asked_for(said: dict[str, Any], field: str) -> None:
    assert field in wrong({"flavor": "binderhub", "values": said})


def test_python_is_read_without_running_it() -> None:
    code = """
c.JupyterHub.authenticator_class = "dummy"
c["A"].b = [1, 2]
c.A.c = compute()
c.A.d = module.Class
if True:
    c.A.e = 1
other.A.f = 1
"""
    assert list(assignments(code)) == [
        Assignment("JupyterHub", "authenticator_class", "dummy"),
        Assignment("A", "b", [1, 2]),
        Assignment("A", "c", UNKNOWN),
        Assignment("A", "d", "module.Class"),
    ]


@pytest.mark.parametrize("code", ["c.JupyterHub.", "\0", "(" * 2000, "x = " + "-" * 5000 + "1"])
def test_what_is_no_python_says_nothing(code: str) -> None:
    assert list(assignments(code)) == []
    assert not chooses_authenticator(code)


@pytest.mark.parametrize(
    "code",
    [
        "c.JupyterHub.authenticator_class = X",
        "if production:\n    c.JupyterHub.authenticator_class = X",
        "c.JupyterHub['authenticator_class'] = X",
        "setattr(c.JupyterHub, 'authenticator_class', X)",
        "c.JupyterHub.update(authenticator_class=X)",
        "c.JupyterHub.update({'authenticator_class': X})",
    ],
)
def test_a_login_chosen_in_python_is_seen_however_it_is_written(code: str) -> None:
    assert chooses_authenticator(code)


@pytest.mark.parametrize(
    "code",
    [
        'c.GitHubOAuthenticator.client_secret = "hunter2"',
        'c["GitHubOAuthenticator"]["client_secret"] = "hunter2"',
        'client_secret: str = "hunter2"',
        'os.environ["CLIENT_SECRET"] = "hunter2"',
        'setattr(x, "client_secret", "hunter2")',
        'connect(client_secret="hunter2")',
        'x = {"client_secret": "hunter2"}',
        'client_secret = b"hunter2"',
        'client_secret = ["hunter2"]',
        'this is no python\nclient_secret = "hunter2"',
        "if x:\n    def f():\n        client_secret = 'hunter2'",
    ],
)
def test_texts_are_found_by_the_names_that_code_gives_them(code: str) -> None:
    assert "hunter2" in {text for name, text in named_texts(code) if name.lower() == "client_secret"}
