"""The poll URLs of long-running operations and what they answer, provider by provider."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from local.azure.arm.operations import Operation, Operations, retry_after, times
from local.azure.arm.wire import Answer, Call, Json, digest, wrapped
from local.world import World

_KEY = b"the local cloud signs its poll addresses"
_TICKS_AT_1970 = 621_355_968_000_000_000
"""100 ns steps between the year 1 and 1970, for the `t` of a poll address."""


@dataclass(frozen=True)
class Manner:
    """How a provider polls: its own API version, the spelling of its results, its pause (s, in Azure)."""

    api_version: str
    results: str
    pause: float
    notifies: bool = False


_MANNERS = {
    "microsoft.containerservice": Manner("2025-03-01", "operationresults", 30),
    "microsoft.network": Manner("2024-05-01", "operationResults", 10, notifies=True),
    "microsoft.compute": Manner("2024-03-02", "operations", 2),
}
_GATEWAY = Manner("2025-04-01", "operationresults", 15)


class Polling:
    def __init__(self, world: World, operations: Operations) -> None:
        self._world = world
        self._operations = operations

    def headers(self, call: Call, operation: Operation, *, asynchronous: bool = True, location: bool) -> dict[str, str]:
        """Azure-AsyncOperation and Location as the provider's answers carry them."""
        manner = _manner(operation)
        found = {"Retry-After": retry_after(self._world, manner.pause)}
        if asynchronous:
            found["Azure-AsyncOperation"] = self._address(call, operation, "operations")
            found |= {"Azure-AsyncNotification": "Enabled"} if manner.notifies else {}
        if location:
            found["Location"] = self._address(call, operation, manner.results)
        return found

    def answer(self, call: Call, identity: str, *, results: bool) -> Answer:
        """Answers a poll: of the status (always 200), or of the results (202 until it has ended)."""
        operation = self._operations.find(identity)
        if operation is None:
            raise wrapped(404, "NotFound", f"The entity was not found: operation '{identity}'.", cause="service")
        if not hmac.compare_digest(call.query.get("s", ""), _signature(operation.id, call.query.get("t", ""))):
            raise wrapped(
                400, "InvalidOperationUrl", "The operation's address has been altered: use it as it was given."
            )
        return self._result(call, operation) if results else self._status(operation)

    def _status(self, operation: Operation) -> Answer:
        pause = {"Retry-After": retry_after(self._world, _manner(operation).pause)}
        return Answer(200, self._body(operation), pause if operation.state == "InProgress" else {})

    def _body(self, operation: Operation) -> Json:
        status = {"status": operation.status(self._world.clock.seconds())}
        error = operation.error or operation.noise
        shown = {"error": error} if error else {}
        if operation.provider.lower() == "microsoft.network":
            return status | shown
        return {"name": operation.id} | status | times(operation) | shown

    def _result(self, call: Call, operation: Operation) -> Answer:
        if operation.state == "InProgress":
            headers = self.headers(call, operation, asynchronous=False, location=True)
            return Answer(202, None, headers)
        if operation.error and operation.state != "Succeeded":
            return Answer(409, {"error": operation.error})
        again = {"Location": self._address(call, operation, _manner(operation).results)}
        return Answer(operation.final_status, None, again if operation.final_status == 204 else {})

    def _address(self, call: Call, operation: Operation, word: str) -> str:
        """Long and signed, as since August 2023; `t` differs from answer to answer."""
        manner = _manner(operation)
        ticks = str(_TICKS_AT_1970 + int(self._world.clock.seconds() * 10_000_000))
        certificate = "MII" + "".join(digest(operation.id, str(part)) for part in range(48))
        query = (
            f"api-version={manner.api_version}&t={ticks}&c={certificate}"
            f"&s={_signature(operation.id, ticks)}&h={digest(operation.id, ticks)[:43]}"
        )
        place = f"/providers/{operation.provider}/locations/{operation.location}" if operation.provider else ""
        return f"{call.base}/subscriptions/{operation.subscription}{place}/{word}/{operation.id}?{query}"


def _manner(operation: Operation) -> Manner:
    return _MANNERS.get(operation.provider.lower(), _GATEWAY)


def _signature(identity: str, ticks: str) -> str:
    made = hmac.new(_KEY, f"{identity} {ticks}".encode(), hashlib.sha256).digest() * 8
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
