"""The control loops: deployments, jobs, claims, endpoints, the scheduler and their like."""
