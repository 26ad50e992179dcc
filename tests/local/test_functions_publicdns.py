import socket

import pytest

from local.functions import publicdns


@pytest.fixture(autouse=True)
def _resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    publicdns.install({"r5.westus.cloudapp.azure.com": "127.20.0.4"}.get)


def test_a_published_name_resolves_to_its_address() -> None:
    for name in ("r5.westus.cloudapp.azure.com", "R5.westus.cloudapp.azure.com."):
        assert socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)[0][4] == ("127.20.0.4", 80)


def test_a_label_that_nobody_has_is_not_known() -> None:
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("r6.westus.cloudapp.azure.com", 80)
    assert caught.value.errno == socket.EAI_NONAME


def test_other_names_are_left_to_the_system() -> None:
    assert socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)


def test_a_cloud_that_is_away_is_a_temporary_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    publicdns.install(publicdns.in_resources("http://127.0.0.1:1"))
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("r7.westus.cloudapp.azure.com", 80)
    assert caught.value.errno == socket.EAI_AGAIN
