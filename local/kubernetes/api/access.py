"""Who calls the API server, and what they may do: bearer tokens, service account tokens, RBAC."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local.kubernetes.objects.errors import ApiError, forbidden, unauthorized
from local.kubernetes.objects.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, Kind
from local.kubernetes.objects.store import Store, meta
from local.world import Document

MASTERS = "system:masters"


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """One thing that somebody wants to do. `resource` includes a subresource: "pods/log"."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    """A path that is no resource, like "/version"; then only the verb counts besides."""


def _part(data: Document) -> str:
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _signature(key: str, text: str) -> str:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def service_account_token(key: str, account: Document, expires: int, issued: int) -> str:
    """A signed token for a service account (a JWT). Times are virtual seconds since 1970."""
    namespace, name = meta(account)["namespace"], meta(account)["name"]
    claims = {
        "aud": ["https://kubernetes.default.svc.cluster.local"],
        "exp": expires,
        "iat": issued,
        "iss": "https://kubernetes.default.svc.cluster.local",
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": meta(account)["uid"]}},
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{text}.{_signature(key, text)}"


class Authentication:
    """Recognises callers of one cluster by their bearer tokens."""

    def __init__(self, store: Store, key: str, tokens: dict[str, User]) -> None:
        self._store = store
        self._key = key
        self._tokens = tokens

    def user(self, authorization: str) -> User:
        """Raises ApiError 401."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        for known, user in self._tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return user
        return self._service_account(token.strip())

    def _service_account(self, token: str) -> User:
        text, _, signature = token.rpartition(".")
        if not text or not hmac.compare_digest(_signature(self._key, text).encode(), signature.encode()):
            raise unauthorized()
        payload = text.partition(".")[2]
        claims: Document = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        bound = claims["kubernetes.io"]
        account = self._store.get(SERVICE_ACCOUNT, bound["namespace"], bound["serviceaccount"]["name"])
        if account is None or meta(account)["uid"] != bound["serviceaccount"]["uid"]:
            raise unauthorized()
        namespace = bound["namespace"]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(claims["sub"], groups, meta(account)["uid"])


def _subject_is(subject: Document, user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
    return user.name == name if kind == "User" else name in user.groups


def _covers(listed: list[str] | None, value: str) -> bool:
    return "*" in (listed or []) or value in (listed or [])


def _allows(rule: Document, action: Action) -> bool:
    if not _covers(rule.get("verbs"), action.verb):
        return False
    if action.path:
        paths = rule.get("nonResourceURLs") or []
        return any(path in ("*", action.path) or _under(path, action.path) for path in paths)
    if not _covers(rule.get("apiGroups"), action.group):
        return False
    resources = rule.get("resources")
    wildcard = f"*/{action.resource.partition('/')[2]}"
    if not _covers(resources, action.resource) and wildcard not in (resources or []):
        return False
    names = rule.get("resourceNames") or []
    return not names or action.name in names


def _under(pattern: str, path: str) -> bool:
    return pattern.endswith("*") and path.startswith(pattern[:-1])


class Authorization:
    """Role-based access control over one cluster's roles and bindings."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, user: User, namespace: str) -> Iterator[Document]:
        """Every rule that applies to a user in a namespace ("": cluster-wide only)."""
        for binding in self._store.all(CLUSTER_ROLE_BINDING):
            if any(_subject_is(one, user, "") for one in binding.get("subjects") or []):
                yield from self._role(binding, "")
        for binding in self._store.all(ROLE_BINDING, namespace) if namespace else []:
            if any(_subject_is(one, user, namespace) for one in binding.get("subjects") or []):
                yield from self._role(binding, namespace)

    def _role(self, binding: Document, namespace: str) -> list[Document]:
        reference = binding["roleRef"]
        kind = ROLE if reference["kind"] == "Role" else CLUSTER_ROLE
        role = self._store.get(kind, namespace, reference["name"])
        return (role.get("rules") or []) if role else []

    def allowed(self, user: User, action: Action) -> bool:
        if MASTERS in user.groups:
            return True
        return any(_allows(rule, action) for rule in self.rules(user, action.namespace))

    def check(self, user: User, action: Action, kind: Kind | None = None) -> None:
        """Raises ApiError 403."""
        if self.allowed(user, action):
            return
        if kind is None:
            message = f'forbidden: User "{user.name}" cannot {action.verb} path "{action.path}"'
            raise ApiError(403, "Forbidden", message, {})
        where = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
        why = (
            f'User "{user.name}" cannot {action.verb} resource "{action.resource}" '
            f'in API group "{action.group}" {where}'
        )
        raise forbidden(kind, action.name, why)


def review(authorization: Authorization, user: User, kind: str, body: Document) -> Document:
    """Answers an access review: the object back with its status."""
    spec: Document = body.get("spec") or {}
    if kind == "SelfSubjectReview":
        info = {"username": user.name, "groups": list(user.groups), "uid": user.uid}
        return {**body, "status": {"userInfo": info}}
    if kind == "SelfSubjectRulesReview":
        return {**body, "spec": spec, "status": _rules_status(authorization, user, spec.get("namespace", ""))}
    if kind != "SelfSubjectAccessReview":
        user = User(spec.get("user", ""), tuple(spec.get("groups") or []))
    allowed = authorization.allowed(user, _action(spec))
    status: Document = {"allowed": allowed}
    if not allowed:
        status["reason"] = ""
    return {**body, "spec": spec, "status": status}


def _action(spec: Document) -> Action:
    if path := spec.get("nonResourceAttributes"):
        return Action(path.get("verb", ""), path=path.get("path", ""))
    asked: dict[str, Any] = spec.get("resourceAttributes") or {}
    resource = asked.get("resource", "")
    if asked.get("subresource"):
        resource += f"/{asked['subresource']}"
    names = ("verb", "group", "namespace", "name")
    return Action(resource=resource, **{name: asked.get(name, "") for name in names})


def _rules_status(authorization: Authorization, user: User, namespace: str) -> Document:
    rules = list(authorization.rules(user, namespace))
    if MASTERS in user.groups:
        rules.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
        rules.append({"verbs": ["*"], "nonResourceURLs": ["*"]})
    return {
        "resourceRules": [rule for rule in rules if "resources" in rule],
        "nonResourceRules": [rule for rule in rules if "nonResourceURLs" in rule],
        "incomplete": False,
    }
