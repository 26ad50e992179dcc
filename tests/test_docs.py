"""The pages say what is: no link leads nowhere, no address is made up, the list of fields is the models', and examples work."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from shared.hubs.spec.validation import parse
from shared.lifecycle.create.plan import plan
from shared.meta.openapi import OPERATIONS
from tests.named import exists

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BUILT: frozenset[str] = frozenset({"board", "open", "chat"})
"""First parts of paths that are pages or calls of chat services: in the README, and not operations of the API."""
LONG_LINES = {"CHANGELOG.md"}
"""Pages with longer lines of text."""


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
    """Addresses of the API in a page, as patterns: /api/hubs/{name}/stop; in commands $APP/api/hubs and $API/hubs."""
    found = re.findall(r"(?:(?<![\w.-])/api|\$APP/api|\$API)(/[\w{}/.-]+)", page.read_text())
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


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_body_of_a_command_is_json(page: Path) -> None:
    for body in re.findall(r"-d '([{\[][^']*)'", page.read_text()):
        json.loads(body)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_and_folder_that_a_page_names_exists(page: Path) -> None:
    tops = "|".join(entry.name for entry in ROOT.iterdir() if entry.is_dir())
    named = re.findall(rf"`((?:{tops})/[\w./-]*)`", page.read_text())
    assert [path for path in named if not path.startswith("build/") and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if name(page) not in LONG_LINES], ids=name)
def test_no_line_of_text_is_over_130_characters(page: Path) -> None:
    """Rows of tables cannot be broken, and code not everywhere. What scripts write follows from the code."""
    text = re.sub(r"<!-- Below: .*?(<!-- Above: |\Z)|```.*?```", "", page.read_text(), flags=re.DOTALL)
    assert [line for line in text.splitlines() if len(line) > 130 and not line.startswith(("|", "!["))] == []


def test_the_glossary_has_30_terms_at_most_and_each_once() -> None:
    terms = re.findall(r"^\| (?!term)([\w ]+) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert 15 < len(terms) == len(set(terms)) <= 30


OLD_WORDS = r"\b(memos?|patience|sweeps?|agenda|entrance|brought along|homes|anew|stands? against)\b"
"""Former words for checkpoint, timeout, reconcile, due queue, front, existing, user volumes, again, blocks."""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_pages_use_the_terms_of_the_glossary(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    assert re.findall(OLD_WORDS, text, re.IGNORECASE) == []


def test_the_picture_of_make_run_shows_the_steps_of_its_hub() -> None:
    spec = parse(json.loads((ROOT / "examples/r5.json").read_text()), "westus")
    picture = ET.parse(ROOT / "docs/make-run.svg")  # noqa: S314 - ours
    lines = ["".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    shown = [line.removeprefix("  done  ") for line in lines if line.startswith("  done  ")]
    titles = [step.title for step in plan(spec, "cloudapp.azure.com")]
    assert len(shown) == len(titles)
    assert [line for line, title in zip(shown, titles, strict=True) if not line.startswith(title)] == []


def test_contributing_has_every_target_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)) - {"help"}
    told = set(re.findall(r"`make ([a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    assert told == targets
