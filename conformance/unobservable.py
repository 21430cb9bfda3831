"""Mutants that no behaviour can tell from the reference, each with the reason."""

from __future__ import annotations


def unobservable() -> dict[str, str]:
    """Return the reason by mutant."""
    return {}
