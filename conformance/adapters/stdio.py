"""The loop of an adapter that is a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from rollproof.conformance.schema import Json


def serve(handle: Callable[[Json], Json]) -> None:
    """Answer requests, a line each, until `bye` or the end of the input."""
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(handle(request), separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if request["op"] == "bye":
            return
