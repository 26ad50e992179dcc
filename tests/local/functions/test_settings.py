import json
import logging
from pathlib import Path

import pytest

from local.functions.hostjson import HostSettings, read, timespan
from local.functions.logs import level


def _host_json(folder: Path, document: object) -> HostSettings:
    (folder / "host.json").write_text(json.dumps(document))
    return read(folder)


def test_without_extensions_the_hosts_own_defaults_hold(tmp_path: Path) -> None:
    settings = _host_json(tmp_path, {"version": "2.0"})
    assert (settings.route_prefix, settings.timeout, settings.hub_name) == ("api", 1800, "TestHubName")


def test_what_host_json_says_holds(tmp_path: Path) -> None:
    settings = _host_json(
        tmp_path,
        {
            "version": "2.0",
            "functionTimeout": "00:10:00",
            "extensions": {
                "http": {"routePrefix": ""},
                "durableTask": {"hubName": "hub", "maxConcurrentActivityFunctions": 3},
            },
        },
    )
    assert (settings.route_prefix, settings.timeout, settings.max_activities) == ("", 600, 3)


def test_a_host_json_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"2\.0"):
        _host_json(tmp_path, {"version": "1.0"})


def test_the_products_own_host_json_is_readable() -> None:
    settings = read(Path(__file__).parents[3])
    assert (settings.route_prefix, settings.hub_name) == ("api", "hubkeeper")


@pytest.mark.parametrize(("text", "seconds"), [("00:00:30", 30), ("1.02:00:00", 93_600), ("-1", None)])
def test_timespans_are_seconds(text: str, seconds: float | None) -> None:
    assert timespan(text) == seconds


def test_a_timeout_that_is_no_timespan_is_refused() -> None:
    with pytest.raises(ValueError, match="functionTimeout"):
        timespan("10m")


def test_the_longest_category_gives_the_level() -> None:
    levels = {"default": "Warning", "Function": "Information", "Function.tick": "Error"}
    assert level(levels, "Function.tick.User") == logging.ERROR
    assert level(levels, "Function.other.User") == logging.INFO
    assert level(levels, "Host") == logging.WARNING
    assert level({}, "Host") == logging.INFO
