"""PATCH /hubs/{name}: the steps that change a hub that is there, from its nodes to its Helm release.

Not here: the differences between two specifications (shared.hubs.patch) and the checks (shared.checks.upgrade).
"""
