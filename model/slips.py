"""Slips in the code under examination: a name that there is not is an error of its author, and refutes no rule."""

from __future__ import annotations

import re
from pathlib import Path
from traceback import walk_tb

import attrs

ROOT = Path(__file__).resolve().parents[1]
EXAMINERS = ("model", "proofs", "conformance", "lessons", "rollproof", "tests")
"""Whose code is not under examination."""
PARTS = ("containers", "values", "copying", "transition")
"""The modules of the reference that raise if they are asked for what is not there: that is their caller's fault."""
ASKED = (*PARTS, "tick")
"""Where something may be missing because a rule is broken: a guard that excludes it, or a transition."""
LIBRARIES = tuple(Path(str(each.__file__)).resolve().parents[1] for each in (re, attrs))
"""Where the standard library lies, and where other libraries do."""
_CALLED_WRONGLY = re.compile(r"(unexpected|invalid) keyword|required positional|positional arguments? but|not callable")


class SlipError(Exception):
    """The code under examination has a slip. The text is one line that names file and line."""


def raise_slip(error: Exception) -> None:
    """Raise what an exception tells of a slip; do nothing if it may be a rule that is broken.

    Raises:
        SlipError: if it is one.
    """
    if isinstance(error, SlipError):
        raise error
    every = ((_place(Path(frame.f_code.co_filename)), line) for frame, line in walk_tb(error.__traceback__))
    frames = [(place, line) for place, line in every if place is not None and place.parts[0] not in EXAMINERS]
    own = [(place, line) for place, line in frames if place.stem not in PARTS]
    if own and _is_slip(error, asked_in_vain=frames[-1][0].stem in ASKED):
        place, line = own[-1]
        text = " ".join(str(error).split())[:160]
        raise SlipError(f"{place}:{line}: {type(error).__name__}: {text}") from None


def _is_slip(error: Exception, *, asked_in_vain: bool) -> bool:
    match error:
        case NameError() | ImportError():
            return True
        case AttributeError():
            return "'NoneType'" not in str(error)
        case TypeError():
            return bool(_CALLED_WRONGLY.search(str(error)))
        case KeyError() | IndexError():
            return not asked_in_vain
    return False


def _place(file: Path) -> Path | None:
    """Return where a file lies, relative to ours if it is one of them; None if it belongs to a library."""
    found = file.resolve()
    if found.is_relative_to(ROOT) and "site-packages" not in found.relative_to(ROOT).parts:
        return found.relative_to(ROOT)
    return None if any(map(found.is_relative_to, LIBRARIES)) else file
