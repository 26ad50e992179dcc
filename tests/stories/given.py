"""Bodies, headers and checks that stories share."""

from typing import Any


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["advice"]
    return body


SECOND_SEED: dict[str, Any] = {
    "name": "prd",
    "location": "eastus",
    "resourceGroup": "prd_rg_jhub",
    "network": {"name": "prd_vnet_jhub", "subnet": "default"},
    "identity": {"name": "sp_aks_jhub"},
    "cluster": {
        "name": "prd-aks-jhub",
        "nodeResourceGroup": "prd_rg_jhub_infra",
        "kubernetesVersion": "1.35.3",
        "autoscale": {"min": 3, "max": 6},
        "dockerBridgeAddress": "172.17.0.1/16",
    },
    "values": {"singleuser": {"memory": {"guarantee": "256M"}}},
    "release": {"version": "4.3.5"},
}


QUICK = {"singleuser": {"memory": {"guarantee": "64M"}}}


MERGE = {"content-type": "application/merge-patch+json"}
