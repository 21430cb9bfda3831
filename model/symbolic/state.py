"""An arbitrary peer: the state from which the proofs step."""

from __future__ import annotations

from rollproof.model.symbolic import containers as symbolic_containers
from rollproof.model.symbolic.shapes import CONTAINERS, make
from rollproof.reference.state import Peer

CONTAINERS.update(symbolic_containers.MAKERS)


def any_peer(name: str = "peer") -> Peer:
    """Return a peer of whose state nothing is known but its shape; its constants are named after `name`."""
    peer: Peer = make("Peer", name)
    return peer
