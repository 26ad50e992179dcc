"""Reading hubs: what is known of them, how they are now, and the keys to them."""

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared.http.audit import audited
from shared.http.parsing import answer, json_body
from shared.http.problems import ProblemError, endpoint

hubs = df.Blueprint()


@hubs.route(route="hubs", methods=["GET"])
@endpoint
def list_hubs(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the route's signature
    from shared.hubs.store import HubStore
    from shared.hubs.view import listed_power, shown
    from shared.services import services

    adapters = services()
    power, now, settings = listed_power(adapters) or {}, adapters.clock.now(), adapters.settings
    found = HubStore(adapters.tables).all()
    return answer({"hubs": [shown(hub, settings.subscription_id, power, now, settings.dns_suffix) for hub in found]})


@hubs.route(route="hubs/{name}", methods=["GET"])
@endpoint
def get_hub(req: func.HttpRequest) -> func.HttpResponse:
    from shared.hubs.view import actual_power, shown
    from shared.services import services

    hub, adapters = _hub(req), services()
    settings, power = adapters.settings, actual_power(adapters, hub)
    return answer(shown(hub, settings.subscription_id, power, adapters.clock.now(), settings.dns_suffix))


@hubs.route(route="hubs/{name}/kubeconfig", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
@audited("kubeconfig.read")
@endpoint
def get_kubeconfig(req: func.HttpRequest) -> func.HttpResponse:
    """Admin credentials of the cluster, for kubectl and helm, in the release's namespace; with the admin key alone."""
    from shared.errors import NotFoundError
    from shared.hubs import ownership
    from shared.kubernetes.kubeconfig import in_namespace
    from shared.services import services

    hub = _hub(req)
    try:
        text = ownership.kubeconfig(services(), hub, fresh=True)
    except NotFoundError:
        raise ownership.no_cluster(hub) from None
    text = in_namespace(text, hub.spec.release.namespace)
    return func.HttpResponse(text, mimetype="application/yaml", headers={"Cache-Control": "no-store"})


@hubs.route(route="hubs/{name}/password", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
@audited("password.read")
@endpoint
def get_password(req: func.HttpRequest) -> func.HttpResponse:
    """The generated shared password of the hub; with the admin key alone."""
    from shared import names
    from shared.hubs import vault
    from shared.hubs.chart.access import shared_password
    from shared.services import services

    hub = _hub(req)
    secret = vault.own(services(), hub.name, names.SHARED_PASSWORD) if shared_password(hub.spec) else None
    if secret is None:
        raise ProblemError(
            404,
            "NoSharedPassword",
            f"Hub {hub.name} has no shared password"
            + (
                " yet: it is made when the chart is installed."
                if shared_password(hub.spec)
                else ": its values choose another login."
            ),
            f"GET /api/hubs/{hub.name} shows how far the hub is and what its values say.",
        )
    return answer({"password": secret.value}, headers={"Cache-Control": "no-store"})


@hubs.route(route="hubs/{name}/network-role", methods=["PUT"], auth_level=func.AuthLevel.ADMIN)
@audited("network-role.put")
@endpoint
def put_network_role(req: func.HttpRequest) -> func.HttpResponse:
    """Body {"subnet": resource id}: lets the cluster's identity use a subnet that was not made for the hub; admin key alone."""
    from shared.http.auth import caller
    from shared.http.bodies import read
    from shared.hubs.bodies import NetworkRole
    from shared.hubs.network_role import allow
    from shared.services import services

    subnet = read(NetworkRole, json_body(req), "this request").subnet
    adapters, hub = services(), _hub(req)
    return answer({"networkRole": allow(adapters, hub, subnet, caller(req), adapters.clock.now())})


@hubs.route(route="hubs/{name}/secrets", methods=["GET"])
@audited("secrets.list")
@endpoint
def list_secrets(req: func.HttpRequest) -> func.HttpResponse:
    """Names and expiry of the secrets that a hub's values can refer to; never a value."""
    from shared.hubs.secrets import listed
    from shared.services import services

    return answer({"secrets": listed(services(), _name(req))})


@hubs.route(route="hubs/{name}/secrets/{key}", methods=["PUT"])
@audited("secret.put")
@endpoint
def put_secret(req: func.HttpRequest) -> func.HttpResponse:
    """Body {"value": "..."}. The hub need not exist yet; one that is being torn down takes none."""
    from shared.http.bodies import read
    from shared.hubs.bodies import Secret
    from shared.hubs.secrets import refuse_while_going, store
    from shared.hubs.store import HubStore
    from shared.services import services

    value = read(Secret, json_body(req), "a secret", "BadSecret").value
    name, adapters = _name(req), services()
    refuse_while_going(HubStore(adapters.tables).get(name))
    store(adapters, name, req.route_params["key"], value)
    return func.HttpResponse(status_code=204)


@hubs.route(route="hubs/{name}/secrets/{key}", methods=["DELETE"])
@audited("secret.delete")
@endpoint
def delete_secret(req: func.HttpRequest) -> func.HttpResponse:
    from shared.hubs.secrets import remove
    from shared.services import services

    remove(services(), _name(req), req.route_params["key"])
    return func.HttpResponse(status_code=204)


@hubs.route(route="locations/{location}/versions", methods=["GET"])
@endpoint
def list_versions(req: func.HttpRequest) -> func.HttpResponse:
    """The Kubernetes versions that AKS offers in a region."""
    from shared import names
    from shared.errors import PermanentError
    from shared.services import services

    location = req.route_params["location"]
    if problem := names.LOCATION.problem(location):
        raise ProblemError(400, "BadLocation", problem, "Write the region as Azure does, such as westus2.")
    try:
        offered = services().clusters.versions(location)
    except PermanentError as error:
        if error.code not in _UNKNOWN_REGION:
            raise
        raise ProblemError(
            404,
            "LocationNotFound",
            f"Azure offers no Kubernetes clusters in a region {location}.",
            "`az account list-locations` lists the regions; write one as it does, such as westus2.",
        ) from None
    versions = [
        {"version": found.version, "default": found.default, "preview": found.preview, "upgrades": list(found.upgrades)}
        for found in offered
    ]
    return answer({"location": location, "versions": versions})


_UNKNOWN_REGION = frozenset({"NoRegisteredProviderFound", "LocationNotAvailableForResourceType"})
"""What Resource Manager calls a region that does not exist, or has no AKS."""


def _name(req: func.HttpRequest) -> str:
    from shared import names

    name: str = req.route_params["name"]
    if problem := names.HUB.problem(name):
        raise ProblemError(404, "HubNotFound", f"There is no such hub: {problem}.", "GET /api/hubs lists the hubs.")
    return name


def _hub(req: func.HttpRequest) -> Any:
    from shared.hubs.store import HubStore, known
    from shared.services import services

    name = _name(req)
    return known(HubStore(services().tables).get(name), name)
