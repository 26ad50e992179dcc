"""Field numbers of the objects that clients send as protobuf: helm's releases, and what `kubectl create` makes.

They are those of `generated.proto` in the packages of k8s.io/api and k8s.io/apimachinery.
"""

from dataclasses import dataclass, field
from typing import Literal

type Scalar = Literal["text", "bytes", "int", "count", "bool", "flag", "time", "choice"]
"""`count` and `flag`: numbers and booleans that are not told apart from 0 and false. `choice`: an IntOrString."""


@dataclass(frozen=True)
class Field:
    """How one numbered field is read. A map's entries are messages {1: key, 2: value}."""

    name: str
    kind: "Scalar | Message" = "text"
    repeated: bool = False
    mapped: bool = False


@dataclass(frozen=True)
class Message:
    fields: dict[int, Field] = field(default_factory=dict)
    ignored: frozenset[int] = frozenset()
    """What the server fills in itself: a status, times, managed fields."""


def _texts(**numbers: int) -> dict[int, Field]:
    return {number: Field(name) for name, number in numbers.items()}


def _lists(**numbers: int) -> dict[int, Field]:
    return {number: Field(name, repeated=True) for name, number in numbers.items()}


_OWNER = Message(
    _texts(kind=1, name=3, uid=4, apiVersion=5)
    | {6: Field("controller", "bool"), 7: Field("blockOwnerDeletion", "bool")}
)
META = Message(
    _texts(name=1, generateName=2, namespace=3, uid=5, resourceVersion=6)
    | {
        7: Field("generation", "count"),
        8: Field("creationTimestamp", "time"),
        10: Field("deletionGracePeriodSeconds", "int"),
        11: Field("labels", mapped=True),
        12: Field("annotations", mapped=True),
        13: Field("ownerReferences", _OWNER, repeated=True),
        14: Field("finalizers", repeated=True),
    },
    frozenset({4, 9, 17}),
)
_METADATA = {1: Field("metadata", META)}


def _object(*ignored: int, **fields: tuple[int, Message]) -> Message:
    """An object with metadata and other messages."""
    return Message(
        _METADATA | {number: Field(name, shape) for name, (number, shape) in fields.items()}, frozenset(ignored)
    )


_SECRET = Message(
    _METADATA
    | {
        2: Field("data", "bytes", mapped=True),
        3: Field("type"),
        4: Field("stringData", mapped=True),
        5: Field("immutable", "bool"),
    }
)
_CONFIG_MAP = Message(
    _METADATA
    | {2: Field("data", mapped=True), 3: Field("binaryData", "bytes", mapped=True), 4: Field("immutable", "bool")}
)
_ENVIRONMENT = Message(_texts(name=1, value=2))
_CONTAINER_PORT = Message(
    _texts(name=1, protocol=4, hostIP=5) | {2: Field("hostPort", "count"), 3: Field("containerPort", "int")}
)
_CONTAINER = Message(
    _texts(name=1, image=2, workingDir=5, terminationMessagePath=13, imagePullPolicy=14, terminationMessagePolicy=20)
    | _lists(command=3, args=4)
    | {
        6: Field("ports", _CONTAINER_PORT, repeated=True),
        7: Field("env", _ENVIRONMENT, repeated=True),
        8: Field("resources", Message()),
        16: Field("stdin", "flag"),
        17: Field("stdinOnce", "flag"),
        18: Field("tty", "flag"),
    }
)
_POD = Message(
    _texts(restartPolicy=3, dnsPolicy=6, serviceAccountName=8, serviceAccount=9, nodeName=10, hostname=16, subdomain=17)
    | {19: Field("schedulerName"), 24: Field("priorityClassName")}
    | {
        2: Field("containers", _CONTAINER, repeated=True),
        4: Field("terminationGracePeriodSeconds", "int"),
        7: Field("nodeSelector", mapped=True),
        11: Field("hostNetwork", "flag"),
        12: Field("hostPID", "flag"),
        13: Field("hostIPC", "flag"),
    }
)
_TEMPLATE = _object(spec=(2, _POD))
_SELECTOR = Message({1: Field("matchLabels", mapped=True)})
_DEPLOYMENT = Message(
    {
        1: Field("replicas", "int"),
        2: Field("selector", _SELECTOR),
        3: Field("template", _TEMPLATE),
        4: Field("strategy", Message(_texts(type=1))),
        5: Field("minReadySeconds", "count"),
        6: Field("revisionHistoryLimit", "int"),
        7: Field("paused", "flag"),
        9: Field("progressDeadlineSeconds", "int"),
    }
)
_JOB = Message(
    {
        1: Field("parallelism", "int"),
        2: Field("completions", "int"),
        3: Field("activeDeadlineSeconds", "int"),
        4: Field("selector", _SELECTOR),
        5: Field("manualSelector", "bool"),
        6: Field("template", _TEMPLATE),
        7: Field("backoffLimit", "int"),
        8: Field("ttlSecondsAfterFinished", "int"),
    }
)
_SERVICE_PORT = Message(
    _texts(name=1, protocol=2, appProtocol=6)
    | {3: Field("port", "int"), 4: Field("targetPort", "choice"), 5: Field("nodePort", "count")}
)
_SERVICE = Message(
    _texts(clusterIP=3, type=4, sessionAffinity=7, loadBalancerIP=8, externalName=10, externalTrafficPolicy=11)
    | {
        1: Field("ports", _SERVICE_PORT, repeated=True),
        2: Field("selector", mapped=True),
        12: Field("healthCheckNodePort", "count"),
        13: Field("publishNotReadyAddresses", "flag"),
    }
)
_RULE = Message(_lists(verbs=1, apiGroups=2, resources=3, resourceNames=4, nonResourceURLs=5))
_ROLE = Message(_METADATA | {2: Field("rules", _RULE, repeated=True)})
_BINDING = Message(
    _METADATA
    | {
        2: Field("subjects", Message(_texts(kind=1, apiGroup=2, name=3, namespace=4)), repeated=True),
        3: Field("roleRef", Message(_texts(apiGroup=1, kind=2, name=3))),
    }
)
_ASKED = Message(_texts(namespace=1, verb=2, group=3, version=4, resource=5, subresource=6, name=7))
_REVIEW = Message(
    {1: Field("resourceAttributes", _ASKED), 2: Field("nonResourceAttributes", Message(_texts(path=1, verb=2)))}
)
_DELETE = Message(
    {
        1: Field("gracePeriodSeconds", "int"),
        2: Field("preconditions", Message(_texts(uid=1, resourceVersion=2))),
        3: Field("orphanDependents", "bool"),
        4: Field("propagationPolicy"),
        5: Field("dryRun", repeated=True),
    }
)
_TOKEN = Message(_lists(audiences=1) | {4: Field("expirationSeconds", "int")})
_SCALE = Message({1: Field("replicas", "count")})

TYPES = {
    "Secret": _SECRET,
    "ConfigMap": _CONFIG_MAP,
    "Namespace": _object(2, 3),
    "ServiceAccount": _object(2, 3),
    "Deployment": _object(3, spec=(2, _DEPLOYMENT)),
    "Job": _object(3, spec=(2, _JOB)),
    "Service": _object(3, spec=(2, _SERVICE)),
    "Role": _ROLE,
    "ClusterRole": _ROLE,
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "SelfSubjectAccessReview": _object(3, spec=(2, _REVIEW)),
    "SelfSubjectRulesReview": _object(3, spec=(2, Message(_texts(namespace=1)))),
    "SelfSubjectReview": _object(2),
    "TokenRequest": _object(3, spec=(2, _TOKEN)),
    "Eviction": _object(deleteOptions=(2, _DELETE)),
    "Scale": _object(3, spec=(2, _SCALE)),
    "DeleteOptions": _DELETE,
}
