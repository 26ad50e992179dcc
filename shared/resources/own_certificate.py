"""A hub's own certificate: from Key Vault, looked at, and on to the cluster."""

from dataclasses import dataclass
from datetime import datetime

from shared.azure import keyvault
from shared.errors import PermanentError
from shared.hubs import certificates, vault
from shared.hubs.certificates import Certificate, CertificateError
from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.hubs.status import parts
from shared.services import Services

REFUSED = "CertificateRefused"


@dataclass(frozen=True)
class Own:
    """key: of the hub's secret. version: Key Vault's, of what was read."""

    key: str
    version: str
    certificate: Certificate

    @property
    def secret(self) -> str:
        """The Secret of the cluster: of another name for another certificate.

        So the proxy starts with a new one, and an older release can be gone back to.
        """
        return f"{access.TLS_SECRET}-{self.certificate.mark}"

    @property
    def kept(self) -> parts.Certificate:
        """The part that a hub's record keeps: none of it secret."""
        return parts.Certificate(self.key, self.version, self.secret, self.certificate.ends)


def version(services: Services, hub: Hub) -> str | None:
    """The version that Key Vault has for the hub now; None when it has none, or the hub needs none."""
    key = access.certificate(hub)
    found = vault.theirs(services, hub.name, key) if key else None
    return found.version if found else None


def load(services: Services, hub: Hub, now: datetime) -> Own | None:
    """None when the hub has no certificate of its own. Raises PermanentError when it has one that is not good for its name now."""
    key, host = access.certificate(hub), access.host(hub, services.settings.dns_suffix)
    if key is None or host is None:
        return None
    kept = vault.theirs(services, hub.name, key)
    if kept is None:
        raise PermanentError(
            keyvault.SYSTEM, "SecretNotFound", f"access.https.certificate is secret://{key}, which does not exist."
        )
    try:
        found = certificates.read(kept.value)
    except CertificateError as error:
        raise _refused(key, str(error)) from None
    if wrong := certificates.problem(found, host, now):
        raise _refused(key, wrong)
    from shared.kubernetes import trust

    if why := trust.refusal(found.chain, found.key, host):
        raise _refused(
            key,
            f"browsers would refuse it ({why}): an intermediate certificate or the trust in its authority is missing",
        )
    return Own(key, kept.version, found)


def _refused(key: str, why: str) -> PermanentError:
    return PermanentError(keyvault.SYSTEM, REFUSED, f"The certificate in the hub's secret {key} cannot be used: {why}.")


def advice(hub: Hub) -> str:
    key = access.certificate(hub) or "KEY"
    return (
        f'PUT /api/hubs/{hub.name}/secrets/{key} with {{"value": "..."}}: in PEM form the certificate for the host name, the '
        "intermediate ones up to its authority, and the private key without a passphrase. An authority of your own: Hubkeeper's "
        "app setting REQUESTS_CA_BUNDLE names a file with its root."
    )
