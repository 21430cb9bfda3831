"""Tests of the conformance suite."""

import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from rollproof.conformance.cases.case import Case, published_cases

T = TypeVar("T")


def with_most_memory(task: Callable[[], T]) -> tuple[T, int]:
    """Return what a task returns, and the most memory that it takes, in bytes."""
    tracemalloc.start()
    try:
        return task(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@cache
def cases() -> dict[str, Case]:
    """Return the published cases by id, read once."""
    return {case.id: case for case in published_cases()}
