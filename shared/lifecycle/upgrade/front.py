"""The steps that change how a hub is reached: another certificate, another name, and the removal of the former ones."""

from shared.errors import PermanentError
from shared.hubs.chart import access
from shared.hubs.spec import https
from shared.kubernetes import tls
from shared.lifecycle.create.front import certificate_is_there, certificate_refused, name, put_certificate
from shared.lifecycle.upgrade import frame
from shared.resources import hostname, own_certificate
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done


def new_certificate(context: StepContext) -> Outcome:
    """Puts the new certificate beside the one that the hub has, which a way back would need."""
    wanted, present = frame.wanted(context), context.hub.facts.get("tls")
    key = access.certificate(wanted)
    if key is None:
        frame.note(context, tls=None)
        return done("The hub needs no certificate of its own.")
    if present and (present["key"], present["version"]) == (key, own_certificate.version(context.services, wanted)):
        frame.note(context, tls=present)
        return done("The certificate stays as it is.")
    try:
        own = own_certificate.load(context.services, wanted, context.now)
    except PermanentError as error:
        return certificate_refused(context, error)
    if own is None:
        raise RuntimeError(key)  # a hub with a certificate has a name for it: shared.hubs.spec.https refuses others
    put_certificate(context, own)
    frame.note(context, tls=own.facts())
    return certificate_is_there(own)


def new_name(context: StepContext) -> Outcome:
    """The new name resolves to the hub before the hub answers by that name alone.

    A DNS label leads to it with the new release only, so that it is not waited for here.
    """
    wanted = frame.wanted(context)
    same = wanted.access == context.spec.access and https.written(wanted.values) == https.written(context.spec.values)
    if same or not https.own_hosts(wanted.access, wanted.values):
        return done("The hub's name stays as it is." if same else "The hub has no name that must be led to it before.")
    return name(frame.of_wanted(context))


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
