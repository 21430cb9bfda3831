"""The running hash of confirmed records, by which peers notice that their simulations differ (ME-4)."""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import TYPE_CHECKING

from rollproof.reference.values import frozen

if TYPE_CHECKING:
    from rollproof.reference.state import Record

VALUES_ALONE = 2
"""The last format of `marshal` in which equal values of equal types always make equal bytes."""


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
            content += sorted(outcome.rewards.items()), sorted(outcome.terminated.items())
            content += [sorted(outcome.truncated.items())]
            content += [(player, sorted(infos.items())) for player, infos in sorted(outcome.infos.items())]
        return Digest(blake2b(marshal.dumps(content, VALUES_ALONE), digest_size=16).hexdigest())

    def cleared(self) -> Digest:
        """Return the digest of no record."""
        return Digest()
