"""The reconciliation: repairs what a crash left between the tables and the workflow engine.

The tables are the truth. A run that the engine does not know, or whose orchestration has ended without ending the run, gets an
orchestration again; every step is idempotent, so nothing is made twice. A lease whose run has ended is given back.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

from shared.errors import MissingError, OutsideError
from shared.hubs.store import HubRecord, HubStore
from shared.runs import transitions
from shared.runs.ending import give_back
from shared.runs.engine import Engine
from shared.runs.store import RunStore
from shared.services import Services

log = logging.getLogger(__name__)


SETTLED = timedelta(minutes=1)
"""A run that ended less than this ago is being given back by its own orchestration."""


def reconcile(services: Services, engine: Engine) -> list[str]:
    """The repairs, a line each."""
    mended = []
    for hub in HubStore(services.tables).leased():
        try:
            mended += list(_hub(services, engine, hub))
        except (
            OutsideError,
            MissingError,
        ) as error:  # one hub's error never delays another's; the next pass comes in a minute
            log.warning("reconcile: hub %s: %s", hub.name, error.code)
    for line in mended:
        log.warning("reconcile: %s", line)
    return mended


def _hub(services: Services, engine: Engine, hub: HubRecord) -> Iterator[str]:
    hubs, runs = HubStore(services.tables), RunStore(services.tables)
    try:
        run = runs.get(str(hub.open_run))
    except MissingError:
        hubs.release(hub.name, str(hub.open_run), "failed")
        yield f"hub {hub.name} was leased to run {hub.open_run}, which does not exist"
        return
    if run.ended:
        if services.clock.now() - run.ended < SETTLED:
            return
        give_back(hubs, run)
        yield f"hub {hub.name} was still leased to run {run.id}, which is {run.status}"
    elif (alive := engine.at_work(run)) is None:
        engine.start(run)
        yield f"run {run.id} was unknown to the engine"
    elif not alive:
        restarted = runs.update(run.id, transitions.restart)
        engine.start(restarted)
        yield f"run {run.id} was open, its orchestration was not"
