"""The functions host is killed while a call of its is held, and started again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cloud import Cloud, Host, wait_until

HELD = 30.0
"""Seconds for which a held call is held: longer than the host lives on."""


@contextmanager
def killed_while_held(cloud: Cloud, host: Host, moment: dict[str, Any]) -> Iterator[None]:
    """Runs the block, kills the host while it waits for the answer to that call, and starts it again."""
    held = cloud.control.fault(**moment, happens="held", seconds=HELD)["id"]
    yield
    wait_until(lambda: any(fault["hits"] for fault in cloud.control.faults() if fault["id"] == held), 60, str(moment))
    time.sleep(0.2)  # what the call asks for is being carried out
    restart(cloud, host)


def restart(cloud: Cloud, host: Host) -> None:
    """As after a crash: the tables are all that is left. The sweep would come by itself within a minute."""
    host.kill()
    cloud.control.clear_faults()
    host.start()
    host.fire("reconcile_runs")
