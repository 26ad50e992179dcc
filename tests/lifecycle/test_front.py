"""The hub's entrance, step by step: its certificate, its record, the wait until the name leads to it, and what is left over."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

import pytest
import trustme

from shared.azure.authorization import Permission
from shared.azure.dns import Record, Zone, record_id
from shared.azure.keyvault import Secret
from shared.checks import access as preflight_access
from shared.checks import upgrade
from shared.errors import ConflictError, PermanentError, TemporaryError
from shared.hubs.status.model import Status
from shared.hubs.store import HubRecord
from shared.lifecycle.create import front
from shared.lifecycle.create.front import NAME_TIMEOUT
from shared.lifecycle.teardown import removal
from shared.lifecycle.upgrade import front as upgrade_front
from shared.resources import hostname
from shared.runs import advice
from shared.runs.model import Kind, Outcome, StepState
from tests.fakes import adapters
from tests.fakes.upgrades import Kubernetes as Chart
from tests.given import NOW, SUBSCRIPTION, Place, run_of, spec

HOST, ADDRESS = "hub.example.org", "20.1.2.3"
ZONE_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/names-rg/providers/Microsoft.Network/dnsZones/example.org"
RECORD = record_id(ZONE_ID, "hub")
OURS = {"name": "example.org", "resourceGroup": "names-rg"}
MARK = hostname.mark("r5", SUBSCRIPTION)
LETSENCRYPT = {"letsencrypt": "ann@example.org"}
CA = trustme.CA()

type Names = list[str]


@dataclass
class Dns:
    """A zone and the world's resolvers. `sees`: what they say; None: what the zone's records say, at once."""

    records: dict[str, Record] = field(default_factory=dict)
    sees: frozenset[str] | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    there: bool = True
    race: bool = False
    puts: int = 0

    def zone(self, zone_id: str) -> Zone | None:
        assert zone_id == ZONE_ID
        return Zone(zone_id, "example.org", ("ns1-01.azure-dns.com",)) if self.there else None

    def record(self, zone_id: str, name: str) -> Record | None:
        return self.record_by_id(record_id(zone_id, name))

    def record_by_id(self, resource_id: str) -> Record | None:
        return self.records.get(resource_id)

    def alias(self, zone_id: str, name: str) -> str | None:
        return self.aliases.get(name)

    def put_record(self, resource_id: str, address: str, metadata: dict[str, str], etag: str | None) -> None:
        found = self.records.get(resource_id)
        if self.race or (found.etag if found else None) != etag:
            raise ConflictError("Azure Resource Manager", "PreconditionFailed", "somebody was faster", status=412)
        self.puts += 1
        self.records[resource_id] = Record(resource_id, (address,), metadata, f"etag-{self.puts}")

    def delete_record(self, resource_id: str) -> None:
        del self.records[resource_id]

    def addresses(self, name: str) -> frozenset[str]:
        if self.sees is not None:
            return self.sees
        known = {hostname.host_of(found.id): found.addresses for found in self.records.values()}
        return frozenset(known.get(name, ()))


class Cluster(Chart):
    """The chart's objects, with those of ours: by path. `fronts`: pods that ask for certificates, with their ages in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str, dict[str, Any]] = {}
        self.fronts: dict[str, float] = {}
        self.now = NOW

    def __call__(self, _: str) -> Self:
        return self

    def find(self, path: str) -> dict[str, Any] | None:
        if path.endswith("/services/proxy-public"):
            return {"status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}}
        return self.made.get(path)

    def create(self, path: str, body: dict[str, Any]) -> None:
        self.made[f"{path}/{body['metadata']['name']}"] = body

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        if path.endswith("/pods"):
            return [self._front(name, age) for name, age in self.fronts.items()]
        return [item for key, item in self.made.items() if key.startswith(f"{path}/")]

    def _front(self, name: str, age: float) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "jhub", "labels": {"component": "autohttps"}}
        return {"metadata": metadata, "status": {"startTime": (self.now - timedelta(seconds=age)).isoformat()}}

    def delete(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        return self.fronts.pop(name, None) is not None or self.made.pop(path, None) is not None

    @property
    def certificates(self) -> Names:
        return [path.rpartition("/")[2] for path in self.made if "/secrets/" in path]


@dataclass
class Hub:
    """At whatever URL. `trouble_is`: why it does not answer."""

    trouble_is: str = ""

    def __call__(self, url: str, token: str | None = None) -> Self:
        return self

    def trouble(self) -> str:
        return self.trouble_is

    def healthy(self) -> bool:
        return not self.trouble_is


class Roles:
    def __init__(self, *actions: str) -> None:
        self._found = (Permission(actions, ()),)

    def permissions(self, scope: str) -> tuple[Permission, ...]:
        assert scope == ZONE_ID
        return self._found


class Lab:
    """One hub, whose steps are called one by one."""

    def __init__(self, kind: Kind = Kind.CREATE, wanted: dict[str, Any] | None = None, **access: Any) -> None:
        self.place = Place()
        self.place.ready(auth="none", access=access)
        document = spec(auth="none", access=wanted).wire() if wanted is not None else None
        self.run = run_of(kind, wanted=document)
        self.place.runs.insert(self.run)
        self.dns, self.cluster, self.hub, self.secrets = Dns(), Cluster(), Hub(), adapters.Secrets()
        self.place.adapters = {
            "dns": self.dns,
            "kubernetes": self.cluster,
            "jupyterhub": self.hub,
            "secrets": self.secrets,
            "clusters": adapters.Clusters(),
            "roles": Roles("Microsoft.Network/dnsZones/*"),
        }

    def call(self, function: Any, name: str = "name", elapsed: float = 0) -> Outcome:
        self.cluster.now = self.place.clock.now()
        outcome: Outcome = function(self.place.context(self.run, StepState(name), elapsed=elapsed))
        return outcome

    def keep(self, host: str = HOST, version: str = "1", **more: Any) -> None:
        made = CA.issue_cert(host, **more)
        text = "".join(part.bytes().decode() for part in [made.private_key_pem, *made.cert_chain_pems])
        self.secrets.kept["r5--cert"] = Secret("r5--cert", text, version, None, {})

    @property
    def record(self) -> HubRecord:
        return self.place.hub()

    @property
    def status(self) -> Status:
        return self.record.status


@pytest.fixture(autouse=True)
def _trusted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))


# The name


def test_a_hub_without_a_name_waits_for_none() -> None:
    assert Lab().call(front.wait_for_name).message == "The hub has no name that needs a DNS record."
    assert Lab(dnsLabel="r5hub").call(front.wait_for_name).state == "done"


def test_the_record_is_made_marked_and_kept_in_mind_before() -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    assert lab.call(front.wait_for_name).message == f"{HOST} resolves to {ADDRESS}."
    assert lab.dns.records[RECORD].metadata == MARK == {"hubkeeper-hub": "r5", "hubkeeper-subscription": SUBSCRIPTION}
    assert lab.status.dns.records == (RECORD,)
    lab.call(front.wait_for_name)
    assert (lab.dns.puts, lab.status.dns.records) == (1, (RECORD,))


def test_a_crash_before_the_record_is_made_leaves_what_a_teardown_needs() -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    lab.dns.race = True
    with pytest.raises(TemporaryError):
        lab.call(front.wait_for_name)
    assert lab.status.dns.records == (RECORD,)


def test_a_record_of_ours_follows_the_address() -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    lab.dns.records[RECORD] = Record(RECORD, ("20.9.9.9",), MARK, "etag-0")
    assert lab.call(front.wait_for_name).state == "done"
    assert lab.dns.records[RECORD].addresses == (ADDRESS,)


@pytest.mark.parametrize("metadata", [{}, {"hubkeeper-hub": "other"}, {**MARK, "hubkeeper-subscription": "another"}])
def test_a_record_of_somebody_elses_is_not_touched(metadata: dict[str, str]) -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    theirs = Record(RECORD, ("20.9.9.9",), metadata, "etag-0")
    lab.dns.records[RECORD] = theirs
    with pytest.raises(PermanentError, match=r"not created for this hub, which points at 20\.9\.9\.9") as refused:
        lab.call(front.wait_for_name)
    assert "remove that one" in advice.explain(refused.value, lab.record.spec, Kind.CREATE).advice
    assert (lab.dns.records, lab.status.dns.records) == ({RECORD: theirs}, ())


def test_the_zones_own_name_is_a_record_as_well() -> None:
    lab = Lab(host="example.org", dnsZone=OURS)
    assert lab.call(front.wait_for_name).state == "done"
    assert list(lab.dns.records) == [record_id(ZONE_ID, "@")]
    assert hostname.host_of(record_id(ZONE_ID, "@")) == "example.org"


@pytest.mark.parametrize(
    ("access", "sees", "words"),
    [
        ({}, frozenset(), "does not resolve yet: create an A record for hub.example.org with 20.1.2.3."),
        ({}, frozenset({"20.9.9.9"}), "resolves to 20.9.9.9, not to 20.1.2.3 alone: create"),
        ({}, frozenset({ADDRESS, "2001:db8::1"}), "resolves to 20.1.2.3, 2001:db8::1, not to 20.1.2.3 alone"),
        (
            {"dnsLabel": "r5hub"},
            frozenset(),
            "or a CNAME record with r5hub.westus.cloudapp.azure.com.",
        ),
        ({"dnsZone": OURS}, frozenset(), "its record is created"),
    ],
)
def test_a_name_that_does_not_lead_here_is_waited_for_and_says_what_to_do(
    access: dict[str, Any], sees: frozenset[str], words: str
) -> None:
    lab = Lab(host=HOST, **access)
    lab.dns.sees = sees
    outcome = lab.call(front.wait_for_name, elapsed=NAME_TIMEOUT - 1)
    assert outcome.state == "waiting"
    assert words in outcome.message
    lab.dns.sees = frozenset({ADDRESS})
    assert lab.call(front.wait_for_name).state == "done"


@pytest.mark.parametrize(
    ("access", "words"),
    [({}, "nslookup hub.example.org"), ({"dnsZone": OURS}, "registrar, or the zone above, names this zone's servers")],
)
def test_the_wait_has_an_end_and_an_advice(access: dict[str, Any], words: str) -> None:
    lab = Lab(host=HOST, **access)
    lab.dns.sees = frozenset()
    fault = lab.call(front.wait_for_name, elapsed=NAME_TIMEOUT).fault
    assert fault is not None
    assert fault.code == "NameLeadsElsewhere"
    assert words in fault.advice
    assert "retry the run" in fault.advice


def test_a_label_is_waited_for_when_lets_encrypt_needs_it() -> None:
    lab = Lab(dnsLabel="r5hub", https=LETSENCRYPT)
    outcome = lab.call(front.wait_for_name)
    assert "r5hub.westus.cloudapp.azure.com does not resolve yet; Azure publishes it" in outcome.message


def test_lets_encrypt_is_asked_again_once_when_its_front_came_before_the_name() -> None:
    lab = Lab(host=HOST, https=LETSENCRYPT)
    lab.dns.sees, lab.hub.trouble_is = frozenset({ADDRESS}), "certificate verify failed"
    lab.cluster.fronts = {"autohttps-1": 40.0}

    def unwell() -> str:
        context = lab.place.context(lab.run, StepState("usable"))
        with context.services.kubernetes("kubeconfig") as kubernetes:
            return hostname.unwell(context, kubernetes, f"https://{HOST}/", ADDRESS)

    assert unwell() == "Asking Let's Encrypt again: the name resolves to the hub since 2026-11-23T08:00:00Z."
    assert lab.cluster.fronts == {}
    lab.place.clock.advance(seconds=60)
    lab.cluster.now, lab.cluster.fronts = lab.place.clock.now(), {"autohttps-2": 50.0}
    assert "does not answer yet: certificate verify failed. The front's log says why Let's Encrypt gives" in unwell()
    assert "kubectl logs -n jhub -l component=autohttps -c traefik" in unwell()
    assert list(lab.cluster.fronts) == ["autohttps-2"]
    lab.run = replace(lab.run, attempt=2)  # somebody has mended what Let's Encrypt had complained of
    assert unwell().startswith("Asking Let's Encrypt again")
    assert lab.cluster.fronts == {}
    lab.hub.trouble_is = ""
    assert unwell() == ""


def test_a_record_that_may_not_be_written_says_which_role_would_do() -> None:
    message = "The client 'x' does not have authorization to perform action 'Microsoft.Network/dnszones/A/write' over scope '/z'"
    refused = PermanentError("Azure Resource Manager", "AuthorizationFailed", message, status=403)
    said = advice.explain(refused, spec(access={"host": HOST, "dnsZone": OURS}), Kind.CREATE).advice
    assert "DNS Zone Contributor on the zone" in said
    assert "retry the run" in said


# The certificate


def certified(kind: Kind = Kind.CREATE, wanted: dict[str, Any] | None = None) -> Lab:
    lab = Lab(kind, wanted, host=HOST, https={"certificate": "secret://cert"})
    lab.keep()
    return lab


def test_the_certificate_is_in_the_cluster_and_its_end_in_the_record() -> None:
    lab = certified()
    outcome = lab.call(front.install_certificate)
    assert (
        "The certificate for hub.example.org is in the cluster; it is valid until 3000-01-01T00:00:00Z."
        in outcome.message
    )
    kept = lab.status.tls.certificate
    assert kept
    assert lab.cluster.certificates == [kept.secret]
    assert (kept.key, kept.version) == ("cert", "1")
    assert "PRIVATE" not in str(lab.status)
    lab.call(front.install_certificate)
    assert len(lab.cluster.certificates) == 1


def test_without_one_there_is_nothing_to_do() -> None:
    assert Lab().call(front.install_certificate).message == "The hub needs no certificate of its own."


def test_one_that_is_not_good_fails_with_what_to_store() -> None:
    lab = certified()
    lab.keep("www.example.org")
    fault = lab.call(front.install_certificate).fault
    assert fault is not None
    assert (fault.code, fault.advice.count("PUT /api/hubs/r5/secrets/cert")) == ("CertificateRefused", 1)
    assert "for www.example.org, not for hub.example.org" in fault.message
    assert lab.cluster.certificates == []


def test_one_that_is_missing_is_a_missing_secret() -> None:
    lab = certified()
    lab.secrets.kept.clear()
    with pytest.raises(PermanentError, match="SecretNotFound"):
        lab.call(front.install_certificate)


def upgrading(version: str = "2") -> Lab:
    lab = certified(Kind.UPGRADE, {"host": HOST, "https": {"certificate": "secret://cert"}})
    lab.call(front.install_certificate)
    lab.keep(version=version)
    return lab


def test_a_new_certificate_lies_beside_the_old_one_until_the_release_has_it() -> None:
    lab = upgrading()
    before = lab.status.tls.certificate
    assert lab.call(upgrade_front.install_new_certificate).state == "done"
    assert lab.status.tls.certificate == before
    noted = lab.status.upgrade.certificate
    assert before
    assert noted
    assert sorted(lab.cluster.certificates) == sorted([before.secret, noted.secret])
    lab.place.hubs.record("r5", replace(lab.status.tls, certificate=noted))
    assert lab.call(upgrade_front.remove_leftovers).message == "Deleted: 1 certificates in the cluster."
    assert lab.cluster.certificates == [noted.secret]
    assert lab.call(upgrade_front.remove_leftovers).message == "There were no old DNS records or certificates."


def test_one_that_has_not_changed_is_not_looked_at_again() -> None:
    lab = upgrading(version="1")
    assert lab.call(upgrade_front.install_new_certificate).message == "The certificate stays as it is."
    assert (lab.status.upgrade.certificate_known, lab.status.upgrade.certificate) == (True, lab.status.tls.certificate)


def test_with_https_its_certificate_goes() -> None:
    lab = certified(Kind.UPGRADE, {"host": HOST})
    lab.call(front.install_certificate)
    lab.call(upgrade_front.install_new_certificate)
    assert (lab.status.upgrade.certificate_known, lab.status.upgrade.certificate) == (True, None)
    lab.place.hubs.record("r5", replace(lab.status.tls, certificate=None))
    lab.call(upgrade_front.remove_leftovers)
    assert lab.cluster.certificates == []
    assert lab.status.tls.secrets is False


# Changes


def test_a_new_name_leads_here_before_the_hub_answers_by_it() -> None:
    lab = Lab(Kind.UPGRADE, {"host": "lab.example.org", "dnsZone": OURS}, host=HOST, dnsZone=OURS)
    lab.call(front.wait_for_name)
    assert lab.call(upgrade_front.wait_for_new_name).message == f"lab.example.org resolves to {ADDRESS}."
    assert set(lab.dns.records) == {RECORD, record_id(ZONE_ID, "lab")}
    assert (
        lab.call(upgrade_front.remove_leftovers).message == "Deleted: the record of lab.example.org."
    )  # gone back to the old name
    lab.call(upgrade_front.wait_for_new_name)
    lab.place.hubs.adopt("r5", lambda old: spec(auth="none", access={"host": "lab.example.org", "dnsZone": OURS}))
    assert lab.call(upgrade_front.remove_leftovers).message == f"Deleted: the record of {HOST}."
    assert set(lab.dns.records) == {record_id(ZONE_ID, "lab")}


def test_without_its_zone_a_name_keeps_its_record_until_the_hub_goes() -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    lab.call(front.wait_for_name)
    lab.place.hubs.adopt("r5", lambda old: spec(auth="none", access={"host": HOST}))
    assert lab.call(upgrade_front.remove_leftovers).message == "There were no old DNS records or certificates."
    assert lab.call(removal.delete_records).message == f"The DNS record of {HOST} is deleted."
    assert lab.dns.records == {}


@pytest.mark.parametrize("wanted", [{"dnsLabel": "other", "https": LETSENCRYPT}, {"host": HOST}])
def test_a_name_that_stays_or_comes_with_the_release_is_not_waited_for(wanted: dict[str, Any]) -> None:
    lab = Lab(Kind.UPGRADE, wanted, host=HOST)
    assert lab.call(upgrade_front.wait_for_new_name).state == "done"


def test_a_renewed_certificate_is_a_change_and_the_same_one_is_none() -> None:
    lab = upgrading()
    (change,) = upgrade._renewed(lab.place.services, lab.record, lab.record.spec)
    assert (change.field, change.after) == ("access.https.certificate", "version 2")
    assert "until 3000" in change.before
    lab.keep(version="1")
    assert upgrade._renewed(lab.place.services, lab.record, lab.record.spec) == ()


# Teardown


def test_a_teardown_removes_the_hubs_records_alone_and_can_be_called_twice() -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    lab.call(front.wait_for_name)
    other = record_id(ZONE_ID, "other")
    lab.place.hubs.record("r5", replace(lab.status.dns, records=(RECORD, other)))
    lab.dns.records[other] = Record(other, ("20.9.9.9",), {}, "etag")  # somebody has made it anew
    for _ in range(2):
        assert lab.call(removal.delete_records).message == f"The DNS record of {HOST} is deleted."
    assert list(lab.dns.records) == [other]
    assert lab.status.deleted_records.ids == (RECORD,)


def test_a_hub_without_a_record_has_none_to_remove() -> None:
    assert Lab().call(removal.delete_records).message == "The hub had no DNS record."


# Before anything is made


def found(check: Any, lab: Lab, *more: Any) -> list[tuple[str, str, str]]:
    findings = check(lab.place.services, lab.record.spec, *more).findings
    return [(item.severity, item.code, f"{item.message} {item.advice}") for item in findings]


def test_a_zone_that_is_there_and_free_is_good() -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    assert found(preflight_access.dns_zone, lab) == []
    lab.dns.records[RECORD] = Record(RECORD, (ADDRESS,), MARK, "etag")
    assert found(preflight_access.dns_zone, lab) == []
    assert found(preflight_access.host_name, lab) == []


def without_zone(lab: Lab) -> None:
    lab.dns.there = False


def without_role(lab: Lab) -> None:
    lab.place.adapters["roles"] = Roles("Microsoft.Network/dnsZones/read")


def unseen(lab: Lab) -> None:
    def zone(_: str) -> Zone | None:
        raise PermanentError("Azure Resource Manager", "AuthorizationFailed", "does not have authorization", status=403)

    lab.dns.zone = zone  # type: ignore[assignment]  # for this test


def with_record(lab: Lab) -> None:
    lab.dns.records[RECORD] = Record(RECORD, ("20.9.9.9",), {}, "etag")


def with_alias(lab: Lab) -> None:
    lab.dns.aliases["hub"] = "elsewhere.example"


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        (without_zone, "DnsZoneNotFound", "az network dns zone list"),
        (without_role, "AuthorizationFailed", "DNS Zone Contributor"),
        (unseen, "AuthorizationFailed", "DNS Zone Contributor"),
        (with_record, "DnsRecordTaken", "which points at 20.9.9.9"),
        (with_alias, "DnsRecordTaken", "which points at elsewhere.example. Hubkeeper overwrites no record"),
    ],
)
def test_what_stands_against_a_record_is_said_before(trouble: Any, code: str, words: str) -> None:
    lab = Lab(host=HOST, dnsZone=OURS)
    trouble(lab)
    ((severity, said, text),) = found(preflight_access.dns_zone, lab)
    assert (severity, said) == ("error", code)
    assert words in text


@pytest.mark.parametrize(
    ("access", "address", "words"),
    [
        ({}, None, "With access.dnsLabel a CNAME can be created before"),
        (
            {"dnsLabel": "r5hub"},
            None,
            "Create a CNAME record for hub.example.org with r5hub.westus.cloudapp.azure.com, now",
        ),
        ({}, ADDRESS, "Create an A record for hub.example.org with 20.1.2.3"),
    ],
)
def test_the_record_that_a_person_has_to_make_is_told_before(
    access: dict[str, Any], address: str | None, words: str
) -> None:
    lab = Lab(host=HOST, **access)
    ((severity, code, text),) = found(preflight_access.host_name, lab, address)
    assert (severity, code) == ("warning", "NameNeeded")
    assert words in text
    lab.dns.sees = frozenset({ADDRESS})
    leads = found(preflight_access.host_name, lab, ADDRESS)
    assert leads == []


def test_a_certificate_is_looked_at_before() -> None:
    lab = certified()
    assert found(preflight_access.certificate, lab) == []
    lab.keep(not_after=NOW)
    ((severity, code, text),) = found(preflight_access.certificate, lab)
    assert (severity, code) == ("error", "CertificateRefused")
    assert "has ended on 23 November 2026" in text
    assert "PUT /api/hubs/r5/secrets/cert" in text
    lab.secrets.kept.clear()
    assert found(preflight_access.certificate, lab) == []  # said with the other secrets that are missing


def test_a_step_may_be_called_again_after_any_of_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between a record's call to Azure and the step's own record: the next call finds it and goes on."""
    lab = Lab(host=HOST, dnsZone=OURS)
    real = lab.dns.put_record

    def lost(*given: Any) -> None:
        real(*given)
        raise TemporaryError("Azure Resource Manager", "NoAnswer", "the answer was lost")

    monkeypatch.setattr(lab.dns, "put_record", lost)
    with pytest.raises(TemporaryError):
        lab.call(front.wait_for_name)
    assert lab.call(front.wait_for_name).state == "done"
    assert lab.dns.puts == 1
    assert replace(lab.dns.records[RECORD], etag="") == Record(RECORD, (ADDRESS,), MARK, "")
