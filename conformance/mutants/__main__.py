"""`python -m rollproof.conformance.mutants NAME` serves a mutant of the reference on stdin and stdout."""

from __future__ import annotations

import sys

from rollproof.conformance.adapters.stdio import serve
from rollproof.conformance.mutants.catalogue import find_mutant


def main(arguments: list[str]) -> None:
    """Serve the mutant that the only argument names."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m rollproof.conformance.mutants NAME")
    try:
        mutant = find_mutant(arguments[0])
    except KeyError as error:
        raise SystemExit(str(error.args[0])) from None
    serve(mutant.make().handle)


if __name__ == "__main__":
    main(sys.argv[1:])
