"""The subscription, its regions, and the registration of resource providers."""

from local.azure.arm.azure import Azure
from local.azure.arm.catalog import (
    ALWAYS_REGISTERED,
    API_VERSIONS,
    LOCATIONS,
    REGISTRATION_SECONDS,
    UNREGISTERED_AT_FIRST,
    ZONELESS,
    provider_name,
)
from local.azure.arm.operations import Ending, Operation
from local.azure.arm.wire import Answer, Call, Json, Refusal, same, wrapped


class Subscriptions:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        azure.operations.on("provider.register", Ending(self._registered, lambda _operation, _error: None))
        self.types: dict[str, list[str]] = {}
        """Types of each provider, by its lower-cased namespace; filled when the providers are made."""

    def require(self, subscription: str) -> None:
        """Raises Refusal (404) for any but the one subscription."""
        if not same(subscription, self._azure.account["subscriptionId"]):
            raise wrapped(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")

    def answer(self, rest: tuple[str, ...]) -> Answer:
        """`/subscriptions`, `/subscriptions/s`, `/subscriptions/s/locations`; `rest` is what follows."""
        account = self._azure.account
        shown = _subscription(account)
        if not rest:
            return Answer(200, {"value": [shown], "count": {"type": "Total", "value": 1}})
        if len(rest) == 1:
            return Answer(200, shown)
        return Answer(200, {"value": [_location(shown["id"], name) for name in LOCATIONS]})

    def tenants(self) -> Answer:
        tenant = self._azure.account["tenantId"]
        return Answer(200, {"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant, "tenantCategory": "Home"}]})

    def providers(self, call: Call, rest: tuple[str, ...]) -> Answer:
        """`/subscriptions/s/providers[/NS[/register]]`; `rest` is what follows `providers`."""
        if not rest:
            return Answer(200, {"value": [self._provider(name) for name in API_VERSIONS]})
        name = provider_name(rest[0])
        if name is None:
            raise unknown_namespace(rest[0])
        action = rest[1].lower() if len(rest) > 1 else ""
        if action and call.method != "POST":
            raise wrapped(405, "MethodNotAllowed", f"The http method '{call.method}' is not supported here.")
        if action == "register":
            self._register(name)
        elif action == "unregister":
            self._set_state(name, "NotRegistered")
        return Answer(200, self._provider(name))

    def state(self, namespace: str) -> str:
        if namespace.lower() in ALWAYS_REGISTERED:
            return "Registered"
        default = "NotRegistered" if namespace.lower() in UNREGISTERED_AT_FIRST else "Registered"
        states = {name.lower(): state for name, state in self._azure.setting("providers").get("states", {}).items()}
        return str(states.get(namespace.lower(), default))

    def require_registered(self, namespace: str) -> None:
        """Raises Refusal (409 MissingSubscriptionRegistration)."""
        if self.state(namespace) == "Registered":
            return
        message = (
            f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for "
            "how to register subscriptions."
        )
        code = "MissingSubscriptionRegistration"
        details = [{"code": code, "target": namespace, "message": message}]
        raise wrapped(409, code, message, details=details)

    def _register(self, name: str) -> None:
        if self.state(name) in ("Registered", "Registering"):
            return
        self._set_state(name, "Registering")
        now = self._azure.now
        self._azure.operations.begin(
            Operation(
                kind="provider.register",
                subscription=self._azure.account["subscriptionId"],
                provider="",
                location="",
                target=name,
                started=now,
                ends=now + self._azure.world.duration(REGISTRATION_SECONDS),
            )
        )

    def _registered(self, operation: Operation) -> None:
        if self.state(operation.target) == "Registering":
            self._set_state(operation.target, "Registered")

    def _set_state(self, namespace: str, state: str) -> None:
        states = self._azure.setting("providers").get("states", {})
        others = {name: value for name, value in states.items() if not same(name, namespace)}
        self._azure.world.table("subscription")["providers"] = {"states": others | {namespace: state}}

    def _provider(self, name: str) -> Json:
        versions = API_VERSIONS[name]
        return {
            "id": f"/subscriptions/{self._azure.account['subscriptionId']}/providers/{name}",
            "namespace": name,
            "resourceTypes": [
                {"resourceType": kind, "locations": list(LOCATIONS.values()), "apiVersions": versions}
                for kind in self.types.get(name.lower(), [])
            ],
            "registrationState": self.state(name),
            "registrationPolicy": "RegistrationFree" if name.lower() in ALWAYS_REGISTERED else "RegistrationRequired",
        }


def unknown_namespace(namespace: str) -> Refusal:
    return wrapped(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")


def _subscription(account: dict[str, str]) -> Json:
    return {
        "id": f"/subscriptions/{account['subscriptionId']}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": account["subscriptionId"],
        "tenantId": account["tenantId"],
        "displayName": account["displayName"],
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _location(subscription: str, name: str) -> Json:
    zones = (
        []
        if name in ZONELESS
        else [{"logicalZone": str(zone), "physicalZone": f"{name}-az{zone}"} for zone in (1, 2, 3)]
    )
    return {
        "id": f"{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": LOCATIONS[name],
        "regionalDisplayName": LOCATIONS[name],
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        "availabilityZoneMappings": zones,
    }
