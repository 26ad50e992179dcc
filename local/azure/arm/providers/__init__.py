"""The resource providers but AKS: networks, DNS, compute, registries, roles and the rest."""
