"""What is known of a hub beside its specification: what was made for it, where it answers, what is under way. None of it is secret.

`model.py` has the whole, `parts.py` the parts it is made of, one column of the hub's row each. `facts.py` reads rows of earlier
versions. Not here: the rules of its power by hand and by schedule (`shared.schedules.record`).
"""
