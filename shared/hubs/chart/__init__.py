"""The Helm chart's values, made from a specification and from what is known of the hub, and what they say of its logins. Pure."""
