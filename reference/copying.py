"""The one piece of generated code: a function that copies an object of a class, field by field.

A step makes ten copies of a peer, which has eighteen fields. A loop over the fields, or reading them all and calling
the class, makes a tick eight per cent slower (in processor instructions); so the copy is written out for each class, as
attrs does with `__init__`. It does what `attrs.evolve` does; a test compares the two for each class.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import attrs


def copier(cls: type) -> Callable[[Any], Any]:
    """Return the function that copies an object of an attrs class, or of a subclass, without running `__init__`."""
    assignments = "".join(f"    copy.{each.name} = value.{each.name}\n" for each in attrs.fields(cls))
    source = f"def __copy__(value):\n    copy = new(type(value))\n{assignments}    return copy\n"
    file = f"<copy of {cls.__module__}.{cls.__qualname__}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for tracebacks and debuggers
    scope: dict[str, Any] = {"new": object.__new__}
    exec(compile(source, file, "exec"), scope)
    written: Callable[[Any], Any] = scope["__copy__"]
    return written
