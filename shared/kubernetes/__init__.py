"""The adapters to a cluster and what runs on it: its API, Helm (the real binary), JupyterHub's and BinderHub's own APIs."""
