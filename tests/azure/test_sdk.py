"""The SDKs' common ground is loaded before several threads can ask for it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.source

ENVIRONMENT = {
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_TENANT_ID": "t",
    "KEY_VAULT_URL": "https://v.vault.azure.net",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
PROGRAM = """
import sys
from shared.services import services
before = "azure.core.rest" in sys.modules
services()
needed = ("azure.core.rest", "azure.core.pipeline.policies", "azure.core.pipeline.transport._requests_basic")
print(before, *(name in sys.modules for name in needed))
"""


def test_whoever_gets_the_adapters_gets_them_with_azure_core_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["False", "True", "True", "True"]
