"""The steps that are about the hub's entrance: its certificate, its name, and what an earlier one has left."""

from shared.clock import wire_time
from shared.errors import PermanentError
from shared.hubs import access, https
from shared.kubernetes import tls, workloads
from shared.runs.model import Fault, Outcome, done, waiting
from shared.runs.steps import hostname, own_certificate, upgrade
from shared.runs.steps.context import StepContext, poll_delay
from shared.runs.steps.own_certificate import Own
from shared.runs.steps.release import kubeconfig

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
    context.remember(tls=own.facts())
    return _is_there(own)


def new_certificate(context: StepContext) -> Outcome:
    """Of a hub that is changed: beside the one that it has, which a way back would need."""
    wanted, present = upgrade.wanted(context), context.hub.facts.get("tls")
    key = access.certificate(wanted)
    if key is None:
        upgrade.note(context, tls=None)
        return done("The hub needs no certificate of its own.")
    if present and (present["key"], present["version"]) == (key, own_certificate.version(context.services, wanted)):
        upgrade.note(context, tls=present)
        return done("The certificate stays as it is.")
    try:
        own = own_certificate.load(context.services, wanted, context.now)
    except PermanentError as error:
        return _no_certificate(context, error)
    if own is None:
        raise RuntimeError(key)  # a hub with a certificate has a name for it: shared.hubs.https refuses others
    _put(context, own)
    upgrade.note(context, tls=own.facts())
    return _is_there(own)


def _no_certificate(context: StepContext, error: PermanentError) -> Outcome:
    if error.code != own_certificate.REFUSED:
        raise error
    fault = Fault(error.code, error.message, f"{own_certificate.advice(context.spec)} Then retry the run.")
    return Outcome("failed", fault.message, fault=fault)


def _put(context: StepContext, own: Own) -> None:
    namespace, kept = context.spec.release.namespace, own.certificate
    context.remember(tls_used=True)  # before: what is left over must be found even if this call is cut off
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
            f"Check that the domain's registrar, or the zone above, names this zone's servers for {zone.name}: "
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
    wanted = upgrade.wanted(context)
    same = wanted.access == context.spec.access and https.written(wanted.values) == https.written(context.spec.values)
    if same or not https.own_hosts(wanted.access, wanted.values):
        return done("The hub's name stays as it is." if same else "The hub has no name that must be led to it before.")
    return name(upgrade.of_wanted(context))


# What an earlier one has left


def leftovers(context: StepContext) -> Outcome:
    """Records of names, and certificates, that the hub no longer has."""
    removed = sweep(context)
    return done(f"Removed: {', '.join(removed)}." if removed else "Nothing was left over.")


def sweep(context: StepContext) -> list[str]:
    spec, keep = context.spec, (context.hub.facts.get("tls") or {}).get("secret")
    hosts = https.own_hosts(spec.access, spec.values)
    records = [f"the record of {hostname.host_of(found)}" for found in hostname.forget_records(context, hosts)]
    if not context.hub.facts.get("tls_used"):
        return records
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        count = tls.remove_secrets(kubernetes, spec.release.namespace, keep)
    context.remember(tls_used=keep is not None)
    return [*records, f"{count} certificates in the cluster"] if count else records
