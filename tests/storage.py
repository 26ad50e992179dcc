"""Tables for tests of stores: in memory, and (marked `local`) in Azurite, the real emulator."""

from collections.abc import Iterator

import pytest

from local.environment import environment
from shared.azure.tables import Tables
from shared.clock import SystemClock
from shared.services import Services
from shared.settings import Settings
from tests.cloud import copy_for_tests
from tests.fakes.memory import MemoryTables


@pytest.fixture(scope="session")
def azurite_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    with copy_for_tests(tmp_path_factory.mktemp("azurite"), first=16_000) as copy:
        copy.up(["azurite"])
        tables = Services(Settings.from_environ(environment(copy.state, copy.ports)), SystemClock()).tables
        yield tables
        tables._service.close()


@pytest.fixture(params=["memory", pytest.param("azurite", marks=pytest.mark.local)])
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    """Without rows."""
    if request.param == "memory":
        yield MemoryTables()
        return
    found: Tables = request.getfixturevalue("azurite_tables")
    yield found
    for name in [table.name for table in found._service.list_tables()]:
        found._service.delete_table(name)
