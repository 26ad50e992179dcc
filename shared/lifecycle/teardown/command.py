"""A teardown is asked for."""

from shared.hubs.store import known
from shared.lifecycle.teardown.plan import plan
from shared.runs.commands import Commands, busy
from shared.runs.model import Kind, Options, Run


def teardown(commands: Commands, name: str, reason: str, *, keep_homes: bool) -> Run:
    """keep_homes: the users' volumes are kept as snapshots. Asking again while it runs is the same run. Raises BusyError."""
    hub = known(commands.hubs.get(name), name)
    options = Options(keep_homes=keep_homes)
    if hub.open_run:
        current = commands.runs.get(hub.open_run)
        if current.kind is Kind.TEARDOWN and current.options == options:
            return current
        raise busy(hub)
    steps = plan(hub, keep_homes=keep_homes)
    return commands.start(hub, commands.new(name, Kind.TEARDOWN, reason, steps, options=options))
