"""An arbitrary peer: the state from which the proofs step."""

from __future__ import annotations

from model import symbolic_containers
from model.shapes import CONTAINERS, make
from reference.state import Peer

CONTAINERS.update(symbolic_containers.MAKERS)


def any_peer(name: str = "peer") -> Peer:
    """Return a peer of whose state nothing is known but its shape; its constants are named after `name`."""
    peer: Peer = make("Peer", name)
    return peer
