"""When a hub should be on. Pure: rules and the time in, a decision with its reason out."""
