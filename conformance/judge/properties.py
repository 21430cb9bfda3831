"""The named properties that a case can expect: each is stated once, in `outside`, `inside` or `steps`."""

from __future__ import annotations

from rollproof.conformance.judge import inside, outside, steps
from rollproof.conformance.judge.evidence import PROPERTIES, Evidence, Property

__all__ = ["PROPERTIES", "Evidence", "Property", "inside", "outside", "steps"]
