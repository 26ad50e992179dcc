"""An emulated AKS cluster: an API server, controllers and a node whose pods are processes on this machine.

cluster.py puts one together, clusters.py keeps them all.
"""
