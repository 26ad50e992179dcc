"""A BinderHub's release: installed twice where addresses are not known before, usable when both its parts say so, and tried."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.azure.aks import Cluster
from shared.checks import upgrade
from shared.checks.preflight import chart_version, release_versions
from shared.hubs.status import parts
from shared.hubs.status.model import Status
from shared.kubernetes.charts import ChartVersion
from shared.kubernetes.helm import Release
from shared.kubernetes.manifests import Rendered
from shared.lifecycle.create import dryrun, release
from shared.lifecycle.upgrade import release as upgrade_release
from shared.power.usable import wait_until_usable
from shared.runs.model import Kind, Outcome, StepState
from tests.fakes import adapters, upgrades
from tests.given import Place, run_of, spec

OLD, NEW = "1.0.0-0.dev.git.3673.h040c9bbe", "1.0.0-0.dev.git.3983.h383374de"
LABEL: dict[str, Any] = {"access": {"dnsLabel": "r5hub"}}
KNOWN = (parts.Release(chart=OLD), parts.Registry("r5registry.azurecr.io"))
HUB, PAGE = "http://20.1.2.3/", "http://20.1.2.4/"


@dataclass
class Helm:
    values: list[dict[str, Any]] = field(default_factory=list)
    offered: list[ChartVersion] = field(default_factory=list)
    rendered: Rendered = field(default_factory=Rendered)

    def status(self, *_: str) -> Release | None:
        when = datetime(2026, 11, 23, tzinfo=UTC)
        return (
            Release("jhub", "jhub", len(self.values), "deployed", "binderhub", OLD, "", when, "")
            if self.values
            else None
        )

    def unlock(self, *_: str) -> None: ...

    def upgrade_install(self, kubeconfig: str, *, chart: str, values: dict[str, Any], **_: Any) -> Release:
        assert chart == "binderhub"
        self.values.append(values)
        found = self.status()
        assert found is not None
        return found

    def chart_versions(self, repository: str, chart: str) -> list[ChartVersion]:
        return self.offered

    def render(self, *_: Any) -> Rendered:
        return self.rendered

    def rollback(self, *_: Any) -> None: ...


@dataclass
class Kubernetes(upgrades.Kubernetes):
    """addresses: of the load balancers, by service; unready: deployments that are not available."""

    addresses: dict[str, str] = field(default_factory=dict)
    unready: set[str] = field(default_factory=set)

    def find(self, path: str) -> dict[str, Any] | None:
        ip = self.addresses.get(path.rpartition("/")[2])
        return {"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}} if ip else {}

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        if not path.endswith("/deployments"):
            return []
        return [
            {
                "metadata": {"name": name, "generation": 1},
                "spec": {},
                "status": {} if name in self.unready else upgrades.READY,
            }
            for name in ("hub", "proxy", "binder")
        ]


@dataclass
class Answers:
    """JupyterHub and BinderHub. down: those that do not answer."""

    down: set[str] = field(default_factory=set)

    def jupyterhub(self, url: str, token: str | None = None) -> "Part":
        return Part(url, url in self.down)

    def binderhub(self, url: str) -> "Part":
        return Part(url, url in self.down)


@dataclass
class Part:
    url: str
    down: bool

    def healthy(self) -> bool:
        return not self.down

    def lets_in(self, *_: str) -> bool:
        return False

    def trouble(self) -> str:
        return f"{self.url} says that it cannot reach: JupyterHub API." if self.down else ""


class Clusters:
    def list_all(self) -> list[Cluster]:
        return [adapters.cluster("r5", "Succeeded", "Running")]

    def admin_kubeconfig(self, group: str, name: str) -> str:
        return "kubeconfig"


class Lab:
    def __init__(self, **more: Any) -> None:
        self.helm, self.kubernetes, self.answers = Helm(), Kubernetes(), Answers()
        self.vault = adapters.Secrets()
        self.vault.set("r5--own--registry-password", "pushes", expires=None, tags={}, content_type="")
        self.place = Place(
            adapters={
                "helm": self.helm,
                "kubernetes": self.kubernetes,
                "clusters": Clusters(),
                "secrets": self.vault,
                "jupyterhub": self.answers.jupyterhub,
                "binderhub": self.answers.binderhub,
            }
        )
        self.place.ready(parts=KNOWN, flavor="binderhub", **more)

    def addressed(self) -> None:
        self.kubernetes.addresses = {"proxy-public": "20.1.2.3", "binder": "20.1.2.4"}

    def call(self, function: Any, elapsed: float = 0, **checkpoint: Any) -> Outcome:
        context = self.place.context(run_of(Kind.CREATE), StepState("x", checkpoint=checkpoint), elapsed=elapsed)
        return function(context)  # type: ignore[no-any-return]  # a step

    @property
    def status(self) -> Status:
        return self.place.hub().status


def test_with_labels_one_install_is_enough() -> None:
    lab = Lab(**LABEL)
    assert lab.call(release.install_release).state == "done"
    (values,) = lab.helm.values
    assert values["config"]["BinderHub"]["hub_url"] == "http://r5hub.westus.cloudapp.azure.com/"
    assert values["registry"]["password"] == "pushes"
    assert values["registry"]["url"] == "https://r5registry.azurecr.io"


def test_without_labels_the_second_install_has_the_addresses_that_the_first_was_given() -> None:
    lab = Lab()
    outcome = lab.call(release.install_release)
    assert (outcome.state, len(lab.helm.values)) == ("waiting", 1)
    assert "addresses" in outcome.message
    lab.kubernetes.addresses = {"proxy-public": "20.1.2.3"}
    assert lab.call(release.install_release).state == "waiting"
    assert len(lab.helm.values) == 1, "nothing is installed again before both are known"
    lab.addressed()
    outcome = lab.call(release.install_release)
    assert outcome.state == "done"
    assert "revision" not in outcome.message or "revision 2" in outcome.message
    first, second = lab.helm.values
    assert first["config"]["BinderHub"]["hub_url"] == ""
    assert second["config"]["BinderHub"]["hub_url"] == HUB
    assert second["jupyterhub"]["hub"]["services"]["binder"]["oauth_redirect_uri"] == f"{PAGE}oauth_callback"
    assert lab.call(release.install_release).state == "done"
    assert len(lab.helm.values) == 2, "a step that is called again installs nothing"


def test_a_crash_after_the_second_install_makes_it_once_more_and_ends() -> None:
    lab = Lab()
    lab.addressed()
    lab.call(release.install_release)
    lab.place.hubs.record("r5", replace(lab.status.release, linked=None))
    assert lab.call(release.install_release).state == "done"
    assert [each["config"]["BinderHub"].get("hub_url") for each in lab.helm.values[-2:]] == [HUB, HUB]


def test_it_is_usable_when_both_say_so_and_people_are_told_the_page() -> None:
    lab = Lab()
    assert "address" in lab.call(wait_until_usable).message
    lab.addressed()
    lab.call(release.install_release)
    lab.kubernetes.unready = {"binder"}
    assert "binder" in lab.call(wait_until_usable).message
    lab.kubernetes.unready = set()
    lab.answers.down = {HUB}
    assert "does not answer yet" in lab.call(wait_until_usable).message
    lab.answers.down = {PAGE}
    assert "cannot reach" in lab.call(wait_until_usable).message
    lab.answers.down = set()
    outcome = lab.call(wait_until_usable)
    assert (outcome.state, PAGE in outcome.message, HUB in outcome.message) == ("done", True, True)
    assert (lab.status.urls, lab.status.addresses) == (parts.Urls(HUB, PAGE), parts.Addresses("20.1.2.3", "20.1.2.4"))


def test_after_a_start_it_is_looked_for_where_it_was() -> None:
    lab = Lab()
    lab.place.hubs.record("r5", parts.Urls(HUB, PAGE))
    lab.answers.down = {PAGE}
    assert lab.call(wait_until_usable).state == "waiting"
    lab.answers.down = set()
    assert lab.call(wait_until_usable).state == "done"


def test_after_a_start_with_other_addresses_the_parts_are_told_and_people_too() -> None:
    lab = Lab()
    lab.addressed()
    lab.call(release.install_release)
    assert lab.call(wait_until_usable).state == "done"
    lab.answers.down = {HUB, PAGE}
    lab.kubernetes.addresses = {"proxy-public": "20.9.9.3", "binder": "20.9.9.4"}
    outcome = lab.call(wait_until_usable, elapsed=90)
    assert (outcome.state, "another address" in outcome.message) == ("waiting", True)
    assert lab.helm.values[-1]["config"]["BinderHub"]["hub_url"] == "http://20.9.9.3/"
    assert lab.call(wait_until_usable, elapsed=95).state == "done"
    assert len(lab.helm.values) == 3
    assert lab.status.urls.page == "http://20.9.9.4/"


def gate(lab: Lab) -> Outcome:
    run = run_of(Kind.UPGRADE, wanted=lab.place.hub().spec.wire())
    lab.place.runs.insert(run)
    lab.place.hubs.record("r5", parts.Upgrade(run.id, renewed=True, chart=NEW, good=1))
    return upgrade_release.upgrade_release(lab.place.context(run, StepState("release", checkpoint={"phase": "ready"})))


def test_an_upgraded_binderhub_is_tried_with_a_server_and_an_open_one_by_its_health() -> None:
    lab = Lab()
    lab.addressed()
    outcome = gate(lab)
    assert (outcome.state, outcome.checkpoint["phase"]) == ("waiting", "spawn")
    assert lab.status.candidate.urls == parts.Urls(HUB, PAGE)
    opened = Lab(auth="none")
    opened.addressed()
    outcome = gate(opened)
    assert outcome.state == "done"
    assert "image of a repository" in outcome.message
    assert (opened.status.urls.page, opened.status.release.chart) == (PAGE, NEW)


def test_an_upgraded_page_that_finds_no_hub_is_waited_for() -> None:
    lab = Lab()
    lab.addressed()
    lab.answers.down = {PAGE}
    outcome = gate(lab)
    assert (outcome.state, outcome.checkpoint["phase"]) == ("waiting", "ready")
    assert "cannot reach" in outcome.message


def test_what_the_old_release_was_told_is_known_again_after_the_way_back() -> None:
    lab = Lab()
    lab.addressed()
    lab.call(release.install_release)
    told = lab.status.release.linked
    lab.kubernetes.addresses = {"proxy-public": "20.9.9.3", "binder": "20.9.9.4"}
    wanted = lab.place.hub().spec.model_copy(update={"values": {"replicas": 2}})
    run = run_of(Kind.UPGRADE, wanted=wanted.wire())
    lab.place.runs.insert(run)
    lab.place.hubs.record("r5", parts.Upgrade(run.id, chart=OLD, good=2))
    step = StepState("release")
    assert upgrade_release.upgrade_release(lab.place.context(run, step)).checkpoint["phase"] == "ready"
    assert lab.helm.values[-1]["config"]["BinderHub"]["hub_url"] == "http://20.9.9.3/"
    assert lab.status.release.linked != told
    back = replace(step, checkpoint={"phase": "rollback", "why": "it crashes."})
    assert upgrade_release.upgrade_release(lab.place.context(run, back)).checkpoint["phase"] == "restored"
    assert lab.status.release.linked == told


VERSIONS = [NEW, OLD, "0.2.0", "0.1.0"]


def test_the_newest_of_a_chart_without_stable_releases_is_the_newest_of_all() -> None:
    assert release_versions("binderhub", VERSIONS)[0] == NEW
    assert release_versions("jupyterhub", ["5.0.0-beta.1", "4.4.0"]) == ["4.4.0"]
    lab = Lab()
    lab.helm.offered = [ChartVersion(version, "", "") for version in VERSIONS]
    assert chart_version(lab.place.services, spec(flavor="binderhub")).chart == NEW
    wrong = spec(flavor="binderhub", release={"version": "1.0.0-0.dev.git.1.habc"})
    (finding,) = chart_version(lab.place.services, wrong).findings
    assert NEW in finding.message


@pytest.mark.parametrize(
    ("holds", "codes"),
    [
        ({NEW: {"jupyterhub": "4.4.0"}, OLD: {"jupyterhub": "4.2.0"}}, ["BreakingChange"]),
        ({NEW: {}, OLD: {}}, ["NotChecked"]),
        ({NEW: {"jupyterhub": "4.2.0"}, OLD: {"jupyterhub": "4.2.0"}}, []),
    ],
    ids=["known", "not-known", "the-same"],
)
def test_the_values_are_looked_at_for_the_jupyterhub_inside(holds: dict[str, Any], codes: list[str]) -> None:
    lab = Lab(values={"jupyterhub": {"hub": {"config": {"loadRoles": {}}}}})
    lab.helm.offered = [ChartVersion(version, "", "", held) for version, held in holds.items()]
    hub = lab.place.hub()
    wanted = hub.spec.model_copy(update={"release": hub.spec.release.model_copy(update={"version": NEW})})
    found = list(upgrade._chart(lab.place.services, hub, wanted, "1.35.2"))
    assert [finding.code for finding in found] == codes
    assert all(finding.advice for finding in found)


def test_a_dry_run_says_both_addresses_where_they_are_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.checks.findings import Found

    monkeypatch.setattr(dryrun, "examine", lambda *_: Found())
    services = Place().services
    said = dryrun.dry_run(services, spec(flavor="binderhub", **LABEL), [])
    assert said["url"] == "http://r5hub-binder.westus.cloudapp.azure.com/"
    assert said["hubUrl"] == "http://r5hub.westus.cloudapp.azure.com/"
    assert "registry" in [step["name"] for step in said["steps"]]
    unknown = dryrun.dry_run(services, spec(flavor="binderhub"), [])
    assert (unknown["url"], unknown["hubUrl"]) == (None, None)
