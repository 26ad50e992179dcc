"""What has to be done about events once a day."""

from datetime import datetime, timedelta

from shared.notifications.store import EventStore
from shared.services import Services

KEPT = timedelta(days=90)
"""As long as the decisions in a hub's record, so that either can be read beside the other."""


def purge(services: Services, now: datetime) -> int:
    """Deletes events that are older than KEPT; how many. By then each was delivered or given up long ago."""
    return EventStore(services.tables).purge(now - KEPT)
