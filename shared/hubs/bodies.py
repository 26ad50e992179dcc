"""Bodies of requests about a hub's secrets and permissions."""

from pydantic import Field

from shared.http.bodies import Body


class Secret(Body):
    value: str = Field(min_length=1)


class NetworkRole(Body):
    """subnet: the resource id of the hub's subnet, as a sign that it is meant."""

    subnet: str = Field(min_length=1)
