"""A hub's power: the tick and its rules, the steps of starts, stops and password rotations, the commands and routes.

people.py warns and waits for the people on a hub, upkeep.py is the nightly pass. Not here: when a hub should be on, which
shared.schedules decides from the clock alone.
"""
