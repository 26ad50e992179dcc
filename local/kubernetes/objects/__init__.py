"""Objects as the API server keeps them: kinds, schema, defaults, rules, patches, server-side apply, the store."""
