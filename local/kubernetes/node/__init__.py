"""The node: kubelet, containers as processes, their files and status."""
