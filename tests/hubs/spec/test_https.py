"""A hub's own name and https: what is taken, what is refused and with which way around, and what comes of it."""

from typing import Any

import pytest

from shared import references
from shared.errors import InvalidError
from shared.hubs.chart import access
from shared.hubs.spec import https
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse, warnings

SUFFIX = "cloudapp.azure.com"
HOST = "hub.example.org"
ZONE_ID = "/subscriptions/other/resourceGroups/names-rg/providers/Microsoft.Network/dnszones/Example.org"
BY_HAND = {"enabled": True, "hosts": [HOST], "letsencrypt": {"contactEmail": "ann@example.org"}}
MANUAL = {"cert": "secret://cert", "key": "secret://key"}


def hub(values: Any = None, **given: Any) -> Hub:
    return parse(
        {"name": "r5", "access": given, **({"values": {"proxy": {"https": values}}} if values else {})}, "westus2"
    )


def errors(values: Any = None, **given: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        hub(values, **given)
    return {error.field: error.message for error in caught.value.problems}


def chart_https(spec: Hub, tls: str = "hubkeeper-tls-1") -> Any:
    return access.values(spec, SUFFIX, tls)["proxy"]["https"]


def test_lets_encrypt_for_a_name_of_ones_own() -> None:
    spec = hub(host=HOST, https={"letsencrypt": "ann@example.org"})
    assert spec.wire()["access"]["https"] == {"letsencrypt": {"email": "ann@example.org"}}
    assert access.reach(spec, SUFFIX, access.Known("20.1.2.3")).hub == "https://hub.example.org/"
    assert chart_https(spec) == {
        "enabled": True,
        "type": "letsencrypt",
        "hosts": [HOST],
        "letsencrypt": {"contactEmail": "ann@example.org"},
    }
    assert access.deployments(spec) == ["hub", "proxy", "autohttps"]
    assert access.must_resolve(spec, SUFFIX) == (HOST,)


def test_another_acme_server() -> None:
    asked = {"email": "ann@example.org", "acmeServer": "https://acme.example.org/directory"}
    found = chart_https(hub(host=HOST, https={"letsencrypt": asked}))
    assert found["letsencrypt"]["acmeServer"] == "https://acme.example.org/directory"


def test_a_certificate_from_key_vault_is_a_secret_of_the_cluster() -> None:
    spec = hub(host=HOST, https={"certificate": "secret://cert"})
    assert (access.certificate(spec), access.reach(spec, SUFFIX).hub) == ("cert", "https://hub.example.org/")
    assert chart_https(spec) == {
        "enabled": True,
        "type": "secret",
        "hosts": [HOST],
        "secret": {"name": "hubkeeper-tls-1"},
    }
    assert access.deployments(spec) == ["hub", "proxy"]


def test_the_label_is_a_name_too() -> None:
    spec = hub(dnsLabel="r5hub", https={"letsencrypt": "ann@example.org"})
    label = "r5hub.westus2.cloudapp.azure.com"
    assert access.reach(spec, SUFFIX).hub == f"https://{label}/"
    assert chart_https(spec)["hosts"] == [label]
    assert access.must_resolve(spec, SUFFIX) == (label,)
    assert any("access.host" in text and "cloudapp.azure.com" in text for text in warnings(spec))


def test_a_name_of_ones_own_goes_before_the_label_and_has_no_such_warning() -> None:
    spec = hub(dnsLabel="r5hub", host=HOST, https={"letsencrypt": "ann@example.org"})
    assert access.host(spec, SUFFIX) == HOST
    assert not any("Let's Encrypt" in text for text in warnings(spec))


def test_a_name_without_https_is_served_over_http_and_says_so() -> None:
    spec = hub(host=HOST)
    assert access.reach(spec, SUFFIX).hub == "http://hub.example.org/"
    assert "https" not in access.values(spec, SUFFIX)["proxy"]
    assert any("passwords can be read" in text for text in warnings(spec))


def test_a_zone_may_be_its_id() -> None:
    zone = hub(host=HOST, dnsZone=ZONE_ID).access.dns_zone
    assert zone == https.DnsZone(name="example.org", resource_group="names-rg", subscription="other")


@pytest.mark.parametrize(
    ("values", "url"),
    [
        (BY_HAND, "https://hub.example.org/"),
        ({"enabled": True, "type": "manual", "hosts": [HOST], "manual": MANUAL}, None),
    ],
)
def test_https_by_hand_counts_when_it_is_complete(values: Any, url: str | None) -> None:
    spec = hub(values)
    assert access.reach(spec, SUFFIX, access.Known("20.1.2.3")).hub == (url or "https://hub.example.org/")
    assert chart_https(spec) == references.in_values(values)
    assert access.must_resolve(spec, SUFFIX) == (HOST,)


def test_https_by_hand_that_is_off_is_none() -> None:
    assert access.reach(hub({**BY_HAND, "enabled": False}), SUFFIX, access.Known("20.1.2.3")).hub == "http://20.1.2.3/"


CERTIFICATE = {"certificate": "secret://cert"}
AT = "values.proxy.https"


@pytest.mark.parametrize(
    ("values", "given", "field", "words"),
    [
        pytest.param(None, {"https": CERTIFICATE}, "access.https", "set access.host", id="no name"),
        pytest.param(None, {"host": HOST, "https": {}}, "access.https", "takes one of the two", id="neither"),
        pytest.param(
            None,
            {"host": HOST, "https": {"letsencrypt": "a@example.org", **CERTIFICATE}},
            "access.https",
            "set the other one to null",
            id="both",
        ),
        pytest.param(None, {"host": HOST, "https": "letsencrypt"}, "access.https", '"letsencrypt": "you@', id="a word"),
        pytest.param(
            None,
            {"host": HOST, "https": {"letsencrypt": "ann"}},
            "access.https.letsencrypt.email",
            "e-mail",
            id="e-mail",
        ),
        pytest.param(
            None,
            {
                "host": HOST,
                "https": {
                    "letsencrypt": {
                        "email": "a@example.org",
                        "acmeServer": "https://acme-staging-v02.api.letsencrypt.org/directory",
                    }
                },
            },
            "access.https.letsencrypt.acmeServer",
            "leave it out",
            id="staging",
        ),
        pytest.param(
            None,
            {"host": HOST, "https": {"certificate": "-----BEGIN PRIVATE KEY-----"}},
            "access.https.certificate",
            "PUT /api/hubs/{name}/secrets/NAME",
            id="the key itself",
        ),
        pytest.param(
            None, {"host": "https://hub.example.org/"}, "access.host", "like hub.example.org", id="an address"
        ),
        pytest.param(None, {"host": "hub"}, "access.host", "in full", id="half a name"),
        pytest.param(None, {"host": "20.1.2.3"}, "access.host", "like hub.example.org", id="numbers"),
        pytest.param(None, {"host": f"r5.westus2.{SUFFIX}"}, "access.host", "set access.dnsLabel", id="Azure's name"),
        pytest.param(
            None,
            {"dnsZone": {"name": "example.org", "resourceGroup": "g"}},
            "access.dnsZone",
            "set access.host",
            id="a zone alone",
        ),
        pytest.param(
            None,
            {"host": "hub.notexample.org", "dnsZone": {"name": "example.org", "resourceGroup": "g"}},
            "access.dnsZone",
            "does not hold hub.notexample.org",
            id="another zone",
        ),
        pytest.param(
            None, {"host": HOST, "dnsZone": "example.org"}, "access.dnsZone", "resourceGroup", id="no zone's id"
        ),
        pytest.param({"enabled": True}, {}, f"{AT}.hosts", "write access.https", id="by hand without a host"),
        pytest.param({"enabled": True, "hosts": []}, {}, f"{AT}.hosts", "plain http", id="by hand, no hosts"),
        pytest.param(
            {"enabled": True, "hosts": [HOST]}, {}, f"{AT}.letsencrypt.contactEmail", "e-mail", id="by hand, no e-mail"
        ),
        pytest.param(
            {**BY_HAND, "letsencrypt": {"contactEmail": "a@b.c", "acmeServer": "https://staging.example"}},
            {},
            f"{AT}.letsencrypt.acmeServer",
            "leave it out",
            id="by hand, staging",
        ),
        pytest.param(BY_HAND, {"host": "lab.example.org"}, f"{AT}.hosts", "begin with access.host", id="two names"),
        pytest.param(BY_HAND, {"host": HOST, "https": CERTIFICATE}, AT, "leave one of them out", id="said twice"),
        pytest.param({"enabled": True, "type": "offload"}, {}, f"{AT}.type", "write access.https", id="offload"),
        pytest.param(
            {"enabled": True, "type": "secret", "hosts": [HOST]},
            {},
            f"{AT}.type",
            "access.https",
            id="a Secret of nobody's",
        ),
        pytest.param(
            {"enabled": True, "type": "manual", "hosts": [HOST], "manual": {"cert": "x", "key": "secret://key"}},
            {},
            f"{AT}.manual.cert",
            "must be secret://NAME",
            id="a certificate in the values",
        ),
    ],
)
def test_what_would_not_answer_at_https_is_refused_with_the_way_around(
    values: Any, given: dict[str, Any], field: str, words: str
) -> None:
    assert words in errors(values, **given)[field]


@pytest.mark.parametrize(
    ("service", "field"),
    [
        ({"disableHttpPort": True}, "disableHttpPort"),
        ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "loadBalancerSourceRanges"),
    ],
)
def test_what_keeps_lets_encrypt_out_is_refused_with_it_and_taken_without(service: dict[str, Any], field: str) -> None:
    body = {"name": "r5", "values": {"proxy": {"service": service}}}
    with pytest.raises(InvalidError) as caught:
        parse({**body, "access": {"host": HOST, "https": {"letsencrypt": "a@example.org"}}}, "westus2")
    ((error),) = caught.value.problems
    assert error.field == f"values.proxy.service.{field}"
    assert "certificate of your own" in error.message
    assert parse({**body, "access": {"host": HOST, "https": CERTIFICATE}}, "westus2").name


@pytest.mark.parametrize("label", [{}, {"dnsLabel": "other"}])
def test_https_by_hand_for_a_name_of_azures_wants_the_label(label: dict[str, str]) -> None:
    by_hand = {**BY_HAND, "hosts": [f"r5-hub.westus2.{SUFFIX}"]}
    assert "set access.dnsLabel" in errors(by_hand, **label)[f"{AT}.hosts"]
    assert access.reach(hub(by_hand, dnsLabel="r5-hub"), SUFFIX).hub == f"https://r5-hub.westus2.{SUFFIX}/"


GITHUB = {"type": "github", "clientId": "an-id", "clientSecret": "secret://client", "users": ["ada"]}


def test_an_oauth_provider_sends_people_back_over_https() -> None:
    spec = parse(
        {"name": "r5", "auth": GITHUB, "access": {"host": HOST, "https": {"letsencrypt": "a@example.org"}}}, "westus2"
    )
    assert access.reach(spec, SUFFIX).callback == "https://hub.example.org/hub/oauth_callback"
    assert not any("plain http" in text for text in warnings(spec))
    plain = parse({"name": "r5", "auth": GITHUB, "access": {"host": HOST}}, "westus2")
    assert any("set access.https" in text for text in warnings(plain))
    with pytest.raises(InvalidError, match=r"or access\.host to a name of your own"):
        parse({"name": "r5", "auth": GITHUB}, "westus2")
