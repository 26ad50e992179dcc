"""What makes a hub, and what is said of what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import names
from shared.errors import InvalidError
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse, warnings


def errors(body: object) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        parse(body, "westus")
    return {error.field: error.message for error in caught.value.problems}


def hub(**rest: object) -> Hub:
    return parse({"name": "r5", **rest}, "westus")


def test_a_name_is_a_complete_hub_with_the_first_tutorials_values() -> None:
    spec = hub().wire()
    assert spec["location"] == "westus"
    assert spec["resourceGroup"] == "r5-rg"
    assert spec["network"] == {
        "name": "r5-vnet",
        "subnet": "r5-subnet",
        "addressPrefix": "10.0.0.0/8",
        "subnetPrefix": "10.240.0.0/16",
    }
    assert spec["identity"] == {"type": "service-principal", "name": "r5-sp"}
    assert spec["cluster"]["name"] == "r5"
    assert (spec["cluster"]["nodeCount"], spec["cluster"]["vmSize"]) == (3, "Standard_D2s_v3")
    assert (spec["cluster"]["networkPlugin"], spec["cluster"]["networkPolicy"]) == ("azure", "azure")
    assert (spec["cluster"]["serviceCidr"], spec["cluster"]["dnsServiceIp"]) == ("10.0.0.0/16", "10.0.0.10")
    assert spec["cluster"]["nodeResourceGroup"] == "MC_r5-rg_r5_westus"
    assert spec["release"] == {"name": "jhub", "namespace": "jhub", "chart": "jupyterhub"}


SECOND_SEED = {
    "name": "prd",
    "location": "eastus",
    "resourceGroup": "prd_rg_jhub",
    "network": {"name": "prd_vnet_jhub", "subnet": "default"},
    "identity": {"name": "sp_aks_jhub"},
    "cluster": {
        "name": "prd-aks-jhub",
        "nodeResourceGroup": "prd_rg_jhub_infra",
        "kubernetesVersion": "1.19.6",
        "autoscale": {"min": 3, "max": 6},
        "dockerBridgeAddress": "172.17.0.1/16",
    },
    "release": {"version": "0.11.1"},
}


def test_the_second_tutorials_names_and_settings_make_a_hub_too() -> None:
    spec = parse(SECOND_SEED, "westus")
    assert spec.resource_group == "prd_rg_jhub"
    assert spec.cluster.node_resource_group == "prd_rg_jhub_infra"
    assert spec.cluster.autoscale is not None
    assert (spec.cluster.autoscale.min, spec.cluster.autoscale.max) == (3, 6)
    assert any("dockerBridgeAddress is left out" in text for text in warnings(spec))


def test_a_specification_survives_storage() -> None:
    spec = parse({**SECOND_SEED, "image": "jupyter/datascience-notebook:2023-01-01", "tags": {"cost": "1"}}, "westus")
    assert Hub.model_validate(spec.wire()) == spec


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        pytest.param([], "", "JSON object, not a list", id="a list"),
        pytest.param("r5", "", "JSON object, not a string", id="a string"),
        pytest.param(None, "", "JSON object, not null", id="null"),
        pytest.param({}, "name", "is required", id="no name"),
        pytest.param({"name": 5}, "name", "must be a string", id="name is a number"),
        pytest.param({"name": "../x"}, "name", "lower-case letter", id="path in the name"),
        pytest.param({"name": "a" * 64}, "name", "at most 40", id="64 letters"),
        pytest.param({"name": "r5-"}, "name", "hyphen", id="ends with a hyphen"),
        pytest.param({"name": "r--5"}, "name", "single hyphens", id="double hyphen"),
        pytest.param({"name": "R5"}, "name", "lower-case", id="upper case"),
        pytest.param({"name": "runs"}, "name", "a word of the API", id="reserved word"),
        pytest.param({"name": "r5", "nodecount": 4}, "nodecount", "not a field", id="unknown field"),
        pytest.param(
            {"name": "r5", "cluster": {"nodecount": 4}}, "cluster.nodecount", "did you mean 'nodeCount'", id="near miss"
        ),
        pytest.param(
            {"name": "r5", "cluster": {"node_pol": "x"}}, "cluster.node_pol", "did you mean 'nodePool'", id="snake case"
        ),
        pytest.param({"name": "r5", "locatoin": "x"}, "locatoin", "did you mean 'location'", id="swapped letters"),
        pytest.param(
            {"name": "r5", "cluster": {"nodeCount": "three"}}, "cluster.nodeCount", "whole number", id="count in words"
        ),
        pytest.param({"name": "r5", "cluster": {"nodeCount": 0}}, "cluster.nodeCount", "greater", id="no nodes"),
        pytest.param(
            {"name": "r5", "cluster": {"vmSize": "D2s"}}, "cluster.vmSize", "like Standard_D2s_v3", id="VM size"
        ),
        pytest.param({"name": "r5", "cluster": []}, "cluster", "must be an object", id="cluster is a list"),
        pytest.param(
            {"name": "r5", "cluster": {"kubernetesVersion": "latest"}},
            "cluster.kubernetesVersion",
            "pattern",
            id="version in words",
        ),
        pytest.param(
            {"name": "r5", "network": {"subnetPrefix": "10.240.0.1/16"}},
            "network.subnetPrefix",
            "host bits are zero",
            id="host bits",
        ),
        pytest.param(
            {"name": "r5", "network": {"subnetPrefix": "192.168.0.0/16"}},
            "network.subnetPrefix",
            "must lie within",
            id="subnet outside of the network",
        ),
        pytest.param(
            {"name": "r5", "cluster": {"serviceCidr": "10.240.0.0/20"}},
            "cluster.serviceCidr",
            "must not overlap",
            id="services in the subnet",
        ),
        pytest.param(
            {"name": "r5", "cluster": {"dnsServiceIp": "10.1.0.10"}},
            "cluster.dnsServiceIp",
            "must lie within",
            id="DNS outside of the services",
        ),
        pytest.param(
            {"name": "r5", "cluster": {"dnsServiceIp": "10.0.0.1"}},
            "cluster.dnsServiceIp",
            "first address",
            id="DNS on the API's address",
        ),
        pytest.param(
            {"name": "r5", "network": {"subnetPrefix": "10.240.0.0/26"}},
            "network.subnetPrefix",
            "59 addresses to give; 4 nodes",
            id="subnet too small",
        ),
        pytest.param(
            {"name": "r5", "cluster": {"autoscale": {"min": 6, "max": 3}}},
            "cluster.autoscale.min",
            "more than",
            id="bounds swapped",
        ),
        pytest.param(
            {"name": "r5", "cluster": {"nodeCount": 2, "autoscale": {"min": 3, "max": 6}}},
            "cluster.nodeCount",
            "between",
            id="count outside of the bounds",
        ),
        pytest.param(
            {"name": "r5", "release": {"namespace": "kube-system"}},
            "release.namespace",
            "belongs to Kubernetes",
            id="Kubernetes' namespace",
        ),
        pytest.param(
            {"name": "r5", "network": {"subnet": "GatewaySubnet"}},
            "network.subnet",
            "kept by Azure",
            id="Azure's subnet",
        ),
        pytest.param(
            {"name": "r5", "identity": {"clientId": "x"}}, "identity", "both clientId and secret", id="half a principal"
        ),
        pytest.param(
            {"name": "r5", "identity": {"clientId": "x", "secret": "hunter2"}},
            "identity.secret",
            "secret://NAME",
            id="password in the clear",
        ),
        pytest.param(
            {"name": "r5", "identity": {"type": "managed", "secret": "secret://x"}},
            "identity",
            "managed identity has neither",
            id="managed with a password",
        ),
        pytest.param(
            {"name": "r5", "tags": {"hubkeeper-hub": "x"}}, "tags.hubkeeper-hub", "reserved", id="our own tag"
        ),
        pytest.param({"name": "r5", "tags": {"a": "x" * 257}}, "tags.a", "256", id="long tag"),
        pytest.param({"name": "r5", "access": {"dnsLabel": "R5"}}, "access.dnsLabel", "DNS label", id="DNS label"),
        pytest.param(
            {"name": "r5", "schedule": {"timezone": "Europe/Berlinn", "windows": []}},
            "schedule.timezone",
            "Europe/Berlin",
            id="unknown time zone",
        ),
        pytest.param(
            {"name": "r5", "values": {"proxy": {"secretToken": "0123"}}},
            "values.proxy.secretToken",
            "Key Vault",
            id="token in the values",
        ),
        pytest.param(
            {"name": "r5", "values": {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": "x"}}}}},
            "values.hub.config.GitHubOAuthenticator.client_secret",
            "secret://NAME",
            id="OAuth secret in the values",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_to_write(body: object, field: str, words: str) -> None:
    found = errors(body)
    assert field in found, found
    assert words in found[field]


def test_ten_wrong_fields_are_named_at_once() -> None:
    body = {
        "name": "R5",
        "colour": "red",
        "location": "West US",
        "resourceGroup": "a/b",
        "network": {"name": "-", "adressPrefix": "x"},
        "cluster": {"nodeCount": "x", "vmSize": "huge", "maxPods": 1},
        "release": {"version": "newest"},
        "auth": "open",
    }
    assert len(errors(body)) >= 10


def test_a_long_name_is_refused_where_what_follows_from_it_grows_too_long() -> None:
    name = "a" * 40
    assert "cluster.nodeResourceGroup" in errors({"name": name})
    assert parse({"name": name, "resourceGroup": "rg", "cluster": {"name": "c"}}, "westus").name == name


def test_messages_do_not_repeat_what_may_be_a_secret() -> None:
    found = errors({"name": "r5", "identity": {"clientId": "x", "secret": "hunter2"}, "auth": "hunter2"})
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("jupyter/datascience-notebook", "jupyter/datascience-notebook", "latest"),
        ("jupyter/datascience-notebook:2023-01-01", "jupyter/datascience-notebook", "2023-01-01"),
        ("localhost:5000/image", "localhost:5000/image", "latest"),
        ("quay.io/jupyter/base:x", "quay.io/jupyter/base", "x"),
    ],
)
def test_an_image_may_be_written_as_a_reference(text: str, name: str, tag: str) -> None:
    image = hub(image=text).image
    assert image is not None
    assert (image.name, image.tag) == (name, tag)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([field.alias for field in Hub.model_fields.values()] + ["x", "nodeCount"])


@given(st.dictionaries(FIELDS, JSON, max_size=6) | JSON)
def test_anything_is_a_hub_or_named_errors(body: object) -> None:
    try:
        parse(body, "westus")
    except InvalidError as error:
        found = error.problems
    else:
        return
    assert found
    assert all(item.message for item in found)


@given(st.from_regex(names.HUB.pattern, fullmatch=True), st.from_regex(names.SECRET.pattern, fullmatch=True))
def test_no_two_hubs_share_a_secrets_name(name: str, secret: str) -> None:
    hub, _, key = names.vault_name(name, secret).partition("--")
    assert (hub, key) == (name, secret)


@given(st.from_regex(names.CLUSTER.pattern, fullmatch=True), st.from_regex(r"[-\w.()]{1,90}", fullmatch=True))
def test_a_dns_prefix_keeps_aks_rule(cluster: str, group: str) -> None:
    prefix = names.dns_prefix(cluster, group)
    assert 1 <= len(prefix) <= 54
    assert prefix[0].isalnum()
    assert prefix[-1].isalnum()
