"""POST /hubs: the steps from an empty subscription to a hub that answers.

steps.py lists them, plan.py chooses those that a hub needs, and workflow.py names the function of each.
"""
