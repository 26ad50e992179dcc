"""DELETE /hubs/{name}: the steps that delete the hub's resources, and the receipt of what is left."""
