"""The named properties that a case can expect: each is stated once, in `outside` or in `inside`."""

from __future__ import annotations

from conformance import inside, outside
from conformance.evidence import PROPERTIES, Evidence, Property

__all__ = ["PROPERTIES", "Evidence", "Property", "inside", "outside"]
