"""Azure Policy: what the subscription's policies deny, and Microsoft.PolicyInsights' preview of it.

The policies are held in `world.table("subscription")["policies"]`: {"items": [{"name", "displayName", "resourceType",
"requireTag": str | None, "allowedLocations": [...] | None}]}; resourceType `*` is every type.
"""

import json
from dataclasses import dataclass

from local.azure.arm.azure import Azure
from local.azure.arm.ids import Target
from local.azure.arm.kinds import tags_of, unknown_type
from local.azure.arm.wire import Answer, Call, Json, Refusal, same, wrapped


@dataclass(frozen=True)
class Violation:
    policy: Json
    expressions: list[Json]


def violations(azure: Azure, kind: str, body: Json) -> list[Violation]:
    """What denies a resource of that type with that location and those tags."""
    found = []
    for policy in azure.setting("policies").get("items", []):
        if not same(policy["resourceType"], kind) and policy["resourceType"] != "*":
            continue
        broken = _broken(policy, body)
        if broken:
            matched = _expression("type", kind, policy["resourceType"], "Equals")
            found.append(Violation(policy, [matched, *broken]))
    return found


def denial(azure: Azure, kind: str, name: str, body: Json) -> Refusal | None:
    """403 RequestDisallowedByPolicy, or None when the resource is fine."""
    found = violations(azure, kind, body)
    if not found:
        return None
    identifiers = [
        {
            "policyAssignment": {"name": one.policy["displayName"], "id": _assignment(azure, one.policy)},
            "policyDefinition": {"name": one.policy["displayName"], "id": _definition(azure, one.policy)},
        }
        for one in found
    ]
    message = (
        f"Resource '{name}' was disallowed by policy. Policy identifiers: "
        f"'{json.dumps(identifiers, separators=(',', ':'))}'."
    )
    infos = [{"type": "PolicyViolation", "info": _info(azure, one)} for one in found]
    return wrapped(403, "RequestDisallowedByPolicy", message, target=name, additionalInfo=infos)


class PolicyInsights:
    namespace = "Microsoft.PolicyInsights"
    types = ("checkPolicyRestrictions",)

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    async def answer(self, call: Call, target: Target) -> Answer:
        if call.method != "POST" or [part.lower() for part in target.rest] != ["checkpolicyrestrictions"]:
            raise unknown_type("/".join((self.namespace, *target.rest[:1])), call)
        content = (call.document.get("resourceDetails") or {}).get("resourceContent") or {}
        if not content.get("type"):
            message = "The 'resourceDetails.resourceContent' of the request needs a type."
            raise wrapped(400, "InvalidCheckRestrictionsRequest", message)
        found = violations(self._azure, content["type"], content)
        evaluations = [_evaluation(self._azure, one) for one in found]
        return Answer(
            200,
            {
                "fieldRestrictions": [_restriction(self._azure, one) for one in self._policies(content["type"])],
                "contentEvaluationResult": {"policyEvaluations": evaluations},
            },
        )

    def _policies(self, kind: str) -> list[Json]:
        items: list[Json] = self._azure.setting("policies").get("items", [])
        return [policy for policy in items if same(policy["resourceType"], kind) or policy["resourceType"] == "*"]


def _broken(policy: Json, body: Json) -> list[Json]:
    found = []
    tag, places = policy.get("requireTag"), policy.get("allowedLocations")
    tags = {name.lower() for name in tags_of(body)}
    if tag and tag.lower() not in tags:
        found.append(_expression(f"tags[{tag}]", None, "false", "Exists"))
    location = str(body.get("location") or "").replace(" ", "").lower()
    if places and location and location not in [place.lower() for place in places]:
        found.append(_expression("location", location, places, "NotIn"))
    return found


def _expression(path: str, value: str | None, target: object, operator: str) -> Json:
    return {
        "result": "True",
        "expressionKind": "Field",
        "expression": path,
        "path": path,
        **({"expressionValue": value} if value is not None else {}),
        "targetValue": target,
        "operator": operator,
    }


def _assignment(azure: Azure, policy: Json) -> str:
    scope = f"/subscriptions/{azure.account['subscriptionId']}"
    return f"{scope}/providers/Microsoft.Authorization/policyAssignments/{policy['name']}"


def _definition(azure: Azure, policy: Json) -> str:
    scope = f"/subscriptions/{azure.account['subscriptionId']}"
    return f"{scope}/providers/Microsoft.Authorization/policyDefinitions/{policy['name']}"


def definition(azure: Azure, name: str) -> Json:
    """A policy as Microsoft.Authorization describes it. Raises Refusal (404)."""
    for item in azure.setting("policies").get("items", []):
        if same(item["name"], name):
            properties = {"displayName": item["displayName"], "policyType": "Custom", "mode": "All", "metadata": {}}
            kind = "Microsoft.Authorization/policyDefinitions"
            return {"id": _definition(azure, item), "name": item["name"], "type": kind, "properties": properties}
    raise wrapped(404, "PolicyDefinitionNotFound", f"The policy definition '{name}' could not be found.")


def _info(azure: Azure, one: Violation) -> Json:
    return {
        "policyDefinitionDisplayName": one.policy["displayName"],
        "evaluationDetails": {"evaluatedExpressions": one.expressions},
        "policyDefinitionId": _definition(azure, one.policy),
        "policyDefinitionName": one.policy["name"],
        "policyDefinitionEffect": "Deny",
        "policyAssignmentId": _assignment(azure, one.policy),
        "policyAssignmentName": one.policy["name"],
        "policyAssignmentDisplayName": one.policy["displayName"],
        "policyAssignmentScope": f"/subscriptions/{azure.account['subscriptionId']}",
        "policyAssignmentParameters": {},
    }


def _evaluation(azure: Azure, one: Violation) -> Json:
    return {
        "policyInfo": {
            "policyDefinitionId": _definition(azure, one.policy),
            "policyAssignmentId": _assignment(azure, one.policy),
        },
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"evaluatedExpressions": one.expressions},
        "effectDetails": {"policyEffect": "Deny"},
    }


def _restriction(azure: Azure, policy: Json) -> Json:
    places, tag = policy.get("allowedLocations"), policy.get("requireTag")
    shown = {
        "policyDefinitionId": _definition(azure, policy),
        "policyAssignmentId": _assignment(azure, policy),
    }
    if places:
        return {"field": "location", "restrictions": [{"result": "Required", "values": places, "policy": shown}]}
    return {"field": f"tags.{tag}", "restrictions": [{"result": "Required", "values": [], "policy": shown}]}
