"""POST /hubs?dryRun=true: what a create would do, and what blocks it. Reads only."""

from typing import Any

from shared.checks.preflight import examine
from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.lifecycle.create.plan import plan as plan_of
from shared.runs.plan import chain
from shared.services import Services


def dry_run(services: Services, hub: Hub, warnings: list[str]) -> dict[str, Any]:
    """url, hubUrl: None when not known before the install; callbackUrl: what to register with the OAuth provider."""
    found, suffix = examine(services, hub), services.settings.dns_suffix
    steps, where = plan_of(hub, suffix), access.reach(hub, suffix)
    return {
        "dryRun": True,
        "possible": not any(finding.refuses for finding in found.findings),
        "findings": [finding.wire() for finding in found.findings],
        "warnings": warnings,
        "spec": hub.wire(),
        "url": where.opened,
        "hubUrl": where.hub,
        "callbackUrl": where.callback,
        "versions": {
            "kubernetes": found.kubernetes,
            "chart": found.chart,
        },
        "steps": [
            {"name": step.name, "title": step.title, "usualSeconds": step.seconds, "after": list(step.after)}
            for step in steps
        ],
        "usualSeconds": chain(steps),
    }
