"""Which of the subscription's policies would refuse a resource, asked before it is made."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.rest import Json
from shared.errors import PermanentError
from shared.settings import Settings

API = "2023-03-01"
"""The first version that gives the reason and the effect; 2022-03-01 is otherwise the same."""
DEFINITIONS_API = "2021-06-01"


@dataclass(frozen=True)
class Denial:
    """A refusal to come. policy: display name. field: what it is about ("location", "tags['owner']"), if known.

    allowed: values that would pass, as far as the policy names them.
    """

    policy: str
    reason: str
    field: str | None
    allowed: tuple[str, ...]


@dataclass(frozen=True)
class _Finding:
    definition_id: str
    reason: str
    field: str | None
    allowed: tuple[str, ...]

    @property
    def about(self) -> tuple[str, str]:
        """Policy and field: both halves of the answer may speak of the same, the second with more detail."""
        return self.definition_id.lower(), (_tag(self.field or "") or self.field or "").lower()


class Policies:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._arm = ResourceManager(settings, credential)

    def check_restrictions(self, content: Json, api_version: str) -> list[Denial]:
        """The denials of a resource (request body with `type`, `name`, `location`, `tags`) in the subscription.

        Tags are asked about besides, so that a required tag that is missing counts as a denial.
        """
        path = f"{self._arm.subscription_path}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
        body = {
            "resourceDetails": {"resourceContent": content, "apiVersion": api_version},
            "pendingFields": [{"field": "tags"}],
        }
        _, result, _ = self._arm.post(path, API, body)
        findings = {f.about: f for f in [*denied_fields(result or {}, content), *denied_content(result or {})]}
        return [Denial(self._name(f.definition_id), f.reason, f.field, f.allowed) for f in findings.values()]

    def _name(self, definition_id: str) -> str:
        """The answer names policies by id alone; what people know is the display name."""
        try:
            properties = self._arm.read(definition_id, DEFINITIONS_API).get("properties") or {}
        except PermanentError:
            properties = {}  # not ours to read; the name in the id is better than no denial
        return str(properties.get("displayName") or definition_id.rsplit("/", 1)[-1])


def denied_content(result: Json) -> Iterator[_Finding]:
    """Policies that the content breaks as it is."""
    for evaluation in (result.get("contentEvaluationResult") or {}).get("policyEvaluations") or []:
        if evaluation.get("evaluationResult") != "NonCompliant" or not _denies(evaluation):
            continue
        details = evaluation.get("evaluationDetails") or {}
        expression = _telling(details.get("evaluatedExpressions") or [])
        field = expression.get("path") or expression.get("expression")
        yield _Finding(
            (evaluation.get("policyInfo") or {}).get("policyDefinitionId") or "",
            str(evaluation.get("reason") or details.get("reason") or _in_words(expression)),
            str(field) if field else None,
            _allowed(expression),
        )


def denied_fields(result: Json, content: Json) -> Iterator[_Finding]:
    """Tags that a policy requires and the content lacks. One with a default is filled in by the policy itself."""
    for item in result.get("fieldRestrictions") or []:
        field = str(item.get("field") or "")
        for restriction in item.get("restrictions") or []:
            required = restriction.get("result") == "Required" and not restriction.get("defaultValue")
            values = tuple(str(value) for value in restriction.get("values") or ())
            if required and not _satisfied(field, values, content):
                definition = (restriction.get("policy") or {}).get("policyDefinitionId") or ""
                yield _Finding(definition, str(restriction.get("reason") or f"{field} is required"), field, values)


def _denies(evaluation: Json) -> bool:
    """Later versions of the API report audits too, and say which effect it is."""
    effect = (evaluation.get("effectDetails") or {}).get("policyEffect")
    return effect is None or str(effect).lower() == "deny"


def _telling(expressions: list[Json]) -> Json:
    """The expression that tells what is wrong: most policies test the type first, which is no news."""
    others = [e for e in expressions if str(e.get("path") or e.get("expression") or "").lower() != "type"]
    return (others or expressions or [{}])[0]


def _in_words(expression: Json) -> str:
    field = expression.get("path") or expression.get("expression")
    if not field:
        return "the policy's condition is met"
    if "expressionValue" not in expression:
        return f"{field} is missing"
    return f"{field} is {expression['expressionValue']!r}, which the policy denies"


def _allowed(expression: Json) -> tuple[str, ...]:
    """A denial "unless in a list" names what would pass; any other says only what does not."""
    operator = str(expression.get("operator") or "").lower()
    target = expression.get("targetValue")
    if operator == "notin" and isinstance(target, list):
        return tuple(str(value) for value in target)
    return (str(target),) if operator == "notequals" and target is not None else ()


def _tag(field: str) -> str | None:
    """The tag that a field names in any of Azure Policy's spellings: tags.owner, tags[owner], tags['owner']."""
    return field[4:].strip(".[]'\"") if field.lower().startswith("tags") else None


def _satisfied(field: str, values: tuple[str, ...], content: Json) -> bool:
    name = _tag(field)
    held = (content.get("tags") or {}).get(name) if name else content.get(field)
    return held is not None and (not values or str(held) in values)
