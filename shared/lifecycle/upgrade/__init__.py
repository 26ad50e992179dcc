"""PATCH /hubs/{name}: the steps that change an existing hub, from its nodes to its Helm release.

Not here: the differences between two specifications (shared.hubs.patch) and the checks (shared.checks.upgrade).
"""
