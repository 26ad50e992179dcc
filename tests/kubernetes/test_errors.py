"""What Helm, Kubernetes and JupyterHub say, and which kind of failure it is."""

import pytest

from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.kubernetes.errors import (
    KUBERNETES,
    Redaction,
    helm_error,
    jupyterhub_error,
    kubernetes_error,
    repository_error,
    unreachable,
)

REPOSITORY = "https://charts.example/"
UNFIT = f'Error: looks like "{REPOSITORY}" is not a valid chart repository or cannot be reached'


@pytest.mark.parametrize(
    ("stderr", "kind", "code"),
    [
        (
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            TemporaryError,
            "ReleasePending",
        ),
        (
            'Error: Kubernetes cluster unreachable: Get "https://x/version": dial tcp: connection refused',
            TemporaryError,
            "ClusterUnreachable",
        ),
        ('Error: kubernetes cluster unreachable: Get "https://x": EOF', TemporaryError, "ClusterUnreachable"),
        ("Error: Post x: net/http: TLS handshake timeout", TemporaryError, "NoAnswer"),
        ("Error: Get x: tls: failed to verify certificate: x509: unknown authority", TemporaryError, "NoAnswer"),
        ("Error: read tcp 10.0.0.1:443: connection reset by peer", TemporaryError, "NoAnswer"),
        ("Error: UPGRADE FAILED: context deadline exceeded", TemporaryError, "HelmTimeout"),
        ("Error: INSTALLATION FAILED: timed out waiting for the condition", TemporaryError, "HelmTimeout"),
        (
            "Error: Internal error occurred: resource quota evaluation timed out",
            TemporaryError,
            "ServerError",
        ),
        ("Error: the server is currently unable to handle the request", TemporaryError, "ServerError"),
        ("Error: etcdserver: leader changed", TemporaryError, "ServerError"),
        ('Error: an error on the server ("unknown") has prevented the request', TemporaryError, "ServerError"),
        ("Error: the server was unable to return a response in the time allotted", TemporaryError, "ServerError"),
        ("Error: Operation cannot be fulfilled on x: the object has been modified", TemporaryError, "ServerBusy"),
        ('Error: query: failed to query with labels: Get "https://x/api": EOF', TemporaryError, "NoAnswer"),
        (
            "Error: the server has received too many requests and has asked us to try again",
            TemporaryError,
            "ServerBusy",
        ),
        (
            (
                "Error: template: hub/secret.yaml:1:2: error calling include: template: x: error calling lookup: "
                'Get "https://x/secrets/hub": read tcp 10.0.0.1: connection reset by peer'
            ),
            TemporaryError,
            "NoAnswer",
        ),
        (
            'Error: object is being deleted: persistentvolumeclaims "hub-db-dir" already exists',
            TemporaryError,
            "ServerBusy",
        ),
        (f'Error: chart "x" not found in {REPOSITORY} repository', NotFoundError, "ChartNotFound"),
        (f'Error: chart "x" version "9" not found in {REPOSITORY} repository', NotFoundError, "ChartNotFound"),
        (
            f"{UNFIT}: failed to fetch {REPOSITORY}index.yaml : 404 Not Found",
            NotFoundError,
            "RepositoryNotFound",
        ),
        (
            f"{UNFIT}: failed to fetch {REPOSITORY}index.yaml : 503 Service Unavailable",
            TemporaryError,
            "RepositoryUnreachable",
        ),
        (
            f'{UNFIT}: Get "x": dial tcp',
            TemporaryError,
            "RepositoryUnreachable",
        ),
        (f"Error: failed to fetch {REPOSITORY}x.tgz : 404 Not Found", NotFoundError, "ChartNotFound"),
        (f"Error: failed to fetch {REPOSITORY}x.tgz : 502 Bad Gateway", TemporaryError, "RepositoryUnreachable"),
        (
            "Error: chart requires kubeVersion: >=1.28.0-0 which is incompatible with Kubernetes v1.20.0",
            PermanentError,
            "KubernetesVersionRefused",
        ),
        ("Error: execution error at (x/NOTES.txt:1:2): contactEmail missing", PermanentError, "ValuesRefused"),
        (
            'Error: secrets is forbidden: User "u" cannot list resource "secrets" in API group ""',
            PermanentError,
            "Forbidden",
        ),
        ("Error: the server has asked for the client to provide credentials", PermanentError, "Unauthorized"),
        (
            "Error: Unable to continue with install: invalid ownership metadata; label validation error",
            ConflictError,
            "ResourceExists",
        ),
        ("Error: release: not found", NotFoundError, "ReleaseNotFound"),
        ("Error: something nobody has seen", PermanentError, "HelmFailed"),
        ("", PermanentError, "HelmFailed"),
    ],
)
def test_helms_words_have_a_meaning(stderr: str, kind: type[OutsideError], code: str) -> None:
    error = helm_error(stderr, Redaction())
    assert (type(error), error.code) == (kind, code)


def test_helms_warnings_and_hints_are_left_out() -> None:
    stderr = (
        "WARNING: Kubernetes configuration file is group-readable\n"
        "level=WARN msg=hm\nError: it broke\nbadly\n\nUse --debug flag to render out invalid YAML\n"
    )
    assert helm_error(stderr, Redaction()).message == "it broke\nbadly"


def test_short_values_are_words_of_the_message_and_stay() -> None:
    assert Redaction({"a": "true", "b": ["hub"]})("hub: true") == "hub: true"


def test_the_longest_form_is_masked_first() -> None:
    assert Redaction({"a": "password", "b": "password-of-ada"})("x password-of-ada y") == "x ••• y"


def test_a_value_is_recognised_in_quotes_of_its_own() -> None:
    assert "s3cret" not in Redaction({"a": 's3cret"with"quotes'})('bad: "s3cret\\"with\\"quotes"')


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PermanentError),
        (401, PermanentError),
        (403, PermanentError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, TemporaryError),
        (422, PermanentError),
        (429, TemporaryError),
        (500, TemporaryError),
        (503, TemporaryError),
        (504, TemporaryError),
    ],
)
def test_statuses_have_the_same_meaning_everywhere(status: int, kind: type[OutsideError]) -> None:
    assert type(kubernetes_error(status, b"")) is kind
    assert type(jupyterhub_error(status, b"")) is kind
    assert type(repository_error(status)) is kind


def test_a_status_object_gives_reason_and_message() -> None:
    error = kubernetes_error(403, b'{"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403}')
    assert (error.system, error.code, error.message, error.status) == ("Kubernetes", "Forbidden", "no", 403)


def test_a_wait_asked_for_is_kept() -> None:
    error = kubernetes_error(429, b"", {"Retry-After": "7"})
    assert isinstance(error, TemporaryError)
    assert error.retry_after == 7


def test_a_page_of_a_proxy_is_not_taken_for_a_message() -> None:
    assert jupyterhub_error(503, b"<html>secret page</html>").message == "the hub answered 503"


def test_no_answer_is_told_by_its_innermost_cause() -> None:
    outer = RuntimeError("wrapped", ConnectionRefusedError(111, "Connection refused"))
    assert unreachable(KUBERNETES, outer).message == "ConnectionRefusedError: [Errno 111] Connection refused"
