"""The running hash of confirmed records, by which peers notice that their simulations differ (ME-4)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from reference.state import Record


@frozen
class Digest:
    """A hash of all confirmed records up to a frame; equal in every process for equal records."""

    value: str = ""
    """32 hexadecimal digits; empty before the first record."""

    def extend(self, record: Record) -> Digest:
        """Return the digest with one more record: what was done, what it yielded, nothing local to a peer."""
        content = [self.value, record.actions.actions, record.steps, record.over]
        outcome = record.outcome
        if outcome is not None:
            content += (sorted(each.items()) for each in (outcome.rewards, outcome.terminated, outcome.truncated))
            content += ((player, sorted(own.items())) for player, own in sorted(outcome.infos.items()))
        return Digest(blake2b(repr(content).encode(), digest_size=16).hexdigest())

    def cleared(self) -> Digest:
        """Return the digest of no record."""
        return Digest()
