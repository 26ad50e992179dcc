from pathlib import Path

from local.environment import environment
from local.ports import Ports
from shared.settings import Settings


def test_the_product_accepts_the_settings_of_a_copy(tmp_path: Path) -> None:
    settings = Settings.from_environ(environment(tmp_path, Ports(14_000)))
    assert settings.arm_endpoint == "https://127.0.0.1:21080"
    assert settings.tables_connection is not None
    assert "http://127.0.0.1:21076/devstoreaccount1" in settings.tables_connection
    assert Path(settings.helm).exists()


def test_the_settings_of_a_copy_stay_the_same(tmp_path: Path) -> None:
    assert environment(tmp_path, Ports()) == environment(tmp_path, Ports())


def test_two_copies_share_no_address_and_no_secret(tmp_path: Path) -> None:
    one, other = environment(tmp_path / "one", Ports()), environment(tmp_path / "other", Ports(200))
    differing = {name for name in one if one[name] != other[name]}
    same = set(one) - differing
    assert {
        "KEY_VAULT_URL",
        "AzureWebJobsStorage",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "SSL_CERT_FILE",
    } <= differing
    assert not [name for name in same if "127.0.0.1" in one[name]]
