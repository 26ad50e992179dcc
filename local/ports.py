"""Where the services of one copy of the local cloud listen. PORT_OFFSET moves them all, so that copies can run side by side."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ports:
    """All on 127.0.0.1 unless said otherwise. Copies need offsets at least 200 apart."""

    offset: int = 0

    @property
    def functions(self) -> int:
        return 7071 + self.offset

    @property
    def charts(self) -> int:
        """The chart repository, plain HTTP."""
        return 7072 + self.offset

    @property
    def engine(self) -> int:
        """The durable backend's gRPC port, inside the functions host."""
        return 7073 + self.offset

    @property
    def blobs(self) -> int:
        return 7074 + self.offset

    @property
    def queues(self) -> int:
        return 7075 + self.offset

    @property
    def tables(self) -> int:
        return 7076 + self.offset

    @property
    def control(self) -> int:
        return 7079 + self.offset

    @property
    def arm(self) -> int:
        """Azure Resource Manager, TLS."""
        return 7080 + self.offset

    @property
    def graph(self) -> int:
        """Microsoft Graph, TLS."""
        return 7081 + self.offset

    @property
    def keyvault(self) -> int:
        """The data plane of the one key vault, TLS."""
        return 7082 + self.offset

    @property
    def identity(self) -> int:
        """The managed identity endpoint of the functions host, plain HTTP as on App Service."""
        return 7083 + self.offset

    @property
    def prices(self) -> int:
        """The retail price list, TLS."""
        return 7084 + self.offset

    @property
    def kubernetes(self) -> range:
        """API servers, one port a cluster, TLS."""
        return range(7100 + self.offset, 7200 + self.offset)

    @property
    def network(self) -> str:
        """First two octets of this copy's loopback addresses: load balancers are x.x.0.n, pods x.x.1.n and up."""
        return f"127.{20 + (self.offset // 200) % 200}"
