"""All clusters as they were a few seconds ago, listed once for everybody who wants to know at the same time.

A burst of starts is watched through it. AKS answers 60 questions about single clusters at once and one a second from then on, 200
and two a second about operations, for all of a subscription: too few for hundreds of runs that each ask for themselves, while one
listing answers them all (learn.microsoft.com/azure/aks/quotas-skus-regions, "Throttling limits on AKS resource provider APIs").
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.azure.aks import Cluster, Clusters
from shared.clock import Clock
from shared.errors import OutsideError

FRESH = timedelta(seconds=5)
"""How old an answer may be. A start takes five minutes, so that 5 s are nothing; a hundred runs look in that time."""


class Listing:
    """Usable from several threads: who asks while the listing is under way gets the same one, or its error."""

    def __init__(self, clusters: Clusters, clock: Clock) -> None:
        self._clusters = clusters
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: datetime | None = None
        self._found: Mapping[str, Cluster] | OutsideError = {}

    def get(self, cluster_id: str) -> Cluster | None:
        """By ARM id, in whatever spelling; None: it did not exist, or was not listed yet. Raises OutsideError."""
        with self._lock:
            now = self._clock.now()
            if self._asked is None or not timedelta(0) <= now - self._asked < FRESH:
                self._asked, self._found = now, self._listed()
            found = self._found
        if isinstance(found, OutsideError):
            raise found
        return found.get(cluster_id.lower())

    def _listed(self) -> Mapping[str, Cluster] | OutsideError:
        try:
            return {cluster.id.lower(): cluster for cluster in self._clusters.list_all()}
        except OutsideError as error:
            return error
