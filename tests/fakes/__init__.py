"""Stand-ins for adapters, shared by the tests. No test file imports another test file's."""
