"""Amounts as people write them: what is read, and that nothing raises."""

from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import amounts
from shared.amounts import LARGEST, cores, memory_bytes, quantity

GIBIBYTE = 1024**3


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("0", 0),
        ("2", 2),
        ("1900m", 1.9),
        ("8148Mi", 8148 * 1024**2),
        ("7116876Ki", 7116876 * 1024),
        ("1Gi", GIBIBYTE),
        ("1G", 10**9),
        ("1073741824", GIBIBYTE),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1.5Gi", 1.5 * GIBIBYTE),
        ("100n", 1e-7),
        ("10k", 10_000),
        (".5", 0.5),
        ("5.", 5),
        ("+1", 1),
        ("1e-9999", 0),
        (2, 2),
        (0.5, 0.5),
    ],
)
def test_kubernetes_quantities(written: object, amount: float) -> None:
    assert quantity(written) == pytest.approx(amount)


NO_QUANTITY = ["abc", "1K", "1i", "Mi", "1 Gi", "1mi", "1e3Ki", "1e", "e3", "-1", "--1", "1\n", "٣", "secret://size"]
NEVER_AMOUNTS: list[object] = [
    *(
        "",
        "\0",
        "nan",
        "NaN",
        "inf",
        "Infinity",
        "1e400",
        "1e9999",
        "1e99999999999999999999",
        "9" * 400,
        "9" * 400 + "G",
    ),
    *(
        float("nan"),
        float("inf"),
        -float("inf"),
        -1,
        -0.5,
        10**400,
        2**63,
        1e300,
        True,
        False,
        None,
        [],
        {},
        [1],
        {"a": 1},
        b"1",
    ),
]
"""Of nothing, whoever reads them."""


@pytest.mark.parametrize("written", [*NO_QUANTITY, *NEVER_AMOUNTS])
def test_what_is_no_quantity(written: object) -> None:
    assert quantity(written) is None


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("1G", GIBIBYTE),
        ("512M", GIBIBYTE // 2),
        ("1.5G", 3 * GIBIBYTE // 2),
        ("1T", 1024**4),
        ("2K", 2048),
        (1024, 1024),
        (1024.7, 1024),
        (0, 0),
        (LARGEST, LARGEST),
    ],
)
def test_memory_as_jupyterhub_counts_it(written: object, counted: int) -> None:
    assert memory_bytes(written) == counted


NO_MEMORY = ["1Gi", "G", "-1G", "1 G", "1g", "10", ".5G", "99999999T", "1e3G", "٣G"]
"""JupyterHub takes no text without a unit, and its traits fail with the hub."""


@pytest.mark.parametrize("written", [*NO_MEMORY, *NEVER_AMOUNTS])
def test_what_is_no_memory(written: object) -> None:
    assert memory_bytes(written) is None


@pytest.mark.parametrize(("written", "counted"), [(0, 0), (1, 1), (0.5, 0.5), (0.001, 0.001), (1000, 1000)])
def test_cores(written: object, counted: float) -> None:
    assert cores(written) == counted


@pytest.mark.parametrize("written", ["1", "500m", 0.0009, 5e-324, 1001, 1e18, *NEVER_AMOUNTS])
def test_what_is_no_number_of_cores(written: object) -> None:
    assert cores(written) is None


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.from_regex(r"\A[+-]?[0-9]{0,60}\.?[0-9]{0,60}([eE][+-]?[0-9]{0,20})?[A-Za-z]{0,2}\Z"),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.integers()),
)


@given(ANYTHING)
def test_nothing_raises_and_what_is_read_is_sensible(written: Any) -> None:
    for read in (quantity, memory_bytes, cores):
        found = read(written)
        assert found is None or (isfinite(found) and 0 <= found <= LARGEST)
    assert isinstance(memory_bytes(written), int | None)


@given(st.integers(0, 2**40), st.sampled_from(["", "Ki", "Mi", "k", "M", "m"]))
def test_a_quantity_is_its_number_times_its_unit(number: int, unit: str) -> None:
    found = quantity(f"{number}{unit}")
    assert found is not None
    assert found == pytest.approx(number * float(amounts._SUFFIXES[unit]))
