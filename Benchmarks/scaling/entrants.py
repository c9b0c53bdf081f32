"""The servers that are measured, in the configurations of Benchmarks/peers."""

import dataclasses

from sidebyside.peers import Peer, Places
from sidebyside.server import running


@dataclasses.dataclass(frozen=True)
class Entrant:
    label: str
    peer: Peer
    server: dict
    places: Places

    def start(self):
        """A context that runs the server and gives its process and its URL."""
        return running(self.peer, self.server, self.places)


def find(peers: list[Peer], label: str, places: Places) -> Entrant | None:
    """The server of that label; None if it is not installed."""
    for peer in peers:
        for server in peer.servers:
            if server["label"] == label and peer.is_installed(places):
                return Entrant(label, peer, server, places)
    return None


def with_loops(entrant: Entrant, loops: int) -> Entrant:
    """The same broker with so many loops."""
    command = list(entrant.server["command"])
    command[command.index("--loops") + 1] = str(loops)
    return dataclasses.replace(entrant, label=f"broker, {loops} loops", server=entrant.server | {"command": command})
