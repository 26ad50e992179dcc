"""The product's settings for this copy of the local cloud: what app settings and the platform are in Azure."""

import sys
from pathlib import Path

from local import names
from local.azure.identity import identity_header
from local.ports import Ports
from local.world import World

_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Published with the storage emulator: it opens no account but Azurite's (https://learn.microsoft.com/azure/storage/common/storage-use-azurite)."""


def environment(world_state: Path, ports: Ports) -> dict[str, str]:
    """Variables for the functions host. The local cloud may run or not; its state folder is made if it is not there."""
    state = world_state.resolve()
    authority = str(state / "tls" / "ca.pem")
    return {
        "AZURE_SUBSCRIPTION_ID": names.SUBSCRIPTION,
        "AZURE_TENANT_ID": names.TENANT,
        "KEY_VAULT_URL": f"https://127.0.0.1:{ports.keyvault}",
        "HUBKEEPER_KEY_VAULT_VERIFY": "false",
        "HUBKEEPER_ARM_ENDPOINT": f"https://127.0.0.1:{ports.arm}",
        "HUBKEEPER_GRAPH_ENDPOINT": f"https://127.0.0.1:{ports.graph}",
        "HUBKEEPER_LOGIN_ENDPOINT": f"https://127.0.0.1:{ports.graph}",
        "HUBKEEPER_CHART_REPOSITORY": f"http://127.0.0.1:{ports.charts}/",
        "HUBKEEPER_HELM": str(Path(sys.executable).parent / "helm"),
        "AzureWebJobsStorage": storage(ports),
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{ports.identity}/msi/token",
        "IDENTITY_HEADER": _identity_header(state, ports),
        "AZURE_TOKEN_CREDENTIALS": "managedidentitycredential",
        "REQUESTS_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "NO_PROXY": "*",
        "no_proxy": "*",
        "WEBSITE_HOSTNAME": f"127.0.0.1:{ports.functions}",
        # Plain JSON between orchestrators and activities; without it the SDK warns at its first payload.
        "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1",
    }


def storage(ports: Ports) -> str:
    """Azurite's connection string."""
    parts = {"DefaultEndpointsProtocol": "http", "AccountName": _ACCOUNT, "AccountKey": _ACCOUNT_KEY}
    services = {"BlobEndpoint": ports.blobs, "QueueEndpoint": ports.queues, "TableEndpoint": ports.tables}
    parts |= {name: f"http://127.0.0.1:{port}/{_ACCOUNT}" for name, port in services.items()}
    return "".join(f"{name}={value};" for name, value in parts.items())


def _identity_header(state: Path, ports: Ports) -> str:
    world = World(state, ports)
    try:
        return identity_header(world)
    finally:
        world.close()
