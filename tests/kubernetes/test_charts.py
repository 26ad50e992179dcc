"""The index of a chart repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import NotFoundError, PermanentError
from shared.kubernetes.charts import ChartVersion, parse, precedence

INDEX = b"""
apiVersion: v1
entries:
  jupyterhub:
  - {version: 4.3.5, appVersion: 5.4.6, kubeVersion: ">=1.28.0-0"}
  - {version: 4.4.0, appVersion: "5.5.0", kubeVersion: ">=1.28.0-0"}
  - {version: 4.10.0-0.dev.git.7.habc}
  old: [{version: 0.1.0}]
  holder:
  - {version: 1.0.0-0.dev.git.9.habc, dependencies: [{name: jupyterhub, version: 4.2.0, repository: "https://x"}]}
  - {version: 1.0.0-0.dev.git.10.habc, dependencies: [{name: jupyterhub, version: 4.4.0}]}
  - {version: 0.2.0}
"""


def test_versions_come_newest_first_with_what_they_need() -> None:
    assert parse(INDEX, "jupyterhub") == [
        ChartVersion("4.10.0-0.dev.git.7.habc", "", ""),
        ChartVersion("4.4.0", "5.5.0", ">=1.28.0-0"),
        ChartVersion("4.3.5", "5.4.6", ">=1.28.0-0"),
    ]


def test_what_a_chart_holds_is_read_and_pre_releases_are_in_their_order() -> None:
    assert [(each.version, each.dependencies) for each in parse(INDEX, "holder")] == [
        ("1.0.0-0.dev.git.10.habc", {"jupyterhub": "4.4.0"}),
        ("1.0.0-0.dev.git.9.habc", {"jupyterhub": "4.2.0"}),
        ("0.2.0", {}),
    ]


def test_an_unknown_chart_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="no chart binderhub"):
        parse(INDEX, "binderhub")


@pytest.mark.parametrize("page", [b"<html>", b"a: [", b"[]", b"{}", b"entries: 1", b""])
def test_another_page_in_its_place_is_no_index(page: bytes) -> None:
    with pytest.raises(PermanentError):
        parse(page, "jupyterhub")


def test_versions_sort_as_semver_says() -> None:
    """The row of semver.org, section 11."""
    row = ["x", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    row += ["1.0.0-rc.1", "1.0.0", "v1.0.1", "1.10.0"]
    assert sorted(sorted(row), key=precedence) == row


@given(st.lists(st.text(alphabet="v0123456789.-abn", max_size=12), max_size=6))
def test_any_words_can_be_sorted(words: list[str]) -> None:
    assert len(sorted(words, key=precedence)) == len(words)
