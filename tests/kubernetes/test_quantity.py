"""Amounts as Kubernetes writes them."""

import pytest

from shared.kubernetes import quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("2", 2),
        ("1900m", 1.9),
        ("8148Mi", 8148 * 1024**2),
        ("7116876Ki", 7116876 * 1024),
        ("1Gi", 1024**3),
        ("1G", 10**9),
        ("1073741824", 1024**3),
        ("1e3", 1000),
        ("1E", 10**18),
        ("1.5Gi", 1.5 * 1024**3),
        ("100n", 1e-7),
        ("10k", 10_000),
    ],
)
def test_an_amount_is_read_with_its_suffix(text: str, amount: float) -> None:
    assert quantity.parse(text) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "abc", "1K", "1i", "Mi", "1 Gi", "1mi"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity.parse(text)
