import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import PermanentError, TemporaryError
from shared.notifications.webhook import refusal

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_these_answers_may_be_others_later(status: int) -> None:
    found = refusal(status, {})
    assert isinstance(found, TemporaryError)
    assert (found.status, found.code, found.retry_after) == (status, f"Http{status}", None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_these_answers_are_final(status: int) -> None:
    assert isinstance(refusal(status, {"Retry-After": "5"}), PermanentError)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308])
def test_redirects_are_refused_without_repeating_where_to(status: int) -> None:
    found = refusal(status, {"Location": "https://elsewhere.example.org/x"})
    assert isinstance(found, PermanentError)
    assert "elsewhere" not in str(found)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "90"},
        {"Retry-After": "Mon, 23 Nov 2026 02:01:30 GMT", "Date": "Mon, 23 Nov 2026 02:00:00 GMT"},
    ],
)
def test_time_that_a_receiver_asks_for_is_seconds(headers: dict[str, str]) -> None:
    found = refusal(503, headers)
    assert isinstance(found, TemporaryError)
    assert found.retry_after == 90


@pytest.mark.source
def test_importing_the_package_loads_nothing_heavy() -> None:
    modules = sorted(path.stem for path in (ROOT / "shared/notifications").glob("*.py") if path.stem != "routes")
    heavy = ("azure", "requests", "pydantic", "ssl", "urllib.request")
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module('shared.notifications.' + name)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
