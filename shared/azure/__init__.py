"""The adapters to Azure: Resource Manager, AKS, DNS, registries, Key Vault, Microsoft Graph, Table Storage. The SDKs stay inside.

Every failure leaves as one of the two kinds of shared.errors, temporary or permanent.
"""
