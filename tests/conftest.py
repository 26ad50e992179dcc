"""Fixtures for tests that drive the local cloud. Each worker of pytest-xdist has a copy of its own."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.nodeid import coerce_node_id
from hypothesis import settings

from tests.cloud import Cloud, Host, copy_for_tests

# Many examples belong into a night's run: HYPOTHESIS_MAX_EXAMPLES is for those. No deadline: the machine may be busy.
settings.register_profile("suite", max_examples=int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "25")), deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud and Azurite on a state folder of their own; operations in Azure take no time."""
    with copy_for_tests(tmp_path_factory.mktemp("state")) as copy:
        running = Cloud(copy)
        running.start()
        running.control.speed(0)
        yield running


@pytest.fixture(scope="session")
def host(cloud: Cloud) -> Iterator[Host]:
    """The product's functions host on that cloud."""
    running = Host(cloud.copy)
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> None:
    """A test finds the shared cloud without faults, and the shared host alive, whatever the test before it did."""
    if "cloud" in request.fixturenames:
        request.getfixturevalue("cloud").calm()
    if "host" in request.fixturenames:
        request.getfixturevalue("host").start()


def _brevity(item: pytest.Item) -> int:
    """0: minutes a file, 1: seconds, 2: less."""
    kinds = [{"story", "browser"}, {"local", "source"}]
    marked = {mark.name for mark in item.iter_markers()}
    return next((rank for rank, kind in enumerate(kinds) if kind & marked), len(kinds))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first, so that the last worker does not end minutes after the others; every test with an id of its own.

    Several workers share tests out by their ids. With this pytest, schemathesis leaves the operation out of the id, so that one of
    all was tried and the others never.
    """
    items.sort(key=_brevity)
    ids = Counter(item.nodeid for item in items)
    for item in items:
        if ids[item.nodeid] > 1:
            file, _, _ = item.nodeid.partition("::")
            item._id = coerce_node_id(f"{file}::{item.name}")  # there is no public way
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError(
            "some tests share an id, so that several workers would run one of them only: see tests/conftest.py"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Shows the ends of the logs below a failure."""
    report = yield
    if report.failed:
        used = getattr(item, "funcargs", {}).values()
        for part in [each for each in used if isinstance(each, Cloud | Host)]:
            report.sections.append((f"log of the {type(part).__name__.lower()}", part.logs()))
    return report
