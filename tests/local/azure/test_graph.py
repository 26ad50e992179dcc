"""The emulated Microsoft Graph and sign-in endpoint, over TLS, as a plain HTTP client and azure-identity use them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from local import names
from local.azure.directory import Directory
from local.azure.graph import Graph
from local.azure.tokens import Tokens
from local.world import World
from tests.local.parts import PORTS, served

pytestmark = pytest.mark.local
ROOT = f"https://127.0.0.1:{PORTS.graph}"
START = datetime(2026, 12, 1, 8, tzinfo=UTC)


class Client:
    """A caller of Graph with a token."""

    def __init__(self, authority: Path, token: str) -> None:
        self.session = requests.Session()
        self.session.trust_env = False  # else a REQUESTS_CA_BUNDLE of the machine goes before `verify`
        self.session.verify = str(authority)
        self.session.headers["authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.session.request(method, f"{ROOT}/v1.0{path}", json=body, timeout=5, **options)

    def application(self, name: str = "r5-sp", **more: Any) -> dict[str, Any]:
        made = self("POST", "/applications", {"displayName": name, **more})
        assert made.status_code == 201, made.text
        shown: dict[str, Any] = made.json()
        return shown

    def principal(self, application: dict[str, Any]) -> dict[str, Any]:
        made = self("POST", "/servicePrincipals", {"appId": application["appId"]})
        assert made.status_code == 201, made.text
        shown: dict[str, Any] = made.json()
        return shown

    def password(self, application: dict[str, Any], **credential: str) -> dict[str, Any]:
        made = self("POST", f"/applications/{application['id']}/addPassword", {"passwordCredential": credential})
        assert made.status_code == 200, made.text
        shown: dict[str, Any] = made.json()
        return shown


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Directory, Path]]:
    world = World(tmp_path_factory.mktemp("graph"), PORTS)
    directory = Directory(world)
    with served(world, {PORTS.graph: Graph(world, directory, Tokens(world)).app}, {}) as authority:
        yield world, directory, authority
    world.close()


@pytest.fixture
def world(service: tuple[World, Directory, Path]) -> World:
    """With nothing but the standing objects, a clock that stands at START, and no delays."""
    world, directory, _ = service
    for key, document in list(directory.principals.items()):
        if document["owner"]:
            del directory.principals[key]
    directory.applications.clear()
    directory.deleted.clear()
    world.table("subscription").clear()
    world.clock.set(START, 0)
    world.speed = 0
    return world


@pytest.fixture
def directory(service: tuple[World, Directory, Path], world: World) -> Directory:
    return service[1]


@pytest.fixture
def graph(service: tuple[World, Directory, Path], world: World) -> Iterator[Client]:
    token, _ = Tokens(world).issue("https://graph.microsoft.com", oid=names.CALLER_OBJECT, appid=names.CALLER_APP)
    client = Client(service[2], token)
    yield client
    client.session.close()


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_sequence_of_az_ad_sp_create_for_rbac(graph: Client) -> None:
    assert graph("GET", "/servicePrincipals?$filter=displayName eq 'r5-sp'").json()["value"] == []
    assert graph("GET", "/applications?$filter=startswith(displayName,'r5-sp')").json()["value"] == []
    application = graph.application()
    end = "2027-12-01T08:00:00Z"
    password = graph.password(application, displayName="rbac", endDateTime=end)
    principal = graph.principal(application)
    assert len({application["id"], application["appId"], principal["id"]}) == 3
    assert principal["appId"] == application["appId"]
    assert password["hint"] == password["secretText"][:3]
    assert len(password["secretText"].encode()) <= 190
    assert (password["displayName"], password["endDateTime"]) == ("rbac", end)
    again = graph("GET", f"/applications/{application['id']}").json()
    assert [(one["keyId"], one["secretText"]) for one in again["passwordCredentials"]] == [(password["keyId"], None)]


def test_answers_carry_the_headers_of_graph(graph: Client) -> None:
    made = graph("POST", "/applications", {"displayName": "r5-sp"}, headers={"client-request-id": "mine"})
    assert made.headers["request-id"]
    assert made.headers["client-request-id"] == "mine"
    assert made.headers["odata-version"] == "4.0"
    assert made.json()["id"] in made.headers["location"]
    missing = graph("GET", "/applications/nothing")
    inner = missing.json()["error"]["innerError"]
    assert inner["request-id"] == missing.headers["request-id"]
    assert inner["date"] == "2026-12-01T08:00:00"


def test_listings_filter_select_and_page(graph: Client) -> None:
    made = [graph.application(f"hub-{number}", tags=["hubkeeper", f"n{number}"]) for number in range(5)]
    graph.application("other")

    def found(query: str) -> list[str]:
        answer = graph("GET", f"/applications?{query}")
        assert answer.status_code == 200, answer.text
        return sorted(row["displayName"] for row in answer.json()["value"])

    assert found("$filter=startswith(displayName,'HUB-')") == [f"hub-{number}" for number in range(5)]
    assert found(f"$filter=appId eq '{made[2]['appId']}'") == ["hub-2"]
    assert found("$filter=tags/any(t:t eq 'n3')") == ["hub-3"]
    assert found("$filter=displayName eq 'hub-1' or displayName eq 'other'") == ["hub-1", "other"]
    assert found("$filter=displayName eq 'it''s'") == []
    assert graph("GET", "/applications?$select=id,appId&$top=1").json()["value"][0].keys() == {"id", "appId"}
    names_seen, link = [], f"{ROOT}/v1.0/applications?$top=4"
    while link:
        page = graph.session.get(link, timeout=5).json()
        names_seen += [row["displayName"] for row in page["value"]]
        link = page.get("@odata.nextLink")
    assert len(names_seen) == len(set(names_seen)) == 6


@pytest.mark.parametrize("query", ["$filter=displayName is 'x'", "$filter=nothing eq 'x'", "$top=0", "$expand=owners"])
def test_queries_that_make_no_sense_are_bad_requests(graph: Client, query: str) -> None:
    assert code(graph("GET", f"/applications?{query}")) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"displayName": ""},
        {"displayName": "x", "colour": "red"},
        {"displayName": "x", "tags": "one"},
        {"displayName": "x", "passwordCredentials": [{"secretText": "mine"}]},
    ],
)
def test_bodies_that_make_no_sense_are_bad_requests(graph: Client, body: dict[str, Any]) -> None:
    assert code(graph("POST", "/applications", body)) == (400, "Request_BadRequest")


def test_new_objects_are_found_only_after_a_while(graph: Client, world: World) -> None:
    world.speed = 1
    application = graph.application()
    assert code(graph("GET", f"/applications/{application['id']}")) == (404, "Request_ResourceNotFound")
    assert code(graph("POST", f"/applications/{application['id']}/addPassword", {})) == (
        404,
        "Request_ResourceNotFound",
    )
    refused = graph("POST", "/servicePrincipals", {"appId": application["appId"]})
    assert code(refused) == (400, "Request_BadRequest")
    assert "does not reference a valid application object" in refused.json()["error"]["message"]
    world.clock.advance(timedelta(seconds=3))
    graph.principal(application)
    graph.password(application)


def test_other_services_learn_of_a_principal_later_than_graph(
    graph: Client, world: World, directory: Directory
) -> None:
    application = graph.application()
    world.speed = 1
    principal = graph.principal(application)
    assert not directory.principal_exists(principal["id"])
    assert directory.service_principal(application["appId"]) is None
    world.clock.advance(timedelta(seconds=15))
    assert directory.principal_exists(principal["id"])
    assert directory.service_principal(application["appId"]) is None
    world.clock.advance(timedelta(seconds=15))
    found = directory.service_principal(application["appId"])
    assert found is not None
    assert found["id"] == principal["id"]
    assert directory.principal_exists(names.CALLER_OBJECT)


def test_an_application_has_one_service_principal(graph: Client) -> None:
    application = graph.application()
    graph.principal(application)
    again = graph("POST", "/servicePrincipals", {"appId": application["appId"]})
    assert code(again) == (409, "Request_MultipleObjectsWithSameKeyValue")


def test_objects_are_found_by_their_application_id_too(graph: Client) -> None:
    application = graph.application()
    principal = graph.principal(application)
    by_id = graph("GET", f"/servicePrincipals(appId='{application['appId']}')")
    assert by_id.json()["id"] == principal["id"]
    assert graph("GET", f"/applications(appId='{application['appId']}')").json()["id"] == application["id"]


def test_a_change_is_kept(graph: Client) -> None:
    application = graph.application()
    assert graph("PATCH", f"/applications/{application['id']}", {"tags": ["hubkeeper"]}).status_code == 204
    assert graph("GET", f"/applications/{application['id']}").json()["tags"] == ["hubkeeper"]


def test_an_upsert_by_unique_name_makes_one_application(graph: Client, world: World) -> None:
    world.speed = 1
    path, wanted = "/applications(uniqueName='hub-r5')", {"Prefer": "create-if-missing"}
    assert code(graph("PATCH", path, {"displayName": "r5-sp"})) == (404, "Request_ResourceNotFound")
    made = graph("PATCH", path, {"displayName": "r5-sp"}, headers=wanted)
    assert (made.status_code, made.json()["uniqueName"]) == (201, "hub-r5")
    assert code(graph("GET", path)) == (404, "Request_ResourceNotFound"), "reads lag behind"
    again = graph("PATCH", path, {"displayName": "r5-sp", "tags": ["late"]}, headers=wanted)
    assert (again.status_code, again.content) == (204, b"")
    world.clock.advance(timedelta(seconds=5))
    found = graph("GET", path).json()
    assert (found["id"], found["tags"]) == (made.json()["id"], ["late"])
    assert len(graph("GET", "/applications").json()["value"]) == 1


def test_a_deleted_application_can_be_restored_and_purged(graph: Client) -> None:
    application = graph.application()
    principal = graph.principal(application)
    path = f"/directory/deletedItems/{application['id']}"
    assert graph("DELETE", f"/applications/{application['id']}").status_code == 204
    assert code(graph("GET", f"/applications/{application['id']}")) == (404, "Request_ResourceNotFound")
    assert code(graph("GET", f"/servicePrincipals/{principal['id']}")) == (404, "Request_ResourceNotFound")
    listed = graph("GET", "/directory/deletedItems/microsoft.graph.application").json()["value"]
    assert [row["id"] for row in listed] == [application["id"]]
    assert graph("POST", f"{path}/restore").status_code == 200
    assert graph("GET", f"/servicePrincipals/{principal['id']}").status_code == 200
    graph("DELETE", f"/applications/{application['id']}")
    assert graph("DELETE", path).status_code == 204
    assert code(graph("DELETE", path)) == (404, "Request_ResourceNotFound")
    assert graph("DELETE", f"/directory/deletedItems/{principal['id']}").status_code == 204


def test_everything_made_and_purged_leaves_the_listing_as_it_was(graph: Client, world: World) -> None:
    before = world.resources()
    application = graph.application()
    graph.password(application)
    principal = graph.principal(application)
    assert len(world.resources()) == len(before) + 2
    graph("DELETE", f"/applications/{application['id']}")
    assert {row["kind"] for row in world.resources() if row not in before} == {"Microsoft.Graph/deletedItems"}
    for identity in (application["id"], principal["id"]):
        graph("DELETE", f"/directory/deletedItems/{identity}")
    assert world.resources() == before


def test_deleted_objects_are_gone_after_thirty_days(graph: Client, world: World) -> None:
    application = graph.application()
    graph("DELETE", f"/applications/{application['id']}")
    world.clock.advance(timedelta(days=31))
    assert graph("GET", f"/directory/deletedItems/{application['id']}").status_code == 404


def test_without_permission_nothing_is_done(graph: Client, world: World) -> None:
    application = graph.application()
    world.table("subscription")["graph"] = {"permissions": []}
    assert code(graph("GET", "/applications")) == (403, "Authorization_RequestDenied")
    world.table("subscription")["graph"] = {"permissions": ["Application.Read.All"]}
    assert graph("GET", "/applications").status_code == 200
    assert code(graph("POST", "/applications", {"displayName": "x"})) == (403, "Authorization_RequestDenied")
    assert code(graph("DELETE", f"/applications/{application['id']}")) == (403, "Authorization_RequestDenied")


def test_owned_by_means_owned_by(graph: Client, world: World, directory: Directory) -> None:
    foreign = directory.create_application({"displayName": "theirs"}, "somebody")["object"]
    assert graph("GET", f"/applications/{foreign['id']}").status_code == 200
    assert code(graph("DELETE", f"/applications/{foreign['id']}")) == (403, "Authorization_RequestDenied")
    world.table("subscription")["graph"] = {"permissions": ["Application.ReadWrite.All"]}
    assert graph("DELETE", f"/applications/{foreign['id']}").status_code == 204


def test_a_client_can_read_its_own_permissions(graph: Client) -> None:
    found = graph("GET", f"/servicePrincipals/{names.CALLER_OBJECT}/appRoleAssignments").json()["value"]
    assert [row["appRoleId"] for row in found] == ["18a4783c-866b-4cc7-a460-3d5e5662c884"]
    resource = graph("GET", f"/servicePrincipals/{found[0]['resourceId']}").json()
    roles = {role["id"]: role["value"] for role in resource["appRoles"]}
    assert resource["appId"] == "00000003-0000-0000-c000-000000000000"
    assert roles[found[0]["appRoleId"]] == "Application.ReadWrite.OwnedBy"
    assert code(graph("GET", "/me")) == (400, "BadRequest")


def test_calls_without_a_good_token_are_refused(graph: Client, world: World) -> None:
    for authorization in ("", "Bearer nonsense"):
        graph.session.headers["authorization"] = authorization
        assert code(graph("GET", "/applications")) == (401, "InvalidAuthenticationToken")
    token, _ = Tokens(world).issue("https://vault.azure.net", oid=names.CALLER_OBJECT, appid=names.CALLER_APP)
    graph.session.headers["authorization"] = f"Bearer {token}"
    assert code(graph("GET", "/applications")) == (401, "InvalidAuthenticationToken")


def test_passwords_are_removed_by_their_key(graph: Client) -> None:
    application = graph.application()
    first, second = graph.password(application), graph.password(application)
    path = f"/applications/{application['id']}/removePassword"
    assert graph("POST", path, {"keyId": first["keyId"]}).status_code == 204
    left = graph("GET", f"/applications/{application['id']}").json()["passwordCredentials"]
    assert [one["keyId"] for one in left] == [second["keyId"]]
    assert code(graph("POST", path, {"keyId": first["keyId"]})) == (400, "Request_BadRequest")


def test_a_password_that_ends_before_it_begins_is_refused(graph: Client) -> None:
    application = graph.application()
    wrong = {"startDateTime": "2027-01-01T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z"}
    path = f"/applications/{application['id']}/addPassword"
    assert code(graph("POST", path, {"passwordCredential": wrong})) == (400, "Request_BadRequest")
    for credential in ({"endDateTime": "soon"}, {"endDateTime": 5}, {"displayName": 5}, "secret"):
        assert code(graph("POST", path, {"passwordCredential": credential})) == (400, "Request_BadRequest")


def sign_in(graph: Client, app: str, secret: str) -> tuple[int, int]:
    """Status, and AADSTS number or 0."""
    form = {
        "grant_type": "client_credentials",
        "client_id": app,
        "client_secret": secret,
        "scope": "https://management.azure.com/.default",
    }
    answer = graph.session.post(f"{ROOT}/{names.TENANT}/oauth2/v2.0/token", data=form, timeout=5)
    assert secret not in answer.text
    return answer.status_code, answer.json().get("error_codes", [0])[0]


def test_a_new_secret_signs_in_after_a_while_and_until_it_expires(graph: Client, world: World) -> None:
    application = graph.application()
    graph.principal(application)
    world.speed = 1
    secret = graph.password(application, endDateTime="2026-12-08T08:00:00Z")["secretText"]
    assert sign_in(graph, application["appId"], secret) == (401, 7000215)
    world.clock.advance(timedelta(seconds=10))
    assert sign_in(graph, application["appId"], secret) == (200, 0)
    assert sign_in(graph, application["appId"], "wrong") == (401, 7000215)
    world.clock.advance(timedelta(days=7))
    assert sign_in(graph, application["appId"], secret) == (401, 7000222)
    assert sign_in(graph, names.TENANT, secret) == (400, 700016)


def test_an_application_without_principal_cannot_sign_in(graph: Client) -> None:
    application = graph.application()
    secret = graph.password(application)["secretText"]
    assert sign_in(graph, application["appId"], secret) == (401, 7000229)


def test_the_official_client_signs_in_with_the_secret(
    graph: Client, service: tuple[World, Directory, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(service[2]))
    application = graph.application()
    principal = graph.principal(application)
    secret = graph.password(application)["secretText"]

    def credential(value: str) -> ClientSecretCredential:
        return ClientSecretCredential(
            names.TENANT, application["appId"], value, authority=ROOT, disable_instance_discovery=True
        )

    with credential(secret) as good:
        token = good.get_token("https://vault.azure.net/.default")
    assert jwt.decode(token.token, options={"verify_signature": False})["oid"] == principal["id"]
    with credential("wrong") as bad, pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        bad.get_token("https://vault.azure.net/.default")


def test_the_listing_holds_no_secret(graph: Client, world: World) -> None:
    secret = graph.password(graph.application())["secretText"]
    assert secret not in str(world.resources())
