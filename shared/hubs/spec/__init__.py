"""The specification, which a person writes: its fields, defaults and rules. Pure."""
