"""The running hash of confirmed records, by which peers notice that their simulations differ (ME-4)."""

from __future__ import annotations

from hashlib import blake2b

from rollproof.reference.values import canonical, frozen
from rollproof.reference.world import Record


@frozen
class Digest:
    """A hash of all confirmed records up to a frame; equal in every process for equal records."""

    value: str = ""
    """32 hexadecimal digits; empty before the first record."""

    def extend(self, record: Record) -> Digest:
        """Return the digest with one more record: what was done, what it yielded, nothing local to a peer.

        It is BLAKE2b, with 16 bytes, of the canonical JSON text of a list: the digest so far, the actions in player
        order, the steps taken, whether the episode is over; and then, unless the frame comes after the end, what the
        world yielded, each by player: rewards, terminated, truncated, infos.
        """
        content = [self.value, record.actions.actions, record.steps, record.over]
        outcome = record.outcome
        if outcome is not None:
            content += outcome.rewards, outcome.terminated, outcome.truncated, outcome.infos
        return Digest(blake2b(canonical(content).encode(), digest_size=16).hexdigest())

    def cleared(self) -> Digest:
        """Return the digest of no record."""
        return Digest()
