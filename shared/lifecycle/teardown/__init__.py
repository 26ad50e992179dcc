"""DELETE /hubs/{name}: the steps that delete what was made for the hub, and the receipt of what is left."""
