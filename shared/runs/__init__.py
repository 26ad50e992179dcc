"""The engine: a run is planned, driven step by step, recorded, ended, and picked up again after a crash.

It knows no step: packages register their workflows (workflows.py). A step is given a StepContext (context.py) and answers an
Outcome (model.py). Also here: the routes that show, retry and cancel runs.
"""
