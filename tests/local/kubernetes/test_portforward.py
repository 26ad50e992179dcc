"""Port forwarding through the API server: over the wire by hand, and with the official client."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from websocket import ABNF, WebSocket, WebSocketBadStatusException, create_connection

from local.faults import Fault
from tests.local.kubernetes.given import PODS, service_account
from tests.local.kubernetes.kubernetes_lab import KEY, Lab, lab, pod

pytestmark = pytest.mark.local

V4 = "v4.channel.k8s.io"
HTTP = (8000).to_bytes(2, "little")
DEAF = (8001).to_bytes(2, "little")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("forward")) as made:
        made.create(PODS, pod("web"))
        made.until(lambda: _is_ready(made, "web"))
        yield made


def _is_ready(cluster: Lab, name: str) -> bool:
    conditions = cluster.get(f"{PODS}/{name}")["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def opened(
    cluster: Lab,
    query: str = "ports=8000",
    *,
    name: str = "web",
    path: str = "",
    token: str | None = None,
    protocols: list[str] | None = None,
) -> WebSocket:
    config = yaml.safe_load(cluster.clusters.kubeconfig(KEY, admin=True, resource_group="r5-rg"))
    server = config["clusters"][0]["cluster"]["server"].replace("https", "wss")
    bearer = config["users"][0]["user"]["token"] if token is None else token
    return create_connection(
        f"{server}{path or f'{PODS}/{name}/portforward'}?{query}",
        timeout=10,
        header={"Authorization": f"Bearer {bearer}"},
        subprotocols=[V4] if protocols is None else protocols,
        sslopt={"ca_certs": str(cluster.folder / "ca" / "ca.pem")},
    )


def heard(connection: WebSocket) -> list[bytes]:
    """All messages until the server closes the connection."""
    messages: list[bytes] = []
    while True:
        kind, data = connection.recv_data()
        if kind == ABNF.OPCODE_CLOSE:
            connection.shutdown()  # type: ignore[no-untyped-call]  # theirs
            return messages
        messages.append(data)


def channel(messages: list[bytes], number: int) -> bytes:
    return b"".join(message[1:] for message in messages if message[0] == number)


def test_a_port_has_two_channels_whose_first_message_says_its_number(cluster: Lab) -> None:
    connection = opened(cluster)
    assert connection.getsubprotocol() == V4
    messages = heard(connection)
    assert messages == [b"\0" + HTTP, b"\1" + HTTP, b"\0web"]


def test_each_of_several_ports_has_channels_of_its_own(cluster: Lab) -> None:
    """One that nothing listens on says why, and the other goes on."""
    messages = heard(opened(cluster, "ports=8001,8000"))
    assert [channel(messages, number)[:2] for number in range(4)] == [DEAF, DEAF, HTTP, HTTP]
    assert channel(messages, 0)[2:] == channel(messages, 3)[2:] == b""
    assert channel(messages, 2)[2:] == b"web"
    trouble = channel(messages, 1)[2:].decode()
    assert trouble.startswith("error forwarding port 8001 to pod web, uid : ")
    assert trouble.endswith("dial tcp4 127.0.0.1:8001: connect: connection refused")


def test_ports_are_named_one_by_one_too_and_a_client_need_not_name_the_protocol(cluster: Lab) -> None:
    connection = opened(cluster, "ports=8000&ports=8001", protocols=[])
    assert connection.getsubprotocol() is None
    assert {message[0] for message in heard(connection)} == {0, 1, 2, 3}


def test_of_several_protocols_the_known_one_is_taken(cluster: Lab) -> None:
    connection = opened(cluster, protocols=["v5.channel.k8s.io", V4])
    assert connection.getsubprotocol() == V4
    connection.close()


def test_what_the_client_says_to_channels_that_are_not_its_own_is_ignored(cluster: Lab) -> None:
    connection = opened(cluster)
    for data in (b"", b"\1x", b"\7x"):
        connection.send_binary(data)
    assert heard(connection)[-1] == b"\0web"


def test_a_client_that_goes_leaves_nothing_behind(cluster: Lab) -> None:
    calls = len(_forwards(cluster))
    opened(cluster).close(timeout=0)
    cluster.until(lambda: len(_forwards(cluster)) > calls)
    assert _forwards(cluster)[-1]["status"] == 101


def _forwards(cluster: Lab) -> list[dict[str, Any]]:
    return [call for call in cluster.log.all() if "portforward" in call["path"]]


def refusal(attempt: Callable[[], object]) -> tuple[int, str, str]:
    """Status, reason and message."""
    with pytest.raises(WebSocketBadStatusException) as caught:
        attempt()
    body = json.loads(caught.value.resp_body or b"{}")
    return caught.value.status_code, body["reason"], body["message"]


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"name": "nope"}, 404, 'pods "nope" not found'),
        ({"token": "wrong"}, 401, "Unauthorized"),
        ({"token": ""}, 401, "Unauthorized"),
        ({"query": ""}, 400, 'query parameter "ports" is required'),
        ({"query": "ports="}, 400, 'query parameter "ports" cannot be empty'),
        ({"query": "ports=http"}, 400, 'unable to parse "http" as a port'),
        ({"query": "ports=1,65536"}, 400, 'unable to parse "1,65536" as a port'),
        ({"query": "ports=0"}, 400, 'port "0" must be > 0'),
        ({"protocols": ["v5.channel.k8s.io"]}, 403, "unable to upgrade websocket connection"),
        ({"path": "/api/v1/namespaces/default/services/web/portforward"}, 404, "could not find"),
        ({"path": PODS}, 404, "could not find"),
        ({"path": "/version"}, 404, "could not find"),
    ],
)
def test_what_cannot_be_forwarded_is_refused_before_the_upgrade(
    cluster: Lab, asked: dict[str, Any], status: int, message: str
) -> None:
    answered = refusal(lambda: opened(cluster, **asked))
    assert answered[0] == status
    assert message in answered[2]


def test_a_pod_without_a_place_cannot_be_reached(cluster: Lab) -> None:
    cluster.create(PODS, pod("nowhere", nodeSelector={"disk": "gold"}))
    message = "pod nowhere does not have a host assigned"
    assert refusal(lambda: opened(cluster, name="nowhere")) == (400, "BadRequest", message)


@pytest.mark.parametrize(
    ("verbs", "message"),
    [
        (["create"], 'cannot get resource "pods/portforward" in API group "" in the namespace "default"'),
        (["get"], 'pods "web" is forbidden: '),
    ],
    ids=["not-get", "not-create"],
)
def test_both_rights_are_needed(cluster: Lab, verbs: list[str], message: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods/portforward"], "verbs": verbs}]
    token = service_account(cluster, f"only-{verbs[0]}", rules)
    answered = refusal(lambda: opened(cluster, token=token))
    assert answered[:2] == (403, "Forbidden")
    assert message in answered[2]


def test_a_service_account_with_both_rights_gets_through(cluster: Lab) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]}]
    token = service_account(cluster, "forwarder", rules)
    assert heard(opened(cluster, token=token))[-1] == b"\0web"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_is_nothing_without_an_upgrade(cluster: Lab, method: str) -> None:
    answer = cluster.call(method, f"{PODS}/web/portforward", ports=8000)
    assert (answer.status_code, answer.json()["message"]) == (400, "Upgrade request required")
    assert cluster.call(method, f"{PODS}/nope/portforward").status_code == 404
    assert cluster.call("DELETE", f"{PODS}/web/portforward").status_code == 405


def test_discovery_names_it(cluster: Lab) -> None:
    listed = {one["name"]: one for one in cluster.get("/api/v1")["resources"]}
    assert listed["pods/portforward"]["kind"] == "PodPortForwardOptions"
    assert listed["pods/portforward"]["verbs"] == ["create", "get"]


def test_the_service_proxy_is_not_served(cluster: Lab) -> None:
    """It would be of no use for hubs: the API server keeps the Authorization header of what it proxies."""
    assert cluster.call("GET", "/api/v1/namespaces/default/services/web:80/proxy/").status_code == 404
    assert cluster.call("GET", f"{PODS}/web/proxy").status_code == 404


@pytest.mark.parametrize(
    ("fault", "status"), [({"status": 503}, 503), ({"happens": "reset"}, 0), ({"happens": "lost"}, 0)]
)
def test_faults_hit_forwards_too(cluster: Lab, fault: dict[str, Any], status: int) -> None:
    made = cluster.faults.add(Fault(service="kubernetes", path="portforward", **fault))
    with pytest.raises(Exception) as caught:  # a refusal or a broken connection, told apart below
        opened(cluster)
    assert getattr(caught.value, "status_code", 0) == status
    assert made.hits == 1
    cluster.until(lambda: _forwards(cluster)[-1]["status"] == status)
    assert heard(opened(cluster))[-1] == b"\0web"


def test_the_official_client_forwards_ports(cluster: Lab) -> None:
    from kubernetes import client, config
    from kubernetes.stream import portforward

    api = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig())))  # type: ignore[no-untyped-call]  # theirs
    forward = portforward(api.connect_get_namespaced_pod_portforward, "web", "default", ports="8000,8001")
    open_, deaf = forward.socket(8000), forward.socket(8001)
    open_.settimeout(10)
    deaf.settimeout(10)
    assert open_.recv(100) == b"web"
    assert open_.recv(100) == b""
    assert deaf.recv(100) == b""
    assert "connection refused" in forward.error(8001)
    assert forward.error(8000) is None
    for thread in threading.enumerate():
        if thread.name.startswith("Kubernetes port forward"):
            thread.join(10)
    forward.close()
    forward.websocket.shutdown()
    api.api_client.close()
