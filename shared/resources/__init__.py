"""The Azure and Kubernetes resources of one hub: request bodies, and the helpers that find or ensure one resource for the steps.

Not here: the order in which they are made (lifecycle), and the calls themselves (azure, kubernetes).
"""
