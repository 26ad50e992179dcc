"""A hub with a name of its own and https: its record, its certificate, what changes of them, and that nothing of it stays."""

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from tests.cloud import Cloud, Host, wait_until
from tests.stories.conftest import azure, gone, steps
from tests.stories.given import problem
from tests.stories.kills import killed_while_held

pytestmark = pytest.mark.story

HUB = "web"
SMALL = {"singleuser": {"memory": {"guarantee": "64M"}}}
GROUP = "/resourceGroups/names-rg"
ZONE = f"{GROUP}/providers/Microsoft.Network/dnsZones/example.org"
DNS_API = "2018-05-01"
OURS = {"name": "example.org", "resourceGroup": "names-rg"}
MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture(autouse=True)
def _zone(cloud: Cloud, host: Host) -> Iterator[None]:
    """A zone of somebody else's with a record of somebody else's. The hub leaves both as they were."""
    before = cloud.control.resources()
    azure(cloud, "PUT", GROUP, "2021-04-01", {"location": "westus"})
    azure(cloud, "PUT", ZONE, DNS_API, {"location": "global"})
    record(cloud, "old", "192.0.2.1")
    with_zone = cloud.control.resources()
    yield
    cloud.calm()
    azure(cloud, "DELETE", f"{ZONE}/A/by-hand", DNS_API)
    gone(host, HUB)
    for secret in ("web-cert", "other-cert"):
        host.delete(f"/api/hubs/{HUB}/secrets/{secret}")
    assert cloud.control.resources() == with_zone
    azure(cloud, "DELETE", GROUP, "2021-04-01")
    wait_until(lambda: cloud.control.resources() == before, 30)


def record(cloud: Cloud, name: str, address: str) -> None:
    body = {"properties": {"TTL": 60, "ARecords": [{"ipv4Address": address}]}}
    azure(cloud, "PUT", f"{ZONE}/A/{name}", DNS_API, body)


def records(cloud: Cloud) -> dict[str, str]:
    """The zone's address records by name."""
    rows = (row for row in cloud.control.resources() if row.get("type") == "Microsoft.Network/dnszones/A")
    return {row["id"].rpartition("/")[2]: row["ARecords"][0]["ipv4Address"] for row in rows}


def authority(cloud: Cloud) -> trustme.CA:
    """The local cloud's, which the app trusts as it would trust public ones."""
    folder = cloud.state / "tls"
    return trustme.CA.from_pem((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())


def pem(issuer: trustme.CA, host: str, **more: Any) -> str:
    made = issuer.issue_cert(host, **more)
    return b"".join(part.bytes() for part in [made.private_key_pem, *made.cert_chain_pems]).decode()


def keep(host: Host, secret: str, value: str) -> None:
    assert host.put(f"/api/hubs/{HUB}/secrets/{secret}", {"value": value}).status == 204


class Served(NamedTuple):
    status: int
    location: str
    serial: int
    """Of the certificate; 0 over http."""


def opened(cloud: Cloud, address: str, host: str, path: str = "/hub/health", *, port: int = 443) -> Served:
    """As a browser opens it, which trusts the same authorities as the app. Raises OSError, ssl.SSLError included."""
    trust = ssl.create_default_context(cafile=Path(cloud.state) / "tls" / "ca.pem")
    serial = 0
    with socket.create_connection((address, port), timeout=10) as plain:
        line: socket.socket = plain
        if port == 443:
            line = secured = trust.wrap_socket(plain, server_hostname=host)
            serial = int(str((secured.getpeercert() or {})["serialNumber"]), 16)
        with line:
            line.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            head = b"".join(iter(lambda: line.recv(4096), b"")).partition(b"\r\n\r\n")[0].decode().splitlines()
    headers = dict(entry.lower().split(": ", 1) for entry in head[1:])
    return Served(int(head[0].split()[1]), headers.get("location", ""), serial)


def refused_by_browsers(cloud: Cloud, address: str, host: str) -> bool:
    """Whether something answers, with a certificate that nobody trusts."""
    try:
        opened(cloud, address, host)
    except ssl.SSLCertVerificationError:
        return True
    except OSError:
        return False
    return False


def hub(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = host.get(f"/api/hubs/{HUB}").json
    return found


def patched(host: Host, body: dict[str, Any]) -> dict[str, Any]:
    answer = host.patch(f"/api/hubs/{HUB}", body, headers=MERGE)
    assert answer.status == 202, answer.json
    run = host.wait_run(answer.headers["Location"], 300)
    assert run["status"] == "succeeded", json.dumps(run, indent=1)
    return run


def certificates(cloud: Cloud) -> list[str]:
    return [row["id"] for row in cloud.control.resources() if "/Secret/" in row["id"] and "hubkeeper-tls" in row["id"]]


def test_a_name_in_a_zone_and_a_certificate_from_key_vault(cloud: Cloud, host: Host) -> None:
    access = {"host": "hub.example.org", "dnsZone": OURS, "https": {"certificate": "secret://web-cert"}}
    body = {"name": HUB, "values": SMALL, "access": access}

    def findings(**other: Any) -> dict[str, str]:
        answer = host.post("/api/hubs?dryRun=true", {**body, "access": {**access, **other}})
        assert answer.status == 200, answer.json
        return {item["code"]: f"{item['message']} {item['advice']}" for item in answer.json["findings"]}

    assert "/secrets/NAME" in findings()["SecretNotFound"]
    issuer = authority(cloud)
    keep(host, "web-cert", pem(trustme.CA(), "hub.example.org"))
    assert "browsers would refuse it" in findings()["CertificateRefused"]
    keep(host, "web-cert", pem(issuer, "hub.example.org"))
    assert not {"CertificateRefused", "SecretNotFound", "DnsRecordTaken", "NameNeeded"} & findings().keys()
    assert (
        "it is for hub.example.org, not for old.example.org" in findings(host="old.example.org")["CertificateRefused"]
    )
    assert "which points at 192.0.2.1" in findings(host="old.example.org")["DnsRecordTaken"]
    missing = {"name": "example.org", "resourceGroup": "nowhere-rg"}
    assert "az network dns zone list" in findings(dnsZone=missing)["DnsZoneNotFound"]
    refused = host.post("/api/hubs", {**body, "access": {"https": access["https"]}})
    assert "set access.host" in problem(refused, 400, "InvalidHub")["errors"][0]["message"]

    # killed while the record is being made: it is ours, and made once
    with killed_while_held(cloud, host, {"service": "arm", "method": "PUT", "path": "/dnsZones/example.org/A/hub"}):
        location = host.post("/api/hubs", body).headers["Location"]
    run = host.wait_run(location, 300)
    assert run["status"] == "succeeded", json.dumps(run, indent=1)
    made = hub(host)
    assert made["url"] == "https://hub.example.org/"
    address = records(cloud)["hub"]
    first = opened(cloud, address, "hub.example.org")
    assert first.status == 200
    redirect = opened(cloud, address, "hub.example.org", "/hub/login", port=80)
    assert (redirect.status // 100, redirect.location.replace(":443", "")) == (3, "https://hub.example.org/hub/login")

    # another certificate under the same name
    ends = cloud.control.now() + timedelta(days=90)
    keep(host, "web-cert", pem(issuer, "*.example.org", not_after=ends))
    plan = host.patch(f"/api/hubs/{HUB}?dryRun=true", {}, headers=MERGE).json
    assert [change["field"] for change in plan["changes"]] == ["access.https.certificate"]
    assert "proxy restarts" in plan["changes"][0]["interruption"]
    patched(host, {})
    second = opened(cloud, address, "hub.example.org")
    assert (second.status, second.serial != first.serial) == (200, True)
    assert hub(host)["certificateEnds"] == ends.replace(microsecond=0).isoformat()
    assert len(certificates(cloud)) == 1
    assert host.patch(f"/api/hubs/{HUB}", {}, headers=MERGE).status == 200

    # another name, and Let's Encrypt
    wish = {"access": {"host": "lab.example.org", "https": {"certificate": None, "letsencrypt": "ann@example.org"}}}
    plan = host.patch(f"/api/hubs/{HUB}?dryRun=true", wish, headers=MERGE).json
    assert plan["url"] == "https://lab.example.org/"
    assert any("another address" in change["interruption"] for change in plan["changes"])
    patched(host, wish)
    assert hub(host)["url"] == "https://lab.example.org/"
    assert opened(cloud, address, "lab.example.org").status == 200
    assert records(cloud) == {"old": "192.0.2.1", "lab": address}
    assert certificates(cloud) == []

    answer = host.delete(f"/api/hubs/{HUB}?confirm={HUB}")
    gone_run = host.wait_run(answer.headers["Location"], 300)
    assert gone_run["status"] == "succeeded", gone_run
    assert any(item.endswith("/A/lab") for item in gone_run["receipt"]["deleted"])
    assert records(cloud) == {"old": "192.0.2.1"}


def test_a_record_made_by_hand_is_waited_for_and_then_lets_encrypt_is_asked_again(cloud: Cloud, host: Host) -> None:
    access = {"host": "by-hand.example.org", "https": {"letsencrypt": {"email": "ann@example.org"}}}
    plan = host.post("/api/hubs?dryRun=true", {"name": HUB, "access": access}).json
    (needed,) = (item for item in plan["findings"] if item["code"] == "NameNeeded")
    assert "does not resolve yet" in needed["message"]
    assert "an A record for by-hand.example.org" in needed["advice"]
    answer = host.post("/api/hubs", {"name": HUB, "values": SMALL, "access": access})
    path = f"/api/runs/{answer.headers['Location'].rsplit('/', 1)[-1]}"

    def asked_for() -> str:
        (step,) = (step for step in host.get(path).json["steps"] if step["name"] == "name")
        return str(step["message"] or "") if "create an A record" in str(step["message"]) else ""

    address = wait_until(asked_for, 60).rpartition(" with ")[2].rstrip(".")
    wait_until(
        lambda: refused_by_browsers(cloud, address, "by-hand.example.org"), 60, "the front without a certificate"
    )
    record(cloud, "by-hand", address)
    wait_until(lambda: steps(host.get(path).json)["name"] == "succeeded", 60)
    cloud.control.advance(timedelta(seconds=45))
    run = host.wait_run(path, 180)
    assert run["status"] == "succeeded", json.dumps(run, indent=1)
    assert opened(cloud, address, "by-hand.example.org").status == 200
    assert hub(host)["url"] == "https://by-hand.example.org/"

    patched(host, {"access": {"https": None}})
    assert hub(host)["url"] == "http://by-hand.example.org/"
    assert opened(cloud, address, "by-hand.example.org", port=80).status == 200
