"""The step that keeps a copy of the hub's keys before anything is changed."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace

from shared import names
from shared.hubs import vault
from shared.hubs.inventory.people import SECRET as HUB_SECRET
from shared.kubernetes import workloads
from shared.lifecycle.upgrade.notes import noted
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done, failed, waiting

LARGEST_SECRET = 25_000
"""Characters that Key Vault keeps in a secret."""


DERIVED = "values.yaml"
"""Key of the Secret `hub` that is no secret of the hub's own: the chart writes its values there, and helm keeps them as well."""


def back_up_keys(context: StepContext) -> Outcome:
    """Keys and tokens of the hub to Key Vault, and the revision to go back to: helm keeps that one's chart and values."""
    spec, helm = context.spec, context.services.helm
    credentials = kubeconfig(context)
    if done_before := helm.unlock(credentials, spec.release.name, spec.release.namespace):
        return waiting(1, f"An earlier change was interrupted: {done_before}.")
    deployed = [
        r for r in helm.history(credentials, spec.release.name, spec.release.namespace) if r.status == "deployed"
    ]
    with context.services.kubernetes(credentials) as kubernetes:
        secret = workloads.secret(kubernetes, spec.release.namespace, HUB_SECRET)
    if not deployed or secret is None:
        return failed(
            "NoGoodRelease",
            f"There is no deployed release {spec.release.name} in {spec.release.namespace} to go back to.",
            f"GET /api/hubs/{spec.name}/kubeconfig with the admin key lets you look with helm history. helm rollback deploys a "
            "revision that worked; where the release is gone, helm install puts the chart back, and the users' volumes are still "
            "there. Then retry the run.",
        )
    revision = deployed[-1].revision
    kept = _keep(context, _as_json(secret), revision)
    context.record(replace(noted(context), good=revision))
    return done(f"{kept} A rollback would go to revision {revision}.")


def _as_json(secret: Mapping[str, bytes]) -> str:
    kept = {key: base64.b64encode(value).decode() for key, value in sorted(secret.items()) if key != DERIVED}
    return json.dumps(kept)


def _keep(context: StepContext, text: str, revision: int) -> str:
    """A new version of the hub's own secret; what it held before stays below it in the vault. What became of it, in a sentence."""
    kept, where = context.own_secret(names.HUB_BACKUP), f"The hub's keys are in Key Vault as {names.HUB_BACKUP}."
    if kept and kept.tags.get("run") == context.run.id:
        return where
    if len(text) > LARGEST_SECRET:
        return f"The hub's keys are in the cluster alone: with {len(text)} characters they are too long for Key Vault."
    tags = {"run": context.run.id, "revision": str(revision)}
    vault.keep_own(
        context.services, context.spec.name, names.HUB_BACKUP, text, tags=tags, content_type="application/json"
    )
    return where
