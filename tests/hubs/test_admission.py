"""Whether a request may become a hub: everything that is wrong with it is told at once, whichever stage finds it."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidError
from shared.hubs.admission import LARGEST, admit
from shared.problem import Severity

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WINDOW = {"days": ["mon"], "from": "08:00", "to": "18:00"}
CLASS = "values.hub.config.JupyterHub.authenticator_class"

type Body = dict[str, Any]

MISTAKES: dict[str, tuple[Body, set[str]]] = {
    "shape of a field": ({"cluster": {"nodeCount": "x"}}, {"cluster.nodeCount"}),
    "shape of two": ({"identity": {"clientId": 5, "x": 1}}, {"identity.clientId", "identity.x"}),
    "an unknown field": ({"nodecount": 3}, {"nodecount"}),
    "shape of the schedule": (
        {"schedule": {"timezone": "PST", "windows": [WINDOW, WINDOW | {"to": "25:00"}]}},
        {"schedule.timezone", "schedule.windows[1].to"},
    ),
    "rule of the schedule": (
        {"schedule": {"timezone": "UTC", "windows": [WINDOW], "pause": {"until": "2029-01-01T00:00:00Z"}}},
        {"schedule.pause.until"},
    ),
    "rule of names": (
        {"resourceGroup": "r5-nodes", "cluster": {"nodeResourceGroup": "r5-nodes"}},
        {"cluster.nodeResourceGroup"},
    ),
    "rule of networks": (
        {"cluster": {"serviceCidr": "10.240.0.0/16"}},
        {"cluster.serviceCidr", "cluster.dnsServiceIp"},
    ),
    "rule of identities": ({"identity": {"type": "managed", "clientId": "x"}}, {"identity"}),
    "rule of tags": ({"tags": {"hubkeeper-x": "y"}}, {"tags.hubkeeper-x"}),
    "rule of amounts": ({"values": {"singleuser": {"memory": {"limit": "much"}}}}, {"values.singleuser.memory.limit"}),
    "rule of secrets": (
        {"values": {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": "s"}}}}},
        {"values.hub.config.GitHubOAuthenticator.client_secret"},
    ),
    "an open door": ({"values": {"hub": {"config": {"JupyterHub": {"authenticator_class": "dummy"}}}}}, {CLASS}),
    "the chart's own": ({"values": {"singleuser": {"networkPolicy": 5}}}, {"values.singleuser.networkPolicy"}),
    "size": ({"values": {"custom": {"text": "x" * LARGEST}}}, {"values"}),
    "two stages about one part": (
        {
            "values": {
                "hub": {
                    "config": {"JupyterHub": {"authenticator_class": "dummy"}},
                    "resources": {"limits": {"cpu": "x"}},
                }
            }
        },
        {CLASS, "values.hub.resources.limits.cpu"},
    ),
}
"""Bodies with mistakes, and the fields that are refused."""


def wrong(body: Body) -> set[str]:
    """The fields that are refused, each once."""
    with pytest.raises(InvalidError) as caught:
        admit({"name": "r5"} | body, "westus2", NOW)
    problems = caught.value.problems
    fields = {problem.field for problem in problems}
    assert len(problems) == len(fields)
    assert all(problem.severity is Severity.ERROR and problem.code and problem.message for problem in problems)
    assert caught.value.code == "InvalidHub"
    assert f"Wrong fields: {len(problems)}." in caught.value.summary.message
    return fields


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_field(mistake: str) -> None:
    body, fields = MISTAKES[mistake]
    assert wrong(body) == fields


@given(st.lists(st.sampled_from(sorted(MISTAKES)), min_size=2, unique=True))
def test_mistakes_in_different_parts_are_told_together(chosen: list[str]) -> None:
    body: Body = {}
    fields: set[str] = set()
    for mistake in chosen:
        more, found = MISTAKES[mistake]
        if body.keys().isdisjoint(more):
            body |= more
            fields |= found
    assert wrong(body) == fields


def test_a_rule_that_needs_what_cannot_be_read_says_nothing() -> None:
    """Were the network's own range taken for the one that was meant, the services' would be refused for nothing."""
    services = {"serviceCidr": "10.240.0.0/16", "dnsServiceIp": "10.240.0.10"}
    meant = {"addressPrefix": "192.168.0.0/16", "subnetPrefix": "192.168.0.0/18"}
    assert wrong({"cluster": services, "network": meant | {"subnet": 5}}) == {"network.subnet"}


def test_a_name_that_cannot_be_read_hides_no_other_mistake() -> None:
    assert wrong({"name": 5, "tags": {"hubkeeper-x": "y"}}) == {"name", "tags.hubkeeper-x"}


KEYS = (
    *("hub", "proxy", "singleuser", "jupyterhub", "config", "BinderHub", "JupyterHub", "authenticator_class", "https"),
    *(
        "enabled",
        "hosts",
        "image",
        "networkPolicy",
        "services",
        "loadRoles",
        "extraConfig",
        "resources",
        "limits",
        "type",
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "x", "dummy", "secret://k", "secret://"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["hub", "proxy", "singleuser", "jupyterhub", "config"]), JSON), st.data())
def test_no_values_break_a_stage_that_follows_one_which_refuses_them(values: Body, data: st.DataObject) -> None:
    """All stages are asked, so each must stand what another one refuses."""
    flavor = data.draw(st.sampled_from(["jupyterhub", "binderhub"]))
    auth = data.draw(st.sampled_from([{}, {"auth": "none"}, {"auth": "shared-password"}]))
    with suppress(InvalidError):
        admit({"name": "r5", "flavor": flavor, "values": values, **auth}, "westus2", NOW)
