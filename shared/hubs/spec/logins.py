"""Who may log in, checked by somebody else: GitHub, Microsoft Entra, or any OAuth 2.0 provider. Pure.

JupyterHub 5 lets nobody in whom no list allows, so that each of them needs a list, or `everyone` in so many words. What the
authenticators of oauthenticator 17 get wrong by default is set here: the claim that names a user above all.
"""

import ipaddress
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.hubs.spec.part import Part, SecretReference


def _address(value: str) -> str:
    """Over TLS; plain http only where nothing leaves the machine."""
    try:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    except ValueError:
        secure = False
    if not secure or not parts.hostname or parts.username or parts.fragment or any(sign.isspace() for sign in value):
        raise ValueError("must be an https:// address, such as https://login.example.org/oauth2/authorize")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Address = Annotated[str, AfterValidator(_address)]
UserName = Annotated[str, Field(pattern=r"^[^\s/\\\"'<>]{1,200}$")]
Word = Annotated[str, Field(pattern=r"^[\w.:/-]{1,100}$")]


class Provider(Part):
    """What all ways to log in have in common."""

    authenticator: ClassVar[str]
    """JupyterHub's name for it."""
    section: ClassVar[str]
    """Its class, under which hub.config sets it up."""

    client_id: Annotated[str, Field(pattern=r"^[^\s]{1,200}$")]
    """The client id of the application that you registered with the provider, with the hub's callback address."""
    client_secret: SecretReference
    """The application's secret. Always secret://NAME: the secret itself is in Key Vault."""
    users: tuple[UserName, ...] = ()
    """The users that may log in, by their names at the provider."""
    admins: tuple[UserName, ...] = ()
    """The users that may also manage the hub. They may log in without being among `users`."""
    everyone: bool = False
    """true: everybody with an account at the provider may log in."""

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> Self:
        lists = self.allow_lists()
        if not self.everyone and not any(lists.values()):
            raise ValueError(f"lets nobody in: give {', '.join(lists)}, or everyone: true")
        if self.everyone and any(lists.values()):
            raise ValueError(f"everyone: true makes {', '.join(lists)} pointless; leave one of them out")
        return self

    def allow_lists(self) -> dict[str, tuple[str, ...]]:
        return {"users": self.users}

    def settings(self) -> dict[str, Any]:
        """Traits of its own, beside those that all have."""
        return {}


class GitHub(Provider):
    """People log in with their GitHub accounts."""

    authenticator = "github"
    section = "GitHubOAuthenticator"

    type: Literal["github"]
    """The kind of provider."""
    organizations: tuple[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}(:[A-Za-z0-9._-]{1,100})?$")], ...
    ] = ()
    """The organizations whose members may log in: "org", or "org:team" for one of its teams."""

    def allow_lists(self) -> dict[str, tuple[str, ...]]:
        return {"users": self.users, "organizations": self.organizations}

    def settings(self) -> dict[str, Any]:
        if not self.organizations:
            return {}
        # Without the scope GitHub tells of public memberships alone, and members are refused.
        return {"allowed_organizations": list(self.organizations), "scope": ["read:org"]}


class Entra(Provider):
    """People log in with their accounts of a Microsoft Entra directory."""

    authenticator = "azuread"
    section = "AzureAdOAuthenticator"

    type: Literal["entra"]
    """The kind of provider."""
    tenant_id: Annotated[
        str, Field(pattern=r"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)$")
    ]
    """The directory's id or one of its domains. "common" is refused: it would be every directory there is."""
    username_claim: Literal["unique_name", "upn", "email", "oid"] = "unique_name"
    """The claim that names the user. The authenticator's own default is the display name, which two people can share, and
    with it a volume. `preferred_username` is in tokens of version 2.0 only, which the authenticator does not ask for."""

    def settings(self) -> dict[str, Any]:
        return {
            "tenant_id": self.tenant_id,
            "username_claim": self.username_claim,
            "scope": ["openid", "email"],
            "login_service": "Microsoft Entra ID",
        }


class OAuth(Provider):
    """Any OpenID Connect or OAuth 2.0 provider."""

    authenticator = "generic-oauth"
    section = "GenericOAuthenticator"

    type: Literal["oauth"]
    """The kind of provider."""
    authorize_url: Address
    """The address where people log in."""
    token_url: Address
    """The address where the hub exchanges the code for a token."""
    userdata_url: Address
    """The address where the hub asks for the user's data."""
    username_claim: Word = "preferred_username"
    """The field of the user data that names the user. No two people may share it, and nobody may choose it."""
    scope: tuple[Word, ...] = ("openid", "email", "profile")
    """The scopes that the hub asks for."""
    login_service: Annotated[str, Field(pattern=r"^[^<>{}&\x00-\x1f]{1,60}$")] = "OAuth 2.0"
    """The name on the button of the login page."""

    def settings(self) -> dict[str, Any]:
        return {
            "authorize_url": self.authorize_url,
            "token_url": self.token_url,
            "userdata_url": self.userdata_url,
            "username_claim": self.username_claim,
            "scope": list(self.scope),
            "login_service": self.login_service,
        }


_TYPES: dict[str, type[Provider]] = {"github": GitHub, "entra": Entra, "oauth": OAuth}
_SHORT = ("shared-password", "none")


def _login(value: Any) -> Any:
    """Reads an object as what its type says, so that its errors are about that one alone."""
    if value is None or isinstance(value, Provider) or value in _SHORT:
        return value
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError('must be "shared-password", "none", or an object whose type is github, entra or oauth')
    return _TYPES[kind].model_validate(value)


Login = Annotated[Literal["shared-password", "none"] | GitHub | Entra | OAuth | None, BeforeValidator(_login)]


def config(login: Provider, callback: str | None) -> dict[str, Any]:
    """hub.config. callback: where the provider sends people back to; None leaves it to what address they came by."""
    secret = login.client_secret.reference
    settings: dict[str, Any] = {"client_id": login.client_id, "client_secret": secret, **login.settings()}
    settings |= {"oauth_callback_url": callback} if callback else {}
    settings |= {"allow_all": True} if login.everyone else {}
    settings |= {"allowed_users": list(login.users)} if login.users else {}
    settings |= {"admin_users": list(login.admins)} if login.admins else {}
    return {"JupyterHub": {"authenticator_class": login.authenticator}, login.section: settings}


_SHARED_CLAIMS = frozenset({"name", "given_name", "family_name", "nickname"})


def warnings(login: Provider) -> list[str]:
    found = []
    if login.everyone:
        whom = {
            "github": "anyone with a GitHub account",
            "azuread": "everyone in the directory, guests included,",
            "generic-oauth": "whoever the provider vouches for",
        }[login.authenticator]
        found.append(f"auth.everyone: {whom} can log in and run code.")
    if isinstance(login, OAuth) and login.username_claim in _SHARED_CLAIMS:
        found.append(
            f"auth.usernameClaim {login.username_claim}: two people can have the same, and would share one home. "
            "preferred_username, email or sub name one."
        )
    return found
