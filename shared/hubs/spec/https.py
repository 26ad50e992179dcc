"""A hub's own host name and https: what a person writes, and what does not fit together. Pure.

Two ways to a certificate: Let's Encrypt, which the chart's own front asks for one (HTTP-01: the name must lead to the hub
before), or one that is kept in Key Vault. https written by hand in `values` counts when it is complete.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from shared import names
from shared.hubs.spec.part import Part, SecretReference, follows
from shared.problem import Problem, wrong
from shared.references import SCHEME

_ZONE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<resourceGroup>[^/]+)"
    r"/providers/Microsoft\.Network/dnsZones/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_LONGEST_EMAIL = 254
"""Characters, of the longest path of RFC 5321."""
_AZURE = ".cloudapp.azure.com"


def _email(value: str) -> str:
    name, _, domain = value.partition("@")
    plain = len(value) <= _LONGEST_EMAIL and "@" not in domain and not any(sign.isspace() for sign in value)
    if not (plain and name and "." in domain[1:-1]):
        raise ValueError("must be an e-mail address, such as you@example.org")
    return value


def _acme(value: str) -> str:
    if not value.startswith("https://") or any(sign.isspace() for sign in value):
        raise ValueError("must be the https:// address of an ACME directory")
    if "staging" in value:
        raise ValueError(_STAGING)
    return value


_STAGING = (
    "is a server for tries: no browser trusts its certificates, so that the hub would never count as usable; leave it out for "
    "Let's Encrypt's own"
)


class DnsZone(Part):
    """A zone of Azure DNS; its resource id as a string means the same."""

    name: Annotated[str, follows(names.HOST)]
    """The zone's name, such as example.org. The host name is the same or ends with it."""
    resource_group: Annotated[str, follows(names.RESOURCE_GROUP)]
    """The zone's resource group. Hubkeeper's identity needs the role DNS Zone Contributor on the zone."""
    subscription: str | None = None
    """The id of the zone's subscription. Default: the hubs' own."""

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if (parts := _ZONE_ID.fullmatch(value)) is None:
            raise ValueError(
                'must be the id of an Azure DNS zone, /subscriptions/.../dnsZones/example.org, or {"name", "resourceGroup"}'
            )
        return {**parts.groupdict(), "name": parts["name"].lower()}


class LetsEncrypt(Part):
    """Certificates of Let's Encrypt, for a name that resolves to the hub. A string is short for the e-mail address."""

    email: Annotated[str, AfterValidator(_email)]
    """The e-mail address of the account. The chart requires one."""
    acme_server: Annotated[str, AfterValidator(_acme)] | None = None
    """Another ACME directory. Default: Let's Encrypt's. Hubkeeper must trust the authority of its certificates."""

    @model_validator(mode="before")
    @classmethod
    def _from_address(cls, value: Any) -> Any:
        return {"email": value} if isinstance(value, str) else value


class Https(Part):
    """https with one of two kinds of certificates. http redirects to it."""

    letsencrypt: LetsEncrypt | None = None
    """The chart's proxy gets certificates and renews them."""
    certificate: SecretReference | None = None
    """Your own certificate: secret://KEY, one of the hub's secrets (PUT /api/hubs/{name}/secrets/{key}), with the
    certificate, its chain and its private key in PEM form. To renew it, PUT the secret again, then PATCH the hub, with {} if
    nothing else changes."""

    @model_validator(mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"must be an object: {_ONE_OF}")  # noqa: TRY004 - what pydantic turns into a wrong field
        return value

    @model_validator(mode="after")
    def _one(self) -> "Https":
        if self.letsencrypt is None and self.certificate is None:
            raise ValueError(f"takes one of the two: {_ONE_OF}")
        if self.letsencrypt and self.certificate:
            raise ValueError(f"takes one of the two alone: {_ONE_OF}; set the other one to null")
        return self


_ONE_OF = '{"letsencrypt": "you@example.org"} or {"certificate": "secret://KEY"}'


class Access(Part):
    """How people reach the hub."""

    dns_label: Annotated[str, follows(names.DNS_LABEL)] | None = None
    """Gives the hub the name LABEL.REGION.cloudapp.azure.com, which is known before the hub is there. Default: its IP
    address."""
    binder_label: Annotated[str, follows(names.DNS_LABEL)] | None = None
    """The same for a BinderHub's page, which has an address of its own. Default: `dnsLabel` with "-binder" after it."""
    host: Annotated[str, follows(names.HOST)] | None = None
    """Your own host name, such as hub.example.org. Its DNS record must point at the hub: with `dnsZone`, Hubkeeper makes the
    record; otherwise the run and the dry run say which record to make."""
    dns_zone: DnsZone | None = None
    """The Azure DNS zone of `host`. Hubkeeper makes the record there, keeps it up to date, and deletes it with the hub."""
    https: Https | None = Field(default=None)
    """https for `host`, or for the name that `dnsLabel` gives. Default: plain http."""


def written(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """proxy.https of the chart's values when it is switched on there by hand; empty otherwise."""
    proxy = values.get("proxy")
    https = proxy.get("https") if isinstance(proxy, Mapping) else None
    return https if isinstance(https, Mapping) and https.get("enabled") else {}


def secure(access: Access, values: Mapping[str, Any]) -> bool:
    """Whether the hub answers at https."""
    return access.https is not None or bool(written(values))


def by_letsencrypt(access: Access, values: Mapping[str, Any]) -> bool:
    by_hand = written(values)
    if access.https:
        return access.https.letsencrypt is not None
    return bool(by_hand) and by_hand.get("type", "letsencrypt") == "letsencrypt"


def own_hosts(access: Access, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The hub's names that Azure does not give, the one that people use first."""
    listed = written(values).get("hosts")
    by_hand = [host for host in listed if isinstance(host, str)] if isinstance(listed, list) else []
    found = [*([access.host] if access.host else []), *by_hand]
    return tuple(dict.fromkeys(host for host in found if not host.endswith(_AZURE)))


def named(access: Access, values: Mapping[str, Any]) -> bool:
    """Whether the hub has a name before it is there."""
    return bool(access.dns_label or own_hosts(access, values))


def problems(access: Access, values: Mapping[str, Any]) -> Iterator[Problem]:
    if access.host and access.host.endswith(_AZURE):
        yield wrong(
            "access.host",
            "names under cloudapp.azure.com are Azure's to give: set access.dnsLabel to the first part of it",
        )
    if access.dns_zone and not access.host:
        yield wrong("access.dnsZone", "is where the record of access.host is made: set access.host, too")
    elif access.dns_zone and access.host and not _inside(access.host, access.dns_zone.name):
        yield wrong(
            "access.dnsZone",
            f"the zone {access.dns_zone.name} does not hold {access.host}: name the zone that access.host ends with",
        )
    if access.https and not (access.host or access.dns_label):
        yield wrong(
            "access.https",
            "a certificate is for a name, and the hub has none: set access.host to a name of your own, or access.dnsLabel",
        )
    if by_hand := written(values):
        yield from _by_hand(access, by_hand)
    if by_letsencrypt(access, values):
        yield from _unseen(values)


def _inside(host: str, zone: str) -> bool:
    return host == zone or host.endswith(f".{zone}")


def _by_hand(access: Access, https: Mapping[str, Any]) -> Iterator[Problem]:
    """What keeps https in `values` from answering as it says; complete, it is taken as it is."""
    at, kind = "values.proxy.https", str(https.get("type", "letsencrypt"))
    if access.https:
        yield wrong(at, "says https, and so does access.https; leave one of them out")
        return
    hosts = https.get("hosts")
    if kind in _INSTEAD:
        yield wrong(f"{at}.type", _INSTEAD[kind])
    if not isinstance(hosts, list) or not hosts:
        yield wrong(
            f"{at}.hosts", "without a host name the chart would serve plain http: name it here, or write access.https"
        )
    elif access.host and hosts[0] != access.host:
        yield wrong(f"{at}.hosts", f"must begin with access.host {access.host}, at which people open the hub")
    elif any(str(host).endswith(_AZURE) and not str(host).startswith(f"{access.dns_label}.") for host in hosts):
        yield wrong(
            f"{at}.hosts",
            "has a name that Azure gives to who asks for it: set access.dnsLabel to the first part of it",
        )
    settings = https.get(kind)
    if kind in _COMPLETE:
        yield from _COMPLETE[kind](settings if isinstance(settings, Mapping) else {}, f"{at}.{kind}")


def _unseen(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What would keep Let's Encrypt from the front, which it calls at port 80 from addresses that it does not tell."""
    proxy = values.get("proxy")
    service = proxy.get("service") if isinstance(proxy, Mapping) else None
    for key in ("disableHttpPort", "loadBalancerSourceRanges"):
        if isinstance(service, Mapping) and service.get(key):
            yield wrong(f"values.proxy.service.{key}", _KEPT_OUT)


_KEPT_OUT = (
    "keeps Let's Encrypt out, which looks at port 80 from anywhere: leave it out, or keep a certificate of your own in "
    'Key Vault (access.https {"certificate": "secret://KEY"})'
)


def _letsencrypt_by_hand(settings: Mapping[str, Any], place: str) -> Iterator[Problem]:
    if not settings.get("contactEmail"):
        yield wrong(f"{place}.contactEmail", "an e-mail address is needed for the account with Let's Encrypt")
    if "staging" in str(settings.get("acmeServer", "")):
        yield wrong(f"{place}.acmeServer", _STAGING)


def _manual(settings: Mapping[str, Any], place: str) -> Iterator[Problem]:
    for key in ("cert", "key"):
        if not str(settings.get(key, "")).startswith(SCHEME):
            yield wrong(f"{place}.{key}", f"must be secret://NAME, in Key Vault; shorter: access.https {_ONE_OF}")


_COMPLETE = {"letsencrypt": _letsencrypt_by_hand, "manual": _manual}


_INSTEAD = {
    "offload": (
        "Azure's load balancer does not end TLS, so that https would not be answered; write access.https, or leave https out "
        "when something of yours stands before the hub"
    ),
    "secret": (
        "nothing puts that Secret into the cluster: keep certificate and key in Key Vault and write access.https "
        '{"certificate": "secret://KEY"}'
    ),
}


def warnings(access: Access, values: Mapping[str, Any]) -> Iterator[str]:
    if by_letsencrypt(access, values) and not own_hosts(access, values):
        yield (
            "access.https: Let's Encrypt counts certificates of all Azure customers' cloudapp.azure.com names together and often "
            "gives no more in a week; a name of your own (access.host) has a limit of its own."
        )
    if access.host and not secure(access, values):
        yield (
            f"access.host without access.https: {access.host} is served over plain http, and passwords can be read on the way."
        )
