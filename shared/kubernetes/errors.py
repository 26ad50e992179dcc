"""What Helm, Kubernetes and JupyterHub say when they refuse, translated into the product's two kinds of failure.

The only place that knows their words: helm answers in prose on stderr, Kubernetes with a Status object, JupyterHub with
{"status", "message"}. Messages are theirs, without anything secret: see `Redaction`.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError

HELM = "Helm"
KUBERNETES = "Kubernetes"
JUPYTERHUB = "JupyterHub"
REPOSITORY = "Chart repository"

MASK = "•••"
SHORTEST_MASKED = 7
"""Characters from which a value is masked: shorter ones ("true", "8081", "hub") are words of the messages."""

_CREDENTIAL = re.compile(r"\b(?:token|password|client-(?:key|certificate)-data)['\"]?:\s*['\"]?([^\s'\"{}\[\],]+)")


class Redaction:
    """Masks what must not be repeated: every string that stood in a chart's values, and a kubeconfig's credentials.

    A secret can come back in another dress, so a value is also looked for line by line, as JSON or Go would quote it,
    and in base64 (as it stands in a Kubernetes Secret).
    """

    def __init__(self, values: Mapping[str, Any] | None = None, kubeconfig: str = "") -> None:
        found = set(_strings(values or {})) | set(_CREDENTIAL.findall(kubeconfig))
        forms = {form for text in found for form in _forms(text) if len(form) >= SHORTEST_MASKED}
        self._pattern = (
            re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))) if forms else None
        )

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _forms(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield base64.b64encode(text.encode()).decode()
    if "\n" in text:
        yield from (line.strip() for line in text.splitlines())


# helm, in the order in which the phrases are looked for: the first that occurs decides. Lower case on both sides,
# because Helm 4 writes "kubernetes cluster unreachable" where Helm 3 wrote "Kubernetes cluster unreachable".
_HELM: tuple[tuple[str, type[OutsideError], str], ...] = (
    (r"another operation \(install/upgrade/rollback\) is in progress", TemporaryError, "ReleasePending"),
    (r"is not a valid chart repository.*: 40[0-9] ", NotFoundError, "RepositoryNotFound"),
    (r"is not a valid chart repository or cannot be reached", TemporaryError, "RepositoryUnreachable"),
    (r"chart \S+ (version \S+ )?not found in ", NotFoundError, "ChartNotFound"),
    (r"no chart (name|version) found for", NotFoundError, "ChartNotFound"),
    (r"failed to fetch \S+ : 404 ", NotFoundError, "ChartNotFound"),
    (r"failed to fetch \S+ : ", TemporaryError, "RepositoryUnreachable"),
    (r"which is incompatible with kubernetes", PermanentError, "KubernetesVersionRefused"),
    (r"values don't meet the specifications of the schema", PermanentError, "ValuesRefused"),
    (
        r"execution error at \(|failed to parse -:|yaml parse error on|error calling \w+:",
        PermanentError,
        "ValuesRefused",
    ),
    (r"the server has asked for the client to provide credentials|: unauthorized", PermanentError, "Unauthorized"),
    (r"is forbidden: |: forbidden", PermanentError, "Forbidden"),
    (r"cluster unreachable", TemporaryError, "ClusterUnreachable"),
    (r"dial tcp|connection re(fused|set)|broken pipe|no such host|i/o timeout|\beof\b", TemporaryError, "NoAnswer"),
    (r"tls: |x509: |client\.timeout|tls handshake timeout|http2: |stream error", TemporaryError, "NoAnswer"),
    (r"timed out waiting for the condition|context deadline exceeded", TemporaryError, "HelmTimeout"),
    (r"context canceled|has been cancelled", TemporaryError, "HelmTimeout"),
    # Helm passes on neither status nor reason of an answer: these are client-go's and the API server's own words.
    (r"an error on the server \(|internal ?error|etcdserver:", TemporaryError, "ServerError"),
    (r"unable to return a response in|currently unable to handle|serviceunavailable", TemporaryError, "ServerError"),
    (r"too ?many ?requests|failed calling webhook|server reported a conflict", TemporaryError, "ServerBusy"),
    (r"the object has been modified|operation cannot be fulfilled", TemporaryError, "ServerBusy"),
    (r"object is being deleted|because it is being terminated", TemporaryError, "ServerBusy"),
    (r"invalid ownership metadata|resource that already exists", ConflictError, "ResourceExists"),
    (r"release: not found", NotFoundError, "ReleaseNotFound"),
)
_HELM_PATTERNS = tuple((re.compile(pattern), kind, code) for pattern, kind, code in _HELM)
_PREAMBLE = re.compile(
    r".*values don't meet the specifications of the schema\(s\) in the following chart\(s\):\s*", re.DOTALL
)


def helm_error(stderr: str, redact: Redaction) -> OutsideError:
    """What helm's stderr means. Permanent with code HelmFailed when its words are not known."""
    text = _helm_message(stderr)
    # A template may ask the API server: what that answers is no fault of the values, though it ends the rendering.
    lowered = text.lower().rpartition("error calling lookup: ")[2]
    for pattern, kind, code in _HELM_PATTERNS:
        if pattern.search(lowered):
            return kind(HELM, code, redact(_readable(text, code)))
    return PermanentError(HELM, "HelmFailed", redact(text) or "helm failed and said nothing")


def helm_overdue(seconds: float) -> TemporaryError:
    return TemporaryError(HELM, "HelmTimeout", f"helm was stopped because it had not finished after {seconds:.0f} s")


def _helm_message(stderr: str) -> str:
    """Helm's error without its warnings, log lines (Helm 4) and hints to a person at a terminal."""
    _, mark, rest = stderr.rpartition("\nError: ") if "\nError: " in stderr else stderr.partition("Error: ")
    text = rest if mark else stderr
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith(("Use --debug", "level=", "time="))).strip()


def _readable(text: str, code: str) -> str:
    if code != "ValuesRefused":
        return text
    complaint = _PREAMBLE.sub("", text)
    lines = [line.strip().removeprefix("- ") for line in complaint.splitlines() if line.strip()]
    return "the chart refuses these values: " + "; ".join(lines).replace(":; ", ": ")  # "CHART:" is a line of its own


def kubernetes_error(status: int, body: bytes | str, headers: Mapping[str, str] | None = None) -> OutsideError:
    """An answer of the API server that is not 2xx. Its body is a Status object, or a proxy's page."""
    answer = _json_object(body)
    code = str(answer.get("reason") or f"Http{status}")
    message = str(answer.get("message") or f"the API server answered {status}")
    return _by_status(KUBERNETES, status, code, message, headers or {}, answer.get("details"))


def jupyterhub_error(status: int, body: bytes | str, headers: Mapping[str, str] | None = None) -> OutsideError:
    """An answer of the hub's REST API that is not 2xx. 503 comes from the proxy while the hub is away."""
    message = str(_json_object(body).get("message") or f"the hub answered {status}")
    return _by_status(JUPYTERHUB, status, f"Http{status}", message, headers or {})


def repository_error(status: int) -> OutsideError:
    """An answer of a chart repository, asked for its index, that is not 200."""
    code = "RepositoryNotFound" if status == 404 else "RepositoryUnreachable"
    return _by_status(REPOSITORY, status, code, f"the repository answered {status} for its index.yaml", {})


def unreachable(system: str, error: Exception) -> TemporaryError:
    """No answer: refused, reset, timed out, no such host, or TLS failed. The innermost cause says most."""
    cause: BaseException = error
    while (inner := _inner(cause)) is not None:
        cause = inner
    return TemporaryError(system, "NoAnswer", f"{type(cause).__name__}: {cause}".rstrip(": "))


def not_json(system: str) -> TemporaryError:
    """A 2xx answer that is not what was asked for: a proxy's or portal's page in between."""
    return TemporaryError(system, "NotJson", "the answer is not JSON; something else answered in its place")


def _by_status(
    system: str, status: int, code: str, message: str, headers: Mapping[str, str], details: object = None
) -> OutsideError:
    if status in (408, 410, 425, 429) or status >= 500:
        wait = _retry_after(headers)
        return TemporaryError(system, code, message, status=status, details=details, retry_after=wait)
    kind = {404: NotFoundError, 409: ConflictError, 412: ConflictError}.get(status, PermanentError)
    return kind(system, code, message, status=status, details=details)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. The HTTP-date form is not used by either system and is left out."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(text) if text.isdigit() else None


def _json_object(body: bytes | str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _inner(error: BaseException) -> BaseException | None:
    """What urllib3's and requests' wrappers hold: `reason` (MaxRetryError), an exception as argument, or the cause."""
    candidates: Iterable[object] = (getattr(error, "reason", None), *error.args, error.__cause__)
    return next((item for item in candidates if isinstance(item, BaseException) and item is not error), None)
