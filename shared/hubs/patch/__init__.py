"""The difference between two specifications: what changes, how, what it interrupts, and what cannot be changed. Pure."""
