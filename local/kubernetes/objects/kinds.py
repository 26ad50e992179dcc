"""The kinds of objects that the emulated API server keeps: names, scope, verbs, subresources."""

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Kind:
    """One resource type in the one version that is served."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    generation: bool = False
    """The server counts changes of the spec in `metadata.generation`."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Name with group, as in messages and RBAC: "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        return self.kind.lower()


STATUS = ("status",)
SCALE = ("status", "scale")
EVERYTHING = ("all",)

NAMESPACE = Kind("", "v1", "Namespace", "namespaces", False, ("ns",), (), ("status", "finalize"))
NODE = Kind("", "v1", "Node", "nodes", False, ("no",), (), STATUS)
POD_PARTS = ("status", "log", "eviction", "binding", "portforward")
POD = Kind("", "v1", "Pod", "pods", True, ("po",), EVERYTHING, POD_PARTS, ALL_VERBS, True)
SERVICE = Kind("", "v1", "Service", "services", True, ("svc",), EVERYTHING, STATUS)
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", True, ("ep",))
SECRET = Kind("", "v1", "Secret", "secrets")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True, ("cm",))
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", True, ("sa",), (), ("token",))
VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", False, ("pv",), (), STATUS)
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, ("pvc",), (), STATUS)
EVENT = Kind("", "v1", "Event", "events", True, ("ev",))
QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas", True, ("quota",), (), STATUS)
LIMITS = Kind("", "v1", "LimitRange", "limitranges", True, ("limits",))
REPLICATION = Kind("", "v1", "ReplicationController", "replicationcontrollers", True, ("rc",), EVERYTHING, STATUS)
POD_TEMPLATE = Kind("", "v1", "PodTemplate", "podtemplates")

DEPLOYMENT = Kind(
    "apps", "v1", "Deployment", "deployments", True, ("deploy",), EVERYTHING, SCALE, ALL_VERBS, generation=True
)
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), EVERYTHING, SCALE, ALL_VERBS, True)
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), EVERYTHING, SCALE, ALL_VERBS, True)
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), EVERYTHING, STATUS, ALL_VERBS, True)
REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")

JOB = Kind("batch", "v1", "Job", "jobs", True, (), EVERYTHING, STATUS, ALL_VERBS, True)
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs", True, ("cj",), EVERYTHING, STATUS, ALL_VERBS, True)

AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), EVERYTHING, STATUS
)
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",), generation=True)
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses", True, ("ing",), (), STATUS, ALL_VERBS, True)
INGRESS_CLASS = Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False)
DISRUPTION_BUDGET = Kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), (), STATUS, ALL_VERBS, True
)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False)
STORAGE_CLASS = Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, ("sc",))
VOLUME_ATTACHMENT = Kind("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", False, (), (), STATUS)
CSI_DRIVER = Kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False)
PRIORITY_CLASS = Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",))
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
VALIDATING_WEBHOOK = Kind(
    "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False
)
MUTATING_WEBHOOK = Kind(
    "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False
)
CUSTOM_RESOURCE = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False, ("crd",), (), STATUS
)

STORED = (
    *(NAMESPACE, NODE, POD, SERVICE, ENDPOINTS, SECRET, CONFIG_MAP, SERVICE_ACCOUNT, VOLUME, CLAIM, EVENT, QUOTA),
    *(LIMITS, REPLICATION, POD_TEMPLATE, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, REVISION, JOB, CRON_JOB),
    *(AUTOSCALER, NETWORK_POLICY, INGRESS, INGRESS_CLASS, DISRUPTION_BUDGET, ROLE, ROLE_BINDING, CLUSTER_ROLE),
    *(CLUSTER_ROLE_BINDING, STORAGE_CLASS, VOLUME_ATTACHMENT, CSI_DRIVER, PRIORITY_CLASS, LEASE, ENDPOINT_SLICE),
    *(VALIDATING_WEBHOOK, MUTATING_WEBHOOK, CUSTOM_RESOURCE),
)

ONLY_CREATE = ("create",)
REVIEWS = (
    Kind("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=ONLY_CREATE),
    Kind("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=ONLY_CREATE),
    Kind("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=ONLY_CREATE),
    Kind("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=ONLY_CREATE),
    Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=ONLY_CREATE),
    Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False, verbs=ONLY_CREATE),
)
"""Questions that are answered, not kept."""

KINDS = {(kind.group, kind.plural): kind for kind in (*STORED, *REVIEWS)}
BY_KIND = {(kind.api_version, kind.kind): kind for kind in (*STORED, *REVIEWS)}
