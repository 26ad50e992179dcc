import socket
from typing import Any

import pytest

from local.functions import publicdns
from local.publicnames import resolved

NAMES = {"r5.westus.cloudapp.azure.com": ["127.20.0.4"], "r6.westus.cloudapp.azure.com": []}


@pytest.fixture(autouse=True)
def _resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    publicdns.install(NAMES.get)


def test_a_published_name_resolves_to_its_address() -> None:
    for name in ("r5.westus.cloudapp.azure.com", "R5.westus.cloudapp.azure.com."):
        assert socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)[0][4] == ("127.20.0.4", 80)


def test_a_label_that_nobody_has_is_not_known() -> None:
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("r6.westus.cloudapp.azure.com", 80)
    assert caught.value.errno == socket.EAI_NONAME


def test_other_names_are_left_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def system(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", system)
    publicdns.install(NAMES.get)
    socket.getaddrinfo("hub.example.org", 80)
    assert asked == ["hub.example.org"]


def test_addresses_and_the_machine_itself_are_never_asked_for() -> None:
    asked: list[str] = []

    def lookup(name: str) -> list[str]:
        asked.append(name)
        return []

    publicdns.install(lookup)
    for host in ("127.0.0.1", "::1", "localhost"):
        socket.getaddrinfo(host, 80)
    assert asked == []


def test_a_cloud_that_is_away_is_a_temporary_failure() -> None:
    publicdns.install(publicdns.in_resources("http://127.0.0.1:1"))
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("r7.westus.cloudapp.azure.com", 80)
    assert caught.value.errno == socket.EAI_AGAIN


def zone(name: str) -> dict[str, Any]:
    return {"id": f"/s/dnsZones/{name}", "type": "Microsoft.Network/dnszones"}


def record(where: str, name: str, **what: Any) -> dict[str, Any]:
    kind = "A" if "ARecords" in what else "CNAME" if "CNAMERecord" in what else "TXT"
    return {"id": f"/s/dnsZones/{where}/{kind}/{name}", "type": f"Microsoft.Network/dnszones/{kind}", **what}


ROWS = [
    {
        "id": "/s/publicIPAddresses/a",
        "ipAddress": "127.20.0.4",
        "dnsSettings": {"fqdn": "r5.westus.cloudapp.azure.com"},
    },
    zone("example.org"),
    record("example.org", "hub", ARecords=[{"ipv4Address": "127.20.0.5"}]),
    record("example.org", "@", ARecords=[{"ipv4Address": "127.20.0.6"}]),
    record("example.org", "lab", CNAMERecord={"cname": "R5.westus.cloudapp.azure.com."}),
    record("example.org", "loop", CNAMERecord={"cname": "loop.example.org"}),
    record("example.org", "text", TXTRecords=[]),
    zone("inner.example.org"),
    record("inner.example.org", "hub", ARecords=[{"ipv4Address": "127.20.0.7"}]),
]


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("r5.westus.cloudapp.azure.com", ["127.20.0.4"]),
        ("r6.westus.cloudapp.azure.com", []),
        ("hub.example.org", ["127.20.0.5"]),
        ("example.org", ["127.20.0.6"]),
        ("lab.example.org", ["127.20.0.4"]),
        ("loop.example.org", []),
        ("text.example.org", []),
        ("nobody.example.org", []),
        ("hub.inner.example.org", ["127.20.0.7"]),
        ("inner.example.org", []),
        ("notexample.org", None),
        ("hub.example.com", None),
    ],
)
def test_a_name_is_what_its_zone_says(name: str, addresses: list[str] | None) -> None:
    assert resolved(name, ROWS) == addresses
