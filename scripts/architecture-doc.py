"""Writes the part of docs/architecture.md that shows the packages. --check only compares.

The picture is drawn from the layers in .importlinter, the lines of text are the packages' own docstrings. The page above and below
the two marks is written by hand and stays.
"""

import ast
import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- Below: scripts/architecture-doc.py writes it from .importlinter and the packages. -->\n"
END = "<!-- Above: scripts/architecture-doc.py -->\n"

INSIDE = {"lifecycle": "importlinter:contract:lifecycle", "hubs": "importlinter:contract:hubs"}
"""Packages that are parted further, each with the contract that says so."""


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{PAGE} has not both lines {BEGIN} and {END}")
    written = head + BEGIN + "\n" + "\n".join(section()) + "\n" + END + tail
    if "--check" in arguments:
        return 0 if written == page else 1
    PAGE.write_text(written, encoding="utf-8")
    return 0


def section() -> Iterator[str]:
    order = [name for layer in layers("importlinter:contract:packages") for name in layer if is_package(name)]
    yield from picture()
    yield ""
    for name in order:
        yield from paragraph(name)
        for inner in (inner for layer in layers(INSIDE[name]) for inner in layer) if name in INSIDE else ():
            if is_package(f"{name}.{inner}"):
                yield from paragraph(f"{name}.{inner}")


def picture() -> Iterator[str]:
    """Every package above those that it may use: the next layer, and all below that."""
    drawn = [[name for name in layer if is_package(name)] for layer in layers("importlinter:contract:packages")]
    yield "```mermaid"
    yield "flowchart TD"
    for upper, lower in pairwise([layer for layer in drawn if layer]):
        yield from (f"    {above} --> {below}" for above in upper for below in lower)
    yield "```"


def paragraph(name: str) -> Iterator[str]:
    """The package's docstring, with its name in front: modules and packages that it names are shown as code."""
    text = " ".join(docstring(name).split())
    text = re.sub(r"(?<![\w`])((?:shared\.)?[\w.]+\.(?:py|\w+))(?=[\s,;:)]|\.(?:\s|$))", r"`\1`", text)
    yield f"- **{name.replace('.', '/')}** {text}"


def layers(contract: str) -> list[list[str]]:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return [re.split(r"\s*[|:]\s*", line.strip()) for line in parser[contract]["layers"].strip().splitlines()]


def is_package(name: str) -> bool:
    return (folder(name) / "__init__.py").exists()


def folder(name: str) -> Path:
    return ROOT.joinpath("shared", *name.split("."))


def docstring(name: str) -> str:
    """Ends the program when the package has none."""
    found = ast.get_docstring(ast.parse((folder(name) / "__init__.py").read_text(encoding="utf-8")))
    if not found:
        sys.exit(f"shared.{name} has no docstring")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
