"""Every default of a hub, in one place.

They are the values that the two tutorials behind Hubkeeper use, so that `{"name": "r5"}` makes what following them by hand
makes. The few that had to differ say why.
"""

from typing import Final

ADDRESS_PREFIX = "10.0.0.0/8"
SUBNET_PREFIX = "10.240.0.0/16"
SERVICE_CIDR = "10.0.0.0/16"
DNS_SERVICE_IP = "10.0.0.10"

NODE_COUNT = 3
VM_SIZE = "Standard_D2s_v3"
MAX_PODS = 30
"""Azure's own default for the azure network plugin without overlay, and what the tutorial counts its 90 users with."""
NETWORK_PLUGIN: Final = "azure"
NETWORK_POLICY: Final = "azure"
ADMIN_USERNAME = "azureuser"
NODE_POOL = "nodepool1"
"""What `az aks create` calls the first pool."""

CHART: Final = "jupyterhub"
RELEASE = "jhub"
NAMESPACE = "jhub"
"""The chart's version is not a default here: it is the newest stable one of the chart repository when the hub is made."""

REGISTRY_SKU: Final = "Basic"
"""The cheapest; it keeps 10 GiB of images, and takes more at a price."""
IMAGE_BUILDER: Final = "dind"
"""BinderHub's chart builds with the node's own Docker, which AKS' nodes have not had since they run containerd. This way each node
gets a Docker of its own in a pod."""

PASSWORD_DAYS = 365
"""How long a service principal's password is good for, as `az ad sp create-for-rbac` makes it."""

OWNER_TAG = "hubkeeper-hub"
"""Azure tag on everything made for a hub; its value is the hub's name. What does not carry it is never deleted."""
