"""The part of OData's $filter that Microsoft Graph and the retail price list share: a small language of conditions.

clause    = name "eq" string | name "ne" string | function "(" name "," string ")"
          | name "/any(" x ":" x "eq" string ")" | "(" filter ")"
filter    = clauses joined by "and" and "or", "and" binding tighter
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

type Condition = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w/]*|\d[\w.]*)|(?P<mark>[(),:]))")


class FilterError(Exception):
    """The filter is not of the language, or uses what the service does not offer."""


@dataclass(frozen=True)
class Dialect:
    """What one service allows. `any_of`: collections that may be asked with /any; `most`: comparisons in one filter."""

    properties: frozenset[str]
    functions: frozenset[str]
    any_of: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset({"eq"})
    most: int = 100
    case_sensitive: bool = True


def parse(text: str, dialect: Dialect) -> Condition:
    """The condition that a filter states. Raises FilterError."""
    return _Parser(_tokens(text), dialect).all()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError(f"unexpected character at position {position}")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind]))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], dialect: Dialect) -> None:
        self._tokens = tokens
        self._dialect = dialect
        self._position = 0
        self._comparisons = 0

    def all(self) -> Condition:
        condition = self._either()
        if self._position < len(self._tokens):
            raise FilterError(f"unexpected {self._tokens[self._position][1]}")
        return condition

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._at("or"):
            parts.append(self._both())
        return lambda row: any(part(row) for part in parts)

    def _both(self) -> Condition:
        parts = [self._clause()]
        while self._at("and"):
            parts.append(self._clause())
        return lambda row: all(part(row) for part in parts)

    def _clause(self) -> Condition:
        if self._at("("):
            inner = self._either()
            self._expect(")")
            return inner
        self._comparisons += 1
        if self._comparisons > self._dialect.most:
            raise FilterError(f"more than {self._dialect.most} comparisons")
        word = self._take("word")
        if word in self._dialect.functions:
            return self._function(word)
        if word.endswith("/any"):
            return self._any(word.removesuffix("/any"))
        return self._comparison(self._property(word))

    def _function(self, function: str) -> Condition:
        self._expect("(")
        name = self._property(self._take("word"))
        self._expect(",")
        wanted = self._string()
        self._expect(")")
        test = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}[function]
        return lambda row: bool(test(self._text(row, name), wanted))

    def _any(self, name: str) -> Condition:
        if name not in self._dialect.any_of:
            raise FilterError(f"{name} cannot be asked with any")
        self._expect("(")
        variable = self._take("word")
        self._expect(":")
        if self._take("word") != variable or self._take("word") != "eq":
            raise FilterError("any wants (x:x eq 'value')")
        wanted = self._string()
        self._expect(")")
        return lambda row: wanted in [self._fold(str(item)) for item in row.get(name) or []]

    def _comparison(self, name: str) -> Condition:
        operator = self._take("word")
        if operator not in self._dialect.operators:
            raise FilterError(f"operator {operator} is not supported")
        if (literal := self._literal()) is not None:
            return lambda row: (row.get(name) == literal) is (operator == "eq")
        wanted = self._string()
        return lambda row: (self._text(row, name) == wanted) is (operator == "eq")

    def _literal(self) -> bool | None:
        for word, value in (("true", True), ("false", False)):
            if self._at(word):
                return value
        return None

    def _property(self, name: str) -> str:
        if name not in self._dialect.properties:
            raise FilterError(f"property {name} is not known or cannot be filtered")
        return name

    def _string(self) -> str:
        return self._fold(self._take("string")[1:-1].replace("''", "'"))

    def _text(self, row: Mapping[str, Any], name: str) -> str:
        return self._fold(str(row.get(name) or ""))

    def _fold(self, text: str) -> str:
        return text if self._dialect.case_sensitive else text.casefold()

    def _at(self, text: str) -> bool:
        if self._position < len(self._tokens) and self._tokens[self._position][1] == text:
            self._position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._at(text):
            raise FilterError(f"{text} is missing")

    def _take(self, kind: str) -> str:
        if self._position >= len(self._tokens) or self._tokens[self._position][0] != kind:
            raise FilterError(f"a {kind} is missing")
        self._position += 1
        return self._tokens[self._position - 1][1]
