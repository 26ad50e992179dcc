"""What it costs to look a body over grows with the body, not with its square. Steps are counted; nothing is timed."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import InvalidError
from shared.hubs.certificates import CertificateError, read
from shared.hubs.spec.hub_python import named_texts
from shared.hubs.spec.validation import parse
from shared.problem import Problem, wrong
from tests.steps import steps

type Body = dict[str, Any]


def errors(body: Body) -> list[Problem]:
    try:
        parse({"name": "r5"} | body, "westus2")
    except InvalidError as error:
        return list(error.problems)
    return []


def unknown(count: int) -> Body:
    return {f"f{number}": 1 for number in range(count)}


def assigned(names: int, texts: int) -> str:
    return "".join(f"n{number} = " for number in range(names)) + repr([f"t{number}" for number in range(texts)])


def in_python(size: int) -> Body:
    return {"values": {"hub": {"extraConfig": {"login": assigned(size, size)}}}}


SIZES: dict[str, Callable[[int], Body]] = {
    "unknown fields": unknown,
    "unknown fields of a part": lambda size: {"cluster": unknown(size)},
    "unknown fields of one of several": lambda size: {"auth": {"type": "oauth"} | unknown(size)},
    "a long unknown field": lambda size: {"x" * 20 * size: 1},
    "an address for mail": lambda size: {"access": {"https": {"letsencrypt": "a@" + "b." * 10 * size}}},
    "an address for mail, not one": lambda size: {"access": {"https": {"letsencrypt": "@" * 20 * size}}},
    "names and texts in Python": in_python,
    "tags": lambda size: {"tags": {f"k{number}": "v" for number in range(size)}},
    "packages": lambda size: {"environment": {"packages": [f"p{number}" for number in range(size)]}},
    "values": lambda size: {"values": {f"k{number}": {"k": "v"} for number in range(size)}},
}
"""A body of a size; at 1,000 it has some 20,000 bytes."""


@pytest.mark.parametrize("kind", SIZES)
def test_twice_the_body_is_at_most_twice_the_work(kind: str) -> None:
    errors(SIZES[kind](1))
    single, double = (SIZES[kind](size) for size in (500, 1_000))
    assert steps(lambda: errors(double)) <= 2.1 * steps(lambda: errors(single))


@pytest.mark.parametrize("kind", SIZES)
def test_no_body_takes_long(kind: str) -> None:
    body = SIZES[kind](1_000)
    assert steps(lambda: errors(body)) < 150_000


def test_every_unknown_field_is_named_and_the_first_ones_with_a_guess() -> None:
    found = errors({"nodeCont": 1, "clusterr": {}} | unknown(1_000))
    assert len(found) == 1_002
    assert found[1] == wrong("clusterr", "is not a field of a hub; did you mean 'cluster'?", "UnknownField")
    assert sum("known here" in error.message or "did you mean" in error.message for error in found) == 20
    assert found[-1] == wrong("f999", "is not a field of a hub", "UnknownField")


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("ann@example.org", True),
        ("a@b.c", True),
        ("a@b..c", True),
        ("a@.b.c", True),
        ("a" * 242 + "@example.org", True),
        ("a" * 243 + "@example.org", False),
        ("ann@example", False),
        ("ann@.org", False),
        ("ann@example.", False),
        ("@example.org", False),
        ("ann@home@example.org", False),
        ("ann smith@example.org", False),
        ("ann@example.org\n", False),
        ("", False),
    ],
)
def test_an_address_for_mail_is_short_and_has_a_name_and_a_domain(address: str, taken: bool) -> None:
    found = errors({"access": {"host": "hub.example.org", "https": {"letsencrypt": address}}})
    assert ["e-mail" in error.message for error in found] == ([] if taken else [True])


def test_each_name_and_each_text_in_python_is_looked_at_and_not_every_pair() -> None:
    pairs = list(named_texts(assigned(3_000, 2_000)))
    assert len(pairs) == 4_999
    assert {name for name, _ in pairs} == {f"n{number}" for number in range(3_000)}
    assert {text for _, text in pairs} == {f"t{number}" for number in range(2_000)}


@pytest.mark.parametrize("line", ["-----BEGIN PRIVATE KEY-----\n", "-----BEGIN A PRIVATE KEY-----\nMII\n"])
def test_keys_that_do_not_end_are_read_once(line: str) -> None:
    """A pattern that reads the rest of the text for each of them would take an hour."""
    with pytest.raises(CertificateError):
        read(line * 200_000)
