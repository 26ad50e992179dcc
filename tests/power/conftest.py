"""The fixture `tables` for tests of stores."""

from tests.storage import azurite_tables, tables

__all__ = ["azurite_tables", "tables"]
