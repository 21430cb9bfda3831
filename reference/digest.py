"""The running hash of confirmed records, by which peers notice that their simulations differ (ME-4)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from reference.state import Record


@frozen(slots=False)
class Digest:
    """A hash of all confirmed records up to a frame; equal in every process for equal records."""

    value: str = ""
    """32 hexadecimal digits; empty before the first record."""

    def extend(self, record: Record) -> Digest:
        """Return the digest with one more record: what was done, what it yielded, nothing local to a peer."""
        outcome = record.outcome
        yielded = (
            None
            if outcome is None
            else (
                sorted(outcome.rewards.items()),
                sorted(outcome.terminated.items()),
                sorted(outcome.truncated.items()),
                sorted((player, sorted(info.items())) for player, info in outcome.infos.items()),
            )
        )
        content = repr((self.value, record.actions.actions, yielded, record.steps, record.over))
        return Digest(blake2b(content.encode(), digest_size=16).hexdigest())

    def cleared(self) -> Digest:
        """Return the digest of no record."""
        return Digest()
