"""Create, upgrade and teardown of a hub: the plan, the steps, the command and the routes of each.

Not here: starts and stops (power), the reading before anything is touched (checks), helpers that several steps share (resources).
"""
