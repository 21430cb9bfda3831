"""Tests of the conformance suite."""

from functools import cache

from rollproof.conformance.cases.case import Case, published_cases


@cache
def cases() -> dict[str, Case]:
    """Return the published cases by id, read once."""
    return {case.id: case for case in published_cases()}
