"""What another specification means for a hub that is there."""

from typing import Any

import pytest

from shared.hubs.patch.planning import (
    How,
    NotOfferedError,
    Plan,
    Versions,
    another_flavor,
    kubernetes_path,
    merge_patch,
)
from tests.hubs.patch.given import hub, planned


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_standard_says(target: Any, patch: Any, result: Any) -> None:
    kept = repr(target)
    assert merge_patch(target, patch) == result
    assert repr(target) == kept


def test_the_same_specification_is_no_change() -> None:
    assert planned({"values": {"a": {"b": [1]}}, "tags": {"x": "y"}}, {}) == Plan()


@pytest.mark.parametrize(
    ("old", "patch", "field", "before", "after", "how"),
    [
        ({}, {"release": {"version": "4.4.0"}}, "release.version", None, "4.4.0", How.HELM),
        (
            {"release": {"version": "4.4.0"}},
            {"release": {"version": None}},
            "release.version",
            "4.4.0",
            None,
            How.RECORD,
        ),
        ({"image": "a:1"}, {"image": "a:2"}, "image.tag", "1", "2", How.HELM),
        ({}, {"auth": "none"}, "auth", None, "none", How.HELM),
        ({}, {"access": {"dnsLabel": "abc"}}, "access.dnsLabel", None, "abc", How.HELM),
        ({"values": {"a": {"b": 1}}}, {"values": {"a": {"b": 2}}}, "values.a.b", 1, 2, How.HELM),
        ({"values": {"a": {"b": None}}}, {"values": {"a": {"b": None}}}, "values.a.b", None, None, How.HELM),
        ({}, {"cluster": {"nodeCount": 4}}, "cluster.nodeCount", 3, 4, How.SCALE),
        (
            {},
            {"cluster": {"autoscale": {"min": 3, "max": 6}}},
            "cluster.autoscale",
            None,
            {"mode": "cluster-autoscaler", "min": 3, "max": 6},
            How.AUTOSCALE,
        ),
        ({}, {"cluster": {"tier": "Standard"}}, "cluster.tier", "Free", "Standard", How.TIER),
        ({}, {"tags": {"x": "y"}}, "tags.x", None, "y", How.TAGS),
        (
            {},
            {"cluster": {"dockerBridgeAddress": "1.2.3.4/8"}},
            "cluster.dockerBridgeAddress",
            None,
            "1.2.3.4/8",
            How.RECORD,
        ),
    ],
)
def test_each_field_has_its_way(
    old: dict[str, Any], patch: dict[str, Any], field: str, before: Any, after: Any, how: How
) -> None:
    (change,) = planned(old, patch).changes
    assert (change.field, change.before, change.after, change.how) == (field, before, after, how)
    assert change.interruption
    assert change.wire()["from"] == before


HTTPS = {"certificate": "secret://cert"}
ZONE = {"name": "example.org", "resourceGroup": "g"}
GITHUB = {"type": "github", "clientId": "an-id", "clientSecret": "secret://client", "users": ["ada"]}
NAMED = {"access": {"host": "hub.example.org"}}


@pytest.mark.parametrize(
    ("old", "patch", "field", "how", "words"),
    [
        (NAMED, {"host": "lab.example.org"}, "access.host", How.HELM, "at another address once this is done"),
        (NAMED, {"https": HTTPS}, "access.https", How.HELM, "answers at https once this is done, and http leads there"),
        (
            {"access": {"host": "hub.example.org", "https": HTTPS}},
            {"https": None},
            "access.https",
            How.HELM,
            "plain http once this is done, and https ends",
        ),
        (
            {"access": {"host": "hub.example.org", "https": HTTPS}},
            {"https": {"certificate": "secret://other"}},
            "access.https",
            How.HELM,
            "the certificate changes. The proxy restarts",
        ),
        ({**NAMED, "auth": GITHUB}, {"https": HTTPS}, "access.https", How.HELM, "register the new callback address"),
        (NAMED, {"dnsZone": ZONE}, "access.dnsZone", How.NAME, "makes the record of hub.example.org"),
        (
            {"access": {"host": "hub.example.org", "dnsZone": ZONE}},
            {"dnsZone": None},
            "access.dnsZone",
            How.NAME,
            "the record stays until",
        ),
        (NAMED, {"dnsLabel": "r5hub"}, "access.dnsLabel", How.HELM, "none: the hub's own name stays"),
        ({}, {"dnsLabel": "r5hub"}, "access.dnsLabel", How.HELM, "another address"),
    ],
)
def test_what_people_notice_of_another_name_or_of_https_is_told(
    old: dict[str, Any], patch: dict[str, Any], field: str, how: How, words: str
) -> None:
    made = planned(old, {"access": patch})
    (change,) = made.changes
    assert (change.field, change.how, made.needs_run) == (field, how, True)
    assert words in change.interruption
    assert ("callbackUrl" in change.interruption) is ("auth" in old)


BY_HAND = {"enabled": True, "hosts": ["hub.example.org"], "letsencrypt": {"contactEmail": "a@example.org"}}


def test_https_by_hand_is_told_as_well() -> None:
    made = planned(NAMED, {"values": {"proxy": {"https": BY_HAND}}})
    assert {change.how for change in made.changes} == {How.HELM}
    assert all("answers at https once this is done" in change.interruption for change in made.changes)
    email = {"values": {"proxy": {"https": {"letsencrypt": {"contactEmail": "b@example.org"}}}}}
    (change,) = planned({"values": {"proxy": {"https": BY_HAND}}}, email).changes
    assert change.interruption.startswith("the certificate changes. The proxy restarts")
    (change,) = planned({}, {"values": {"proxy": {"https": {"enabled": False}}}}).changes
    assert change.interruption.startswith("the hub restarts")


def test_changes_come_in_the_order_in_which_they_are_made() -> None:
    versions = Versions("1.35.5", {"1.35.5": ("1.36.3",), "1.36.3": ()})
    patch = {
        "image": "a:2",
        "tags": {"x": "y"},
        "cluster": {"nodeCount": 4, "kubernetesVersion": "1.36"},
        "schedule": {"timezone": "UTC", "windows": []},
    }
    found = planned({"image": "a:1"}, patch, versions)
    assert [change.how for change in found.changes] == [How.KUBERNETES, How.SCALE, How.TAGS, How.HELM, How.SCHEDULE]
    assert found.needs_run
    assert found.disruptive


def test_a_schedule_is_one_change_and_needs_no_run() -> None:
    found = planned({}, {"schedule": {"timezone": "UTC", "windows": []}})
    assert [change.field for change in found.changes] == ["schedule"]
    assert not found.needs_run


@pytest.mark.parametrize(
    ("old", "patch", "disruptive"),
    [
        ({}, {"nodeCount": 4}, False),
        ({}, {"nodeCount": 2}, True),
        ({}, {"autoscale": {"min": 1, "max": 6}}, False),
        ({"autoscale": {"min": 3, "max": 6}}, {"autoscale": {"max": 8}}, False),
        ({"autoscale": {"min": 3, "max": 6}}, {"autoscale": {"max": 5}}, True),
        ({"autoscale": {"min": 3, "max": 6}}, {"autoscale": None}, True),
    ],
)
def test_fewer_nodes_end_servers(old: dict[str, Any], patch: dict[str, Any], disruptive: bool) -> None:
    assert planned({"cluster": old}, {"cluster": patch}).disruptive is disruptive


@pytest.mark.parametrize(
    ("patch", "fields"),
    [
        ({"name": "x"}, ["name"]),
        ({"location": "eastus"}, ["location"]),
        ({"network": {"subnetPrefix": "10.241.0.0/16"}}, ["network.subnetPrefix"]),
        ({"cluster": {"networkPolicy": "none"}}, ["cluster.networkPolicy"]),
        ({"cluster": {"nodePool": "other"}}, ["cluster.nodePool"]),
        ({"release": {"name": "x"}}, ["release.name"]),
        ({"cluster": {"sshPublicKey": "ssh-rsa AAAA"}}, ["cluster.sshPublicKey"]),
    ],
)
def test_what_stays_as_it_was_made_is_refused_with_a_way_around(patch: dict[str, Any], fields: list[str]) -> None:
    refusals = planned({}, patch).refusals
    assert [refusal.field for refusal in refusals if refusal.field not in _FOLLOWING] == fields
    assert all(refusal.code == "CannotChange" and refusal.message and refusal.advice for refusal in refusals)


_FOLLOWING = ("cluster.nodeResourceGroup",)
"""Names that follow from others."""


def test_the_autoscaler_and_a_count_do_not_go_together() -> None:
    (refusal,) = planned({"cluster": {"autoscale": {"min": 3, "max": 6}}}, {"cluster": {"nodeCount": 5}}).refusals
    assert refusal.code == "AutoscalerDecides"


OFFERS = {
    "1.33.10": ("1.34.6", "1.34.8"),
    "1.34.6": ("1.34.8", "1.35.3", "1.35.5"),
    "1.34.8": ("1.35.3", "1.35.5"),
    "1.35.3": ("1.35.5", "1.36.1", "1.36.3"),
    "1.35.5": ("1.36.1", "1.36.3"),
    "1.36.1": ("1.36.3", "1.37.0"),
    "1.36.3": ("1.37.0",),
}
"""1.37.0 is a preview, so it is no key."""


@pytest.mark.parametrize(
    ("current", "wanted", "path"),
    [
        ("1.35.3", "1.35", []),
        ("1.35.3", "1.35.3", []),
        ("1.35.3", "1.35.5", ["1.35.5"]),
        ("1.35.3", "1.36", ["1.36.3"]),
        ("1.35.3", "1.36.1", ["1.36.1"]),
        ("1.34.6", "1.36", ["1.35.5", "1.36.3"]),
        ("1.33.10", "1.36.1", ["1.34.8", "1.35.5", "1.36.1"]),
    ],
)
def test_kubernetes_goes_one_minor_at_a_time(current: str, wanted: str, path: list[str]) -> None:
    assert kubernetes_path(wanted, Versions(current, OFFERS)) == path


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("1.34", "cannot go back"),
        ("1.35.3", "cannot go back"),
        ("1.37", "no way"),
        ("1.36.9", "no way"),
        ("2.0", "no way"),
    ],
)
def test_a_version_without_a_way_to_it_is_refused(wanted: str, words: str) -> None:
    with pytest.raises(NotOfferedError, match=words) as raised:
        kubernetes_path(wanted, Versions("1.35.5", OFFERS))
    assert "cluster.kubernetesVersion" in raised.value.advice


def test_a_refused_version_is_in_the_plan() -> None:
    found = planned({}, {"cluster": {"kubernetesVersion": "1.37"}}, Versions("1.35.5", OFFERS))
    assert [(refusal.code, refusal.field) for refusal in found.refusals] == [
        ("KubernetesVersionNotOffered", "cluster.kubernetesVersion")
    ]


def test_pinning_the_version_that_runs_is_for_the_record() -> None:
    (change,) = planned({}, {"cluster": {"kubernetesVersion": "1.35"}}, Versions("1.35.5", OFFERS)).changes
    assert change.how is How.RECORD


DOCKER = {"type": "docker-hub", "username": "ourlab", "password": "secret://docker"}


@pytest.mark.parametrize(
    ("old", "patch", "field", "advice"),
    [
        ({}, {"registry": {"name": "another1"}}, "registry.name", "POST /api/hubs"),
        ({}, {"registry": {"sku": "Premium"}}, "registry.sku", "az acr update --sku"),
        ({}, {"registry": {**DOCKER, "name": None, "sku": None}}, "registry.type", "POST /api/hubs"),
        ({"registry": DOCKER}, {"registry": None}, "registry.type", "Leave registry as it is"),
    ],
)
def test_a_binderhub_keeps_its_registry(old: dict[str, Any], patch: dict[str, Any], field: str, advice: str) -> None:
    refused = {refusal.field: refusal.advice for refusal in planned({"flavor": "binderhub", **old}, patch).refusals}
    assert advice in refused[field]


@pytest.mark.parametrize("change", [{"password": "secret://newer"}, {"imagePrefix": "ourorg/x-"}])
def test_a_registry_that_was_brought_along_may_get_another_login_or_prefix(change: dict[str, Any]) -> None:
    (found,) = planned({"flavor": "binderhub", "registry": DOCKER}, {"registry": change}).changes
    assert found.how is How.HELM
    assert "built anew" in found.interruption


@pytest.mark.parametrize(
    ("flavor", "patch", "refused"),
    [
        ("jupyterhub", {"flavor": "binderhub"}, True),
        ("binderhub", {"flavor": "jupyterhub"}, True),
        ("binderhub", {"flavor": None}, True),
        ("jupyterhub", {"flavor": None}, False),
        ("binderhub", {"flavor": "binderhub"}, False),
        ("binderhub", {"tags": {}}, False),
    ],
)
def test_another_flavor_is_another_hub(flavor: str, patch: dict[str, Any], refused: bool) -> None:
    found = another_flavor(hub(flavor=flavor), patch)
    assert (found is not None) is refused
    if found:
        assert (found.code, found.field) == ("CannotChange", "flavor")
        assert "POST /api/hubs with another name" in found.advice
