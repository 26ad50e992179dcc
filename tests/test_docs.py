"""The pages say what is: no link leads nowhere, no address is made up, the list of fields is the models', and examples work."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.hubs.spec.validation import parse
from shared.meta.openapi import OPERATIONS
from tests.named import exists

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
BUILT: frozenset[str] = frozenset({"board", "open", "chat"})
"""First parts of paths that are pages or calls of chat services: in the README, and not operations of the API."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    """Relative ones; those in code are not links."""
    text = re.sub(r"```.*?```|`[^`\n]*`(?!\])", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def paths(page: Path) -> set[str]:
    """Addresses of the API in a page, as patterns: /api/hubs/{name}/stop."""
    found = re.findall(r"(?<![\w.-])/api(/[\w{}/.-]+)", page.read_text())
    return {path.rstrip("./") for path in found}


def known(path: str) -> bool:
    """Whether it is an operation's path; a name stands for its parameter as {name} does."""
    patterns = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path)) for operation in OPERATIONS]
    return any(re.fullmatch(pattern, path) for pattern in patterns)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_address_of_the_api_is_one(page: Path) -> None:
    made_up = {path for path in paths(page) if path.split("/")[1] not in BUILT and not known(path)}
    assert made_up == set()


def test_the_readme_names_addresses() -> None:
    assert len(paths(ROOT / "README.md")) > 5


@pytest.mark.parametrize("script", ["scripts/hub-doc.py", "scripts/architecture-doc.py"])
def test_a_page_written_from_the_code_is_what_the_code_says(script: str) -> None:
    """The fields of a hub are the models', the picture of the packages is that of the import contracts."""
    command = [sys.executable, script, "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or f"a page is out of date: run {script}"


def examples(page: Path) -> list[str]:
    return re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)


PAGES_OF_HUBS = ("hub.md", "https.md", "binderhub.md")


@pytest.mark.parametrize("example", [example for page in PAGES_OF_HUBS for example in examples(ROOT / "docs" / page)])
def test_the_examples_of_hubs_are_hubs(example: str) -> None:
    assert parse(json.loads(example), "westus").name


def test_the_first_example_is_the_one_that_make_run_sends() -> None:
    assert json.loads(examples(ROOT / "docs/hub.md")[0]) == json.loads((ROOT / "examples/r5.json").read_text())


def proofs() -> list[str]:
    """Tests that the page about the tutorials names."""
    return re.findall(r"`([\w/]+\.py::\w+)`", (ROOT / "docs/seeds.md").read_text())


def test_the_tests_that_the_tutorials_page_names_exist() -> None:
    assert [proof for proof in proofs() if not exists(proof)] == []


def test_every_command_of_the_tutorials_has_its_proof() -> None:
    rows = re.findall(r"^\| (?!by hand|asked|-)(.*) \|$", (ROOT / "docs/seeds.md").read_text(), re.MULTILINE)
    rows = [row for row in rows if not row.startswith("--")]
    assert len(rows) > 30
    assert [row for row in rows if not re.search(r"\| `[\w/]+\.py::\w+`(, `[\w/]+\.py::\w+`)*$", row)] == []
