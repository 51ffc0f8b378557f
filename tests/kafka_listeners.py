"""Further listeners of a test broker: protocols, properties, and what the broker must be told before it starts."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

Protocol = Literal["SSL", "SASL_SSL"]


class Listener(NamedTuple):
    """What one listener speaks; `properties` are named as without a prefix for the listener."""

    protocol: Protocol
    properties: Mapping[str, str]


class Listeners(NamedTuple):
    """Listeners by name, which is in capitals; each is on a port of its own."""

    by_name: Mapping[str, Listener] = {}
    storage_arguments: tuple[str, ...] = ()
    """Arguments of the tool that formats a broker's storage: `--add-scram` and its users."""
    jvm_options: tuple[str, ...] = ()

    @property
    def protocols(self) -> dict[str, str]:
        """Return the protocol of each listener."""
        return {name: listener.protocol for name, listener in self.by_name.items()}

    @property
    def properties(self) -> dict[str, str]:
        """Return the properties of a broker that has these listeners."""
        return dict(self._prefixed())

    def _prefixed(self) -> Iterator[tuple[str, str]]:
        for name, listener in self.by_name.items():
            for key, value in listener.properties.items():
                yield f"listener.name.{name.lower()}.{key}", value


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on right now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def servers_at(ports: Iterable[int]) -> str:
    """Return bootstrap servers on these ports of loopback."""
    return ",".join(f"127.0.0.1:{port}" for port in ports)
