"""What another name of a hub, or https, means for the people who open it. Pure."""

from collections.abc import Iterator
from typing import Any

from shared.hubs.patch.plan import Change, How
from shared.hubs.spec import https, logins
from shared.hubs.spec.model import Hub

PROXY_RESTARTS = "The proxy restarts: no pages for about a minute, open notebooks reconnect; servers that run go on"


def classified(field: str, before: Any, after: Any, old: Hub, new: Hub) -> Change | None:
    """What people notice of another name or of https. None when the field is about something else."""
    if not field.startswith(("access.", "values.proxy.https")):
        return None
    if field.startswith("access.dnsZone"):
        kept = "none: the record stays until the hub has another name or is deleted"
        made = f"none: Hubkeeper makes the record of {new.access.host}, and waits until it leads to the hub"
        return Change(field, before, after, How.NAME, made if new.access.dns_zone else kept)
    if not (said := list(_moves(old, new))):
        if field == "access.dnsLabel":
            return Change(field, before, after, How.HELM, "none: the hub's own name stays")
        if not https.secure(new.access, new.values):
            return Change(field, before, after, How.HELM, "the hub restarts for about a minute; servers that run go on")
        said = ["the certificate changes"]
    elif isinstance(new.auth, logins.Provider):
        said.append("register the new callback address (callbackUrl) with the provider before, or nobody can log in")
    return Change(field, before, after, How.HELM, f"{'; '.join(said)}. {PROXY_RESTARTS}")


def _moves(old: Hub, new: Hub) -> Iterator[str]:
    """How the address at which people open the hub becomes another one; nothing when it stays."""
    (was, name), (becomes, another) = (
        (https.secure(hub.access, hub.values), https.own_hosts(hub.access, hub.values)[:1] or hub.access.dns_label)
        for hub in (old, new)
    )
    if becomes and not was:
        yield "the hub answers at https once this is done, and http leads there"
    if was and not becomes:
        yield "the hub answers at plain http once this is done, and https ends: links and bookmarks to it fail"
    if name != another:
        yield "the hub answers at another address once this is done; the old one ends"
