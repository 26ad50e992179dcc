"""Data: regions, resource providers with their types, and built-in roles."""

LOCATIONS = {
    "australiaeast": "Australia East",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "centralus": "Central US",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "japaneast": "Japan East",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uksouth": "UK South",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}

ZONELESS = {"westus", "northcentralus", "westcentralus"}
"""Regions without availability zones."""

API_VERSIONS = {
    "Microsoft.Authorization": ["2022-05-01-preview", "2022-04-01", "2018-07-01"],
    "Microsoft.Compute": ["2025-01-02", "2024-07-01", "2024-03-02", "2021-07-01"],
    "Microsoft.ContainerRegistry": ["2025-11-01", "2025-04-01", "2023-07-01"],
    "Microsoft.ContainerService": ["2026-08-01", "2026-01-01", "2025-10-01", "2025-03-01"],
    "microsoft.insights": ["2022-10-01", "2015-04-01"],
    "Microsoft.KeyVault": ["2025-05-01", "2024-11-01", "2023-07-01"],
    "Microsoft.ManagedIdentity": ["2024-11-30", "2023-01-31"],
    "Microsoft.Network": ["2025-05-01", "2024-05-01", "2023-09-01", "2018-05-01"],
    "Microsoft.PolicyInsights": ["2024-10-01", "2023-03-01"],
    "Microsoft.Resources": ["2025-04-01", "2022-09-01", "2021-04-01"],
    "Microsoft.Storage": ["2025-01-01", "2023-05-01"],
    "Microsoft.Web": ["2024-04-01"],
}
"""Provider namespaces in Azure's spelling, and API versions they list, newest first."""

ALWAYS_REGISTERED = {"microsoft.authorization", "microsoft.resources"}
UNREGISTERED_AT_FIRST = {"microsoft.insights", "microsoft.containerregistry"}
"""In a subscription where nobody has used them yet; the others are in use."""

REGISTRATION_SECONDS = 60.0
"""Not recorded anywhere; providers are seen to take about a minute."""

ROLES = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "User Access Administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "Role Based Access Control Administrator": "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "DNS Zone Contributor": "befefa01-2a29-4197-83a8-272ff33ce314",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "Azure Kubernetes Service Cluster Admin Role": "0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8",
    "Azure Kubernetes Service Cluster User Role": "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
    "Azure Kubernetes Service Contributor Role": "ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
}


ROLE_ACTIONS: dict[str, tuple[list[str], list[str]]] = {
    "Owner": (["*"], []),
    "Contributor": (
        ["*"],
        [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    ),
    "Reader": (["*/read"], []),
    "Network Contributor": (["Microsoft.Authorization/*/read", "Microsoft.Network/*"], []),
}
"""Actions and notActions ("Azure built-in roles"), as far as they matter here; the other roles allow none of what is asked for."""


def provider_name(namespace: str) -> str | None:
    """The namespace in Azure's spelling."""
    return next((name for name in API_VERSIONS if name.lower() == namespace.lower()), None)


def location_name(text: str) -> str | None:
    """`westus` for `westus` or `West US`. None: no such region."""
    name = text.replace(" ", "").lower()
    return name if name in LOCATIONS else None
