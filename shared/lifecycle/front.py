"""The steps that are about the hub's entrance: its certificate, its name, and what an earlier one has left."""

from dataclasses import replace

from shared.clock import wire_time
from shared.errors import PermanentError
from shared.hubs.chart import access
from shared.hubs.spec import https
from shared.hubs.status_parts import Certificate
from shared.kubernetes import tls, workloads
from shared.lifecycle.upgrade import frame
from shared.resources import hostname, own_certificate
from shared.resources.own_certificate import Own
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Fault, Outcome, done, waiting

NAME_PATIENCE = 3600.0
"""Seconds for a name to lead to the hub: time enough for a person to make a record and for the DNS to pass it on."""


# The certificate


def certificate(context: StepContext) -> Outcome:
    """From Key Vault to the cluster, before the chart looks for it there."""
    try:
        own = own_certificate.load(context.services, context.spec, context.now)
    except PermanentError as error:
        return _no_certificate(context, error)
    if own is None:
        return done("The hub needs no certificate of its own.")
    _put(context, own)
    context.record(replace(context.status.tls, certificate=own.kept))
    return _is_there(own)


def new_certificate(context: StepContext) -> Outcome:
    """Of a hub that is changed: beside the one that it has, which a way back would need."""
    wanted, present = frame.wanted(context), context.status.tls.certificate
    key = access.certificate(wanted)
    if key is None:
        _decide(context, None)
        return done("The hub needs no certificate of its own.")
    if present and (present.key, present.version) == (key, own_certificate.version(context.services, wanted)):
        _decide(context, present)
        return done("The certificate stays as it is.")
    try:
        own = own_certificate.load(context.services, wanted, context.now)
    except PermanentError as error:
        return _no_certificate(context, error)
    if own is None:
        raise RuntimeError(key)  # a hub with a certificate has a name for it: shared.hubs.spec.https refuses others
    _put(context, own)
    _decide(context, own.kept)
    return _is_there(own)


def _decide(context: StepContext, certificate: Certificate | None) -> None:
    """It is the new release's; the hub's own it becomes when that is good."""
    context.record(replace(frame.noted(context), certificate_known=True, certificate=certificate))


def _no_certificate(context: StepContext, error: PermanentError) -> Outcome:
    if error.code != own_certificate.REFUSED:
        raise error
    fault = Fault(error.code, error.message, f"{own_certificate.advice(context.spec)} Then retry the run.")
    return Outcome("failed", fault.message, fault=fault)


def _put(context: StepContext, own: Own) -> None:
    namespace, kept = context.spec.release.namespace, own.certificate
    # before: what is left over must be found even if this call is cut off
    context.record(replace(context.status.tls, secrets=True))
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        workloads.ensure_namespace(kubernetes, namespace, {})
        tls.ensure_secret(kubernetes, namespace, own.secret, kept.chain, kept.key)


def _is_there(own: Own) -> Outcome:
    names = ", ".join(own.certificate.names)
    return done(f"The certificate for {names} is in the cluster; it is good until {wire_time(own.certificate.ends)}.")


# The name


def name(context: StepContext) -> Outcome:
    """Waits until the hub's names lead to its load balancer; the record in its zone is made first."""
    suffix = context.services.settings.dns_suffix
    hosts = access.must_lead(context.spec, suffix)
    if not hosts:
        return done("The hub has no name that must be led to it.")
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        address = workloads.service_address(kubernetes, context.spec.release.namespace, access.PUBLIC_SERVICE)
    if address is None:
        return waiting(poll_delay(context.elapsed), "Waiting for the load balancer's address.")
    missing = hostname.lead(context, address)
    if not missing:
        return done(f"{' and '.join(hosts)} {'leads' if len(hosts) == 1 else 'lead'} to {address}.")
    if context.elapsed < NAME_PATIENCE:
        return waiting(poll_delay(context.elapsed), missing)
    fault = Fault(
        "NameLeadsElsewhere", f"After {NAME_PATIENCE / 60:.0f} minutes: {missing}", _name_advice(context, address)
    )
    return Outcome("failed", fault.message, fault=fault)


def _name_advice(context: StepContext, address: str) -> str:
    """Made and yet unknown, a record is in a zone that the world does not ask."""
    where = hostname.place(context.spec, context.subscription)
    zone = context.services.dns.zone(where[0]) if where else None
    if zone:
        return (
            f"See that the domain's registrar, or the zone above, names this zone's servers for {zone.name}: "
            f"{', '.join(zone.servers)}. Then retry the run."
        )
    suffix = context.services.settings.dns_suffix
    hosts = access.must_lead(context.spec, suffix)
    record = hostname.wanted_record(context.spec, hosts[0], address, suffix)
    return f"Make {record}, wait until others see it (nslookup {hosts[0]}), and retry the run."


def new_name(context: StepContext) -> Outcome:
    """Of a hub that is changed: the new name leads to it before it answers by that name alone.

    A DNS label leads to it with the new release only, so that it is not waited for here.
    """
    wanted = frame.wanted(context)
    same = wanted.access == context.spec.access and https.written(wanted.values) == https.written(context.spec.values)
    if same or not https.own_hosts(wanted.access, wanted.values):
        return done("The hub's name stays as it is." if same else "The hub has no name that must be led to it before.")
    return name(frame.of_wanted(context))


# What an earlier one has left


def leftovers(context: StepContext) -> Outcome:
    """Records of names, and certificates, that the hub no longer has."""
    removed = sweep(context)
    return done(f"Removed: {', '.join(removed)}." if removed else "Nothing was left over.")


def sweep(context: StepContext) -> list[str]:
    spec, present = context.spec, context.status.tls.certificate
    hosts = https.own_hosts(spec.access, spec.values)
    records = [f"the record of {hostname.host_of(found)}" for found in hostname.forget_records(context, hosts)]
    if not context.status.tls.secrets:
        return records
    keep = present.secret if present else None
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        count = tls.remove_secrets(kubernetes, spec.release.namespace, keep)
    context.record(replace(context.status.tls, secrets=keep is not None))
    return [*records, f"{count} certificates in the cluster"] if count else records
