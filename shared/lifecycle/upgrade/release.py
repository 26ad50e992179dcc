"""An upgrade's helm release, the gate that tries the hub afterwards, and the way back when it fails.

Users' servers are bare pods that no release owns: neither helm's upgrade nor its rollback touches them.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import OutsideError, PermanentError
from shared.hubs.chart import values as chart_values
from shared.hubs.patch.planning import How, Plan, plan
from shared.hubs.spec import binder
from shared.hubs.status.model import required
from shared.hubs.status.parts import Addresses, Candidate
from shared.hubs.store import HubStore
from shared.kubernetes import diagnosis, workloads
from shared.kubernetes.diagnosis import Cause, CauseKind
from shared.kubernetes.errors import JUPYTERHUB
from shared.lifecycle.upgrade import front, notes
from shared.power import people
from shared.problem import Problem
from shared.resources import release as installed
from shared.resources import strangers
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, done, waiting

if TYPE_CHECKING:
    from shared.kubernetes.jupyterhub import JupyterHub

READY_TIMEOUT = timedelta(minutes=20)
"""For a hub to answer after an upgrade: as long as after an install, images being pulled as they are then."""

CRASH_TIMEOUT = timedelta(minutes=3)
"""The same when Kubernetes says that a container of the hub's crashes each time: that is long enough for five tries."""

SERVER_TIMEOUT = timedelta(minutes=10)
"""For the test server: twice what JupyterHub gives a server to start."""

NO_IMAGE = "No server was tried: a BinderHub that is open to all starts one only with the image of a repository."

CLEAN_TIMEOUT = timedelta(minutes=2)
"""For the test server's pod and claim to go; what is left then is said, and fails nothing."""


def _changes(context: StepContext) -> Plan:
    return plan(context.spec, notes.wanted(context), None)


def _new_release(context: StepContext) -> bool:
    """True if a release must be installed: another specification, or another certificate under the old one."""
    had, has = (each.status.tls.certificate for each in (context, notes.of_wanted(context)))
    return _changes(context).has(How.HELM) or (had and had.secret) != (has and has.secret)


def upgrade_release(context: StepContext) -> Outcome:
    """Helm's upgrade, the gate, and the way back, in phases each of which may be called again.

    One step, because a run can be cancelled between two: a release that nobody has tried must not stay.
    """
    phase = context.checkpoint.get("phase", "install")
    if phase in _BACK:
        return _BACK[phase](context)
    try:
        return _PHASES[phase](context)
    except OutsideError as error:
        if error.system != JUPYTERHUB:
            raise
        return _not_yet(context, f"the hub's API answers {error.code}: {error.message}", _TIMEOUT[phase])


def _install(context: StepContext) -> Outcome:
    """Helm upgrade, without waiting. A helm operation that was cut off is undone first."""
    if not _new_release(context):
        return _phase(context, "ready", "The release stays as it is.")
    spec, noted, helm = context.spec, notes.noted(context), context.services.helm
    if noted.installed_by == context.run.instance:  # a crash came before this step's record
        return _phase(context, "ready", f"Revision {noted.revision} is installed.")
    credentials = installed.kubeconfig(context)
    helm.unlock(credentials, spec.release.name, spec.release.namespace)
    told = _told(context, credentials)
    try:
        made = installed.install(notes.of_wanted(context), credentials, _chart(context))
    except PermanentError as error:
        newest = helm.status(credentials, spec.release.name, spec.release.namespace)
        if newest is None or newest.status != "failed":
            raise
        return _undo(context, f"{error.system}: {error.message}")
    noted = replace(notes.noted(context), installed_by=context.run.instance, revision=made.revision)
    context.record(noted, replace(context.status.release, linked=told))
    return _phase(context, "ready", f"Revision {made.revision} is installed.")


def _chart(context: StepContext) -> str:
    return required(notes.noted(context).chart, "version of the chart")


def _told(context: StepContext, credentials: str) -> Addresses | None:
    """The addresses that the new release is told; the old release's where it needs none."""
    before = context.status.release.linked
    context.record(replace(notes.noted(context), told_before=before))
    if not binder.needs_addresses(notes.wanted(context)):
        return before
    return installed.note_addresses(context, credentials)


def _ready(context: StepContext) -> Outcome:
    at, waits, causes = _look(notes.of_wanted(context))
    if at is None or waits:
        timeout = CRASH_TIMEOUT if diagnosis.crashes(causes) else READY_TIMEOUT
        return _not_yet(context, _explained(waits, causes), timeout)
    context.record(Candidate(at.addresses, at.urls))
    if _new_release(context) and (how := strangers.way_in(context.services, notes.wanted(context), at.hub, at.page)):
        return _undo(context, f"it lets everybody in. {how}")
    if not _new_release(context) and not notes.noted(context).renewed:
        return _passed(context, "The hub answers.")
    wanted = notes.wanted(context)
    if wanted.binder and not binder.logs_in(wanted):
        return _passed(context, f"The hub answers. {NO_IMAGE}")
    return _phase(context, "spawn", "The hub answers; starting a server to try it.")


def _look(context: StepContext) -> tuple[installed.Place | None, str, tuple[Cause, ...]]:
    """The hub's addresses, the thing it still waits for (empty: nothing), and the causes that Kubernetes gives."""
    with context.services.kubernetes(installed.kubeconfig(context)) as kubernetes:
        look = installed.seen(context, kubernetes)
        causes = workloads.why_not_ready(kubernetes, context.spec.release.namespace) if look.waits else ()
    if look.waits:
        return None, f"{look.waits.rstrip('.')}.", causes
    if look.at is None:
        return None, "The load balancer has no address yet.", ()
    return look.at, look.trouble, ()


def _explained(what: str, causes: tuple[Cause, ...]) -> str:
    return f"{what} {diagnosis.summary(causes)}".strip()


def _spawn(context: StepContext) -> Outcome:
    """Makes our user and asks for its server, once: a server that has failed must not be asked for again and again."""
    hub = _hub(context)
    hub.create_user(chart_values.CHECK_USER)
    hub.start_server(chart_values.CHECK_USER)
    return _phase(context, "server", "A server is starting.")


def _server(context: StepContext) -> Outcome:
    user = _hub(context).user(chart_values.CHECK_USER)
    server = next(iter(user.servers), None) if user else None
    if server and server.ready:
        return _phase(context, "clean", "The server has started.", verdict="A server was started and stopped.")
    with context.services.kubernetes(installed.kubeconfig(context)) as kubernetes:
        causes = workloads.why_not_ready(kubernetes, context.spec.release.namespace, chart_values.CHECK_USER)
    if any(cause.kind is CauseKind.NO_ROOM for cause in causes):  # no fault of the upgrade's
        why = diagnosis.summary(causes)
        return _phase(context, "clean", why, verdict=f"No server was tried, because no node has room. {why}")
    if server is None:
        return _undo(context, _explained("a server could not be started.", causes))
    return _not_yet(context, _explained("The server is starting.", causes), SERVER_TIMEOUT)


def _clean(context: StepContext) -> Outcome:
    left = remove_check_user(context)
    if left and _in_phase(context) < CLEAN_TIMEOUT:
        return waiting(2, f"Deleting the test server: {left}.", **context.checkpoint)
    return _passed(context, f"{context.checkpoint['verdict']}{f' Not deleted yet: {left}.' if left else ''}")


_PHASES = {"install": _install, "ready": _ready, "spawn": _spawn, "server": _server, "clean": _clean}
_TIMEOUT = {"ready": READY_TIMEOUT, "spawn": CLEAN_TIMEOUT, "server": SERVER_TIMEOUT, "clean": SERVER_TIMEOUT}


def remove_check_user(context: StepContext) -> str:
    """The server, the user and its volume; what is still on its way, empty when nothing is left."""
    hub, name = _hub(context), chart_values.CHECK_USER
    if hub.user(name) is not None:
        if not hub.stop_server(name):
            return "its server"
        hub.delete_user(name)
    with context.services.kubernetes(installed.kubeconfig(context)) as kubernetes:
        namespace = context.spec.release.namespace
        claims = [claim.name for claim in workloads.claims(kubernetes, namespace) if claim.user == name]
        left = workloads.delete_claims(kubernetes, namespace, claims) if claims else []
    return ", ".join(left)


def _hub(context: StepContext) -> "JupyterHub":
    """At the address that the gate has found; its token is the same before and after."""
    found = context.status.candidate.urls
    return people.hub_client(replace(context, hub=context.hub.having(found)) if found.hub else context)


def _phase(context: StepContext, phase: str, message: str, **checkpoint: Any) -> Outcome:
    return waiting(0.0, message, phase=phase, since=context.now.isoformat(), **checkpoint)


def _in_phase(context: StepContext) -> timedelta:
    since = context.checkpoint.get("since")
    return context.now - datetime.fromisoformat(since) if since else timedelta(seconds=context.elapsed)


def _not_yet(context: StepContext, why: str, timeout: timedelta) -> Outcome:
    spent = _in_phase(context)
    if spent < timeout:
        return waiting(poll_delay(spent.total_seconds()), why, **context.checkpoint)
    return _undo(context, f"after {timeout.total_seconds() / 60:.0f} minutes: {why}")


def _passed(context: StepContext, message: str) -> Outcome:
    """Records that the hub is as wanted."""
    new, noted = notes.wanted(context), notes.noted(context)
    status, tried = context.status, context.status.candidate
    release = replace(status.release, chart=_chart(context), revision=noted.revision or status.release.revision)
    certificate = noted.certificate if noted.certificate_known else status.tls.certificate
    context.record(
        tried.addresses if tried.addresses.hub else status.addresses,
        tried.urls if tried.urls.hub else status.urls,
        release,
        replace(status.tls, certificate=certificate),
        Candidate(),
    )
    HubStore(context.services.tables).adopt(
        context.spec.name, lambda spec: new.model_copy(update={"schedule": spec.schedule})
    )
    return done(message)


# The way back


def _undo(context: StepContext, why: str) -> Outcome:
    """Back to the release that was good; without a new release there is none to go back to."""
    if _new_release(context):
        return _phase(context, "rollback", f"Rolling back: {why}", why=why)
    fault = Problem(
        "GateFailed",
        f"The hub does not work after the change: {why}",
        "The changes in Azure stay. Remove the cause named here, then retry the run; "
        f"GET /api/hubs/{context.spec.name}/kubeconfig with the admin key lets you look with kubectl.",
    )
    return Outcome("failed", fault.message, fault=fault)


def _roll_back(context: StepContext) -> Outcome:
    spec, good = context.spec, _good(context)
    credentials, helm = installed.kubeconfig(context), context.services.helm
    helm.unlock(credentials, spec.release.name, spec.release.namespace)
    helm.rollback(credentials, spec.release.name, spec.release.namespace, good)
    if told := notes.noted(context).told_before:
        context.record(replace(context.status.release, linked=told))
    return _phase(
        context, "restored", f"Rolled back to revision {good}; waiting for the hub.", why=context.checkpoint["why"]
    )


def _good(context: StepContext) -> int:
    return required(notes.noted(context).good, "revision to go back to")


def _restored(context: StepContext) -> Outcome:
    """The old specification still is the hub's; a retry installs the release again."""
    try:
        at, waits, causes = _look(context)
        context.record(Candidate(at.addresses, at.urls) if at else Candidate())
        left = waits or remove_check_user(context)
        if not left:
            front.remove_former(context)
    except OutsideError as error:
        if error.system != JUPYTERHUB:
            raise
        left, waits, causes = error.message, error.message, ()
    timeout = READY_TIMEOUT if waits else CLEAN_TIMEOUT
    if left and _in_phase(context) < timeout:
        return waiting(
            poll_delay(_in_phase(context).total_seconds()), _explained(f"Back: {left}", causes), **context.checkpoint
        )
    context.record(Candidate())
    fault = _not_restored(context, _explained(waits, causes)) if waits else _rolled_back(context)
    return Outcome("failed", fault.message, fault=fault)


def _rolled_back(context: StepContext) -> Problem:
    good = _good(context)
    return Problem(
        "RolledBack",
        f"The upgraded hub did not work: {context.checkpoint['why']} It was rolled back to revision {good}, which answers.",
        "The hub is as before, and users' servers kept running. Remove the cause named here and PATCH again; or retry if "
        "the cause lay elsewhere (an image that could not be pulled).",
    )


def _not_restored(context: StepContext, why: str) -> Problem:
    good = _good(context)
    return Problem(
        "RollbackFailed",
        f"The upgraded hub did not work: {context.checkpoint['why']} Rolled back to revision {good}, it does not answer "
        f"either: {why}",
        f"Look with kubectl (GET /api/hubs/{context.spec.name}/kubeconfig). If the newer JupyterHub has changed the database, "
        "the copy that it made first is beside it on the volume hub-db-dir (jupyterhub.sqlite.TIME).",
    )


_BACK = {"rollback": _roll_back, "restored": _restored}
