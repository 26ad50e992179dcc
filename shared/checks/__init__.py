"""The checks before anything is touched: Azure's limits and policies, free names, nodes, the chart's answer to the values.

They read and change nothing. Creates, upgrades and dry runs ask them.
"""
