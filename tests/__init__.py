"""The tests. Those marked `long` repeat at length what others show in short: `make test-long`."""

import os
from collections.abc import Container, Iterable
from typing import Any

import pytest

LONG = os.environ.get("ROLLPROOF_FUZZ") == "1"
"""Whether randomized tests may take hours (`make fuzz`)."""


def long_but(usual: Container[Any], every: Iterable[Any]) -> list[Any]:
    """Return parameters of a test: all of them, of which those that are not `usual` are marked `long`."""
    return [each if each in usual else pytest.param(each, marks=pytest.mark.long) for each in every]
