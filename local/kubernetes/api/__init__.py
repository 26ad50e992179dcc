"""The API server over HTTP: paths, encodings, access, watches, tables, subresources."""
