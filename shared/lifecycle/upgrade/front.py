"""The steps that change how a hub is reached: another certificate, another name, and the removal of the former ones."""

from dataclasses import replace

from shared.errors import PermanentError
from shared.hubs.chart import access
from shared.hubs.spec import https
from shared.hubs.status.parts import Certificate
from shared.kubernetes import tls
from shared.lifecycle.create.front import certificate_is_there, certificate_refused, put_certificate, wait_for_name
from shared.lifecycle.upgrade import notes
from shared.resources import hostname, own_certificate
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done


def install_new_certificate(context: StepContext) -> Outcome:
    """Puts the new certificate beside the one that the hub has, which a way back would need."""
    wanted, present = notes.wanted(context), context.status.tls.certificate
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
        return certificate_refused(context, error)
    if own is None:
        raise RuntimeError(key)  # a hub with a certificate has a name for it: shared.hubs.spec.https refuses others
    put_certificate(context, own)
    _decide(context, own.kept)
    return certificate_is_there(own)


def _decide(context: StepContext, certificate: Certificate | None) -> None:
    """The new release uses it; it becomes the hub's when that release is good."""
    context.record(replace(notes.noted(context), certificate_known=True, certificate=certificate))


def wait_for_new_name(context: StepContext) -> Outcome:
    """The new name resolves to the hub before the hub answers by that name alone.

    A DNS label resolves to it with the new release only, so this step does not wait for it.
    """
    wanted = notes.wanted(context)
    same = wanted.access == context.spec.access and https.written(wanted.values) == https.written(context.spec.values)
    if same or not https.own_hosts(wanted.access, wanted.values):
        return done(
            "The hub's name stays as it is."
            if same
            else "The hub has no name that needs a DNS record before its release."
        )
    return wait_for_name(notes.of_wanted(context))


def remove_leftovers(context: StepContext) -> Outcome:
    """Records of names, and certificates, that the hub no longer has."""
    removed = remove_former(context)
    return done(f"Deleted: {', '.join(removed)}." if removed else "There were no old DNS records or certificates.")


def remove_former(context: StepContext) -> list[str]:
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
