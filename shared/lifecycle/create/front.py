"""The steps that make a hub reachable: its certificate and its name."""

from dataclasses import replace

from shared.clock import wire_time
from shared.errors import PermanentError
from shared.hubs.chart import access
from shared.kubernetes import tls, workloads
from shared.problem import Problem
from shared.resources import hostname, own_certificate
from shared.resources.own_certificate import Own
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, done, waiting

NAME_TIMEOUT = 3600.0
"""Seconds for a name to resolve to the hub: enough for a person to create a record and for the DNS to publish it."""


def install_certificate(context: StepContext) -> Outcome:
    """Copies the certificate from Key Vault to the cluster, before the chart looks for it there."""
    try:
        own = own_certificate.load(context.services, context.spec, context.now)
    except PermanentError as error:
        return certificate_refused(context, error)
    if own is None:
        return done("The hub needs no certificate of its own.")
    put_certificate(context, own)
    context.record(replace(context.status.tls, certificate=own.kept))
    return certificate_is_there(own)


def certificate_refused(context: StepContext, error: PermanentError) -> Outcome:
    if error.code != own_certificate.REFUSED:
        raise error
    fault = Problem(error.code, error.message, f"{own_certificate.advice(context.spec)} Then retry the run.")
    return Outcome("failed", fault.message, fault=fault)


def put_certificate(context: StepContext, own: Own) -> None:
    namespace, kept = context.spec.release.namespace, own.certificate
    # before: what is left over must be found even if this call is cut off
    context.record(replace(context.status.tls, secrets=True))
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        workloads.ensure_namespace(kubernetes, namespace, {})
        tls.ensure_secret(kubernetes, namespace, own.secret, kept.chain, kept.key)


def certificate_is_there(own: Own) -> Outcome:
    names = ", ".join(own.certificate.names)
    return done(f"The certificate for {names} is in the cluster; it is valid until {wire_time(own.certificate.ends)}.")


def wait_for_name(context: StepContext) -> Outcome:
    """Waits until the hub's names resolve to its load balancer; creates the record in its zone first."""
    suffix = context.services.settings.dns_suffix
    hosts = access.must_resolve(context.spec, suffix)
    if not hosts:
        return done("The hub has no name that needs a DNS record.")
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        address = workloads.service_address(kubernetes, context.spec.release.namespace, access.PUBLIC_SERVICE)
    if address is None:
        return waiting(poll_delay(context.elapsed), "Waiting for the load balancer's IP address.")
    missing = hostname.ensure_records(context, address)
    if not missing:
        return done(f"{' and '.join(hosts)} {'resolves' if len(hosts) == 1 else 'resolve'} to {address}.")
    if context.elapsed < NAME_TIMEOUT:
        return waiting(poll_delay(context.elapsed), missing)
    fault = Problem(
        "NameLeadsElsewhere", f"After {NAME_TIMEOUT / 60:.0f} minutes: {missing}", _name_advice(context, address)
    )
    return Outcome("failed", fault.message, fault=fault)


def _name_advice(context: StepContext, address: str) -> str:
    """Advice on a name that does not resolve: a record that exists unseen is in a zone that nobody asks."""
    where = hostname.place(context.spec, context.subscription)
    zone = context.services.dns.zone(where[0]) if where else None
    if zone:
        return (
            f"Check that the domain's registrar, or the zone above, names this zone's servers for {zone.name}: "
            f"{', '.join(zone.servers)}. Then retry the run."
        )
    suffix = context.services.settings.dns_suffix
    hosts = access.must_resolve(context.spec, suffix)
    record = hostname.wanted_record(context.spec, hosts[0], address, suffix)
    return f"Create {record}, wait until others see it (nslookup {hosts[0]}), and retry the run."
