"""rollproof: find out whether rollback netcode is right.

Everything is one import package. In an installed rollproof its chapters (`reference`, `model`, `proofs`, `conformance`,
`lessons`) are folders inside this one; in a checkout they lie beside it, where a reader finds them.
"""

from pathlib import Path

__version__ = "0.1.0"

_CHECKOUT = Path(__file__).resolve().parents[1]
if (_CHECKOUT / "reference" / "protocol.py").is_file():
    __path__.append(str(_CHECKOUT))
