"""JupyterHub's configuration, made from the chart's values (z2jh.py beside this file reads them)."""

import os
import sys
from pathlib import Path
from typing import Any

c: Any = get_config()  # noqa: F821 - traitlets puts get_config into this namespace

sys.path.insert(0, str(Path(__file__).resolve().parent))
from z2jh import (  # type: ignore[import-not-found] # noqa: E402 - on the path only from here on
    get_config,
    get_name,
    get_name_env,
    get_secret_value,
    set_config_if_not_none,
)

NODE_PURPOSE = {"matchExpressions": [{"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}]}
SEEDED = {"JupyterHub": ["cookie_secret", "proxy_auth_token", "services"], "CryptKeeper": ["keys"]}
SEEDED["ConfigurableHTTPProxy"] = ["auth_token"]

HUB = {
    "JupyterHub": {
        "base_url": "baseUrl",
        "concurrent_spawn_limit": "concurrentSpawnLimit",
        "active_server_limit": "activeServerLimit",
        "allow_named_servers": "allowNamedServers",
        "named_server_limit_per_user": "namedServerLimitPerUser",
        "authenticate_prometheus": "authenticatePrometheus",
        "redirect_to_server": "redirectToServer",
        "shutdown_on_logout": "shutdownOnLogout",
        "template_paths": "templatePaths",
        "template_vars": "templateVars",
    },
    "Spawner": {"consecutive_failure_limit": "consecutiveFailureLimit"},
}

SINGLEUSER = {
    "cmd": "cmd",
    "default_url": "defaultUrl",
    "start_timeout": "startTimeout",
    "pod_name_template": "podNameTemplate",
    "image_pull_policy": "image.pullPolicy",
    "events_enabled": "events",
    "extra_labels": "extraLabels",
    "extra_annotations": "extraAnnotations",
    "extra_containers": "extraContainers",
    "extra_pod_config": "extraPodConfig",
    "init_containers": "initContainers",
    "lifecycle_hooks": "lifecycleHooks",
    "environment": "extraEnv",
    "profile_list": "profileList",
    "uid": "uid",
    "fs_gid": "fsGid",
    "service_account": "serviceAccountName",
    "node_selector": "nodeSelector",
    "node_affinity_required": "extraNodeAffinity.required",
    "node_affinity_preferred": "extraNodeAffinity.preferred",
    "pod_affinity_required": "extraPodAffinity.required",
    "pod_affinity_preferred": "extraPodAffinity.preferred",
    "pod_anti_affinity_required": "extraPodAntiAffinity.required",
    "pod_anti_affinity_preferred": "extraPodAntiAffinity.preferred",
    "mem_limit": "memory.limit",
    "mem_guarantee": "memory.guarantee",
    "cpu_limit": "cpu.limit",
    "cpu_guarantee": "cpu.guarantee",
    "extra_resource_limits": "extraResource.limits",
    "extra_resource_guarantees": "extraResource.guarantees",
    "storage_extra_labels": "storage.extraLabels",
    "storage_capacity": "storage.capacity",
    "storage_class": "storage.dynamic.storageClass",
    "storage_access_modes": "storage.dynamic.storageAccessModes",
    "pvc_name_template": "storage.dynamic.pvcNameTemplate",
}


def configure_hub() -> None:
    """Where the hub listens and keeps its records, and what hub.* sets."""
    c.JupyterHub.hub_bind_url = "http://:8081"
    c.JupyterHub.hub_connect_url = f"http://{get_name('hub')}:{get_name_env('hub', '_SERVICE_PORT')}"
    c.JupyterHub.cleanup_servers = False  # users' servers outlive a restart of the hub
    c.JupyterHub.last_activity_interval = 60
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://{get_name('proxy-api')}:{get_name_env('proxy-api', '_SERVICE_PORT')}"
    databases = {"sqlite-pvc": "sqlite:///jupyterhub.sqlite", "sqlite-memory": "sqlite://"}
    c.JupyterHub.db_url = databases.get(get_config("hub.db.type"), get_config("hub.db.url"))
    password = get_secret_value("hub.db.password", None)
    if password is not None:
        os.environ["MYSQL_PWD" if get_config("hub.db.type") == "mysql" else "PGPASSWORD"] = password
    for section, traits in HUB.items():
        for trait, key in traits.items():
            set_config_if_not_none(c[section], trait, f"hub.{key}")
    c.JupyterHub.cookie_secret = get_secret_value("hub.config.JupyterHub.cookie_secret")
    c.CryptKeeper.keys = get_secret_value("hub.config.CryptKeeper.keys").split(";")
    if get_config("debug.enabled"):
        c.JupyterHub.log_level = "DEBUG"
        c.Spawner.debug = True


def configure_spawner() -> None:
    """Users' pods: image, resources, labels, scheduling."""
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    spawner = c.KubeSpawner
    spawner.namespace = os.environ["POD_NAMESPACE"]
    spawner.common_labels = common_labels()
    for trait, key in SINGLEUSER.items():
        set_config_if_not_none(spawner, trait, f"singleuser.{key}")
    spawner.image = f"{get_config('singleuser.image.name')}:{get_config('singleuser.image.tag')}"
    spawner.allow_privilege_escalation = get_config("singleuser.allowPrivilegeEscalation")
    spawner.image_pull_secrets = pull_secrets()
    spawner.tolerations = [*get_config("scheduling.userPods.tolerations"), *get_config("singleuser.extraTolerations")]
    if get_config("scheduling.userScheduler.enabled"):
        spawner.scheduler_name = get_name("user-scheduler")
    if get_config("scheduling.podPriority.enabled"):
        spawner.priority_class_name = get_name("priority")
    purpose = get_config("scheduling.userPods.nodeAffinity.matchNodePurpose")
    if purpose == "prefer":
        spawner.node_affinity_preferred.append({"weight": 100, "preference": NODE_PURPOSE})
    elif purpose == "require":
        spawner.node_affinity_required.append(NODE_PURPOSE)
    if get_config("singleuser.cloudMetadata.blockWithIptables"):
        spawner.init_containers.append(metadata_block())


def common_labels() -> dict[str, str]:
    app, release = get_config("nameOverride") or get_config("Chart.Name"), get_config("Release.Name")
    chart = f"{get_config('Chart.Name')}-{get_config('Chart.Version')}"
    return {
        "app": app,
        "release": release,
        "chart": chart,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": release,
        "helm.sh/chart": chart,
        "app.kubernetes.io/managed-by": "kubespawner",
    }


def pull_secrets() -> list[Any]:
    own = get_config("imagePullSecret")
    created = [get_name("image-pull-secret")] if own["create"] and own["automaticReferenceInjection"] else []
    return [*created, *get_config("imagePullSecrets"), *get_config("singleuser.image.pullSecrets")]


def metadata_block() -> dict[str, Any]:
    """The privileged container that shuts a user's pod off from the cloud's metadata server before it starts."""
    image, address = get_config("singleuser.networkTools.image"), get_config("singleuser.cloudMetadata.ip")
    rule = f"--append OUTPUT --protocol tcp --destination {address} --destination-port 80 --jump DROP"
    return {
        "name": "block-cloud-metadata",
        "image": f"{image['name']}:{image['tag']}",
        "command": ["iptables", *rule.split()],
        "securityContext": {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
    }


def configure_volumes() -> None:
    """Users' homes, and the files of singleuser.extraFiles."""
    storage = get_config("singleuser.storage")
    volumes: dict[str, Any] = {}
    mounts: dict[str, Any] = {}
    if storage["type"] == "dynamic":
        c.KubeSpawner.storage_pvc_ensure = True
        name, claim = storage["dynamic"]["volumeNameTemplate"], "{pvc_name}"
    else:
        name, claim = "home", storage["static"].get("pvcName")
    if storage["type"] != "none":
        sub_path = storage[storage["type"]].get(
            "subPath"
        )  # helm leaves a null out of the values of a chart inside another
        volumes[name] = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
        mounts[name] = {"name": name, "mountPath": storage["homeMountPath"], "subPath": sub_path}
    files = get_config("singleuser.extraFiles") or {}
    if files:
        items = [
            {"key": key, "path": key} | ({"mode": file["mode"]} if "mode" in file else {})
            for key, file in files.items()
        ]
        volumes["files"] = {"name": "files", "secret": {"secretName": get_name("singleuser"), "items": items}}
    for index, (key, file) in enumerate(files.items()):
        mounts[f"{index}-files"] = {"name": "files", "mountPath": file["mountPath"], "subPath": key}
    c.KubeSpawner.volumes = volumes | by_name(storage.get("extraVolumes"))
    c.KubeSpawner.volume_mounts = mounts | by_name(storage.get("extraVolumeMounts"))


def by_name(entries: Any) -> dict[str, Any]:
    """Volumes or mounts given as a list, as the mapping that they may also be given as."""
    if isinstance(entries, dict):
        return entries
    return {f"{index}-{entry['name']}": entry for index, entry in enumerate(entries or [])}


def configure_services() -> None:
    """Services and roles; in the values both are mappings by name, so that values files can be merged."""
    c.JupyterHub.services = []
    c.JupyterHub.load_roles = []
    if get_config("cull.enabled"):
        configure_culler()
    for name, service in (get_config("hub.services") or {}).items():
        known = {key: value for key, value in service.items() if key not in ("apiToken", "api_token")}
        token = get_secret_value(f"hub.services.{name}.apiToken")
        c.JupyterHub.services.append({"name": name, **known, "api_token": token})
    for name, role in (get_config("hub.loadRoles") or {}).items():
        c.JupyterHub.load_roles.append({"name": name, **role})


def configure_culler() -> None:
    """The service that stops servers nobody has used for a while."""
    cull = get_config("cull")
    base = get_config("hub.baseUrl").rstrip("/")
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--url=http://localhost:8081{base}/hub/api"]
    flags = {"timeout": "timeout", "cull-every": "every", "concurrency": "concurrency", "max-age": "maxAge"}
    command += [f"--{flag}={cull[key]}" for flag, key in flags.items() if cull[key]]
    command += ["--cull-users"] if cull["users"] else []
    command += ["--remove-named-servers"] if cull["removeNamedServers"] else []
    command += [] if cull["adminUsers"] else ["--cull-admin-users=false"]
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    scopes += ["admin:users"] if cull["users"] else []
    name = "jupyterhub-idle-culler"
    c.JupyterHub.services.append({"name": name, "command": command})
    c.JupyterHub.load_roles.append({"name": name, "scopes": scopes, "services": [name]})


def pass_through() -> None:
    """hub.config as it is, but for secrets, which have been read already. Exits with 1 for a misspelled section."""
    strict = tuple(int(part) for part in get_config("Chart.Version").split(".")[:2]) >= (4, 3)
    for section, traits in (get_config("hub.config") or {}).items():
        if strict and not section[:1].isupper():
            print(f"FATAL: hub.config.{section}: a section must be the name of a class, in upper case", file=sys.stderr)
            sys.exit(1)
        seeded = SEEDED.get(section, [])
        c[section].update({trait: value for trait, value in traits.items() if trait not in seeded})


configure_hub()
configure_spawner()
configure_volumes()
configure_services()
pass_through()
for source in sorted(Path("/usr/local/etc/jupyterhub/jupyterhub_config.d").glob("*.py")):
    exec(compile(source.read_text(), source.name, "exec"))  # noqa: S102 - configuration is code here
for title, code in sorted((get_config("hub.extraConfig") or {}).items()):
    print(f"extraConfig: {title}")
    exec(code)  # noqa: S102 - as above, and extraConfig promises these names
