"""A hub as it is known: its specification, its record, how it is shown, and the things inside it.

ownership.py says whose a resource is, vault.py where secrets live. Not here: anything that is done to a hub.
"""
