"""Loading a protocol file: it is Python code of somebody else's, tried in a process of its own before it is believed.

That process has little time and memory, is told nothing and can say nothing; what the file does to it that a
definition does not, such as printing or changing what others use, is refused there. Only then is the file loaded here.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import linecache
import os
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, NoReturn

from rollproof.model.bounded import EndlessError, bounded
from rollproof.model.designs.checks import design_of
from rollproof.model.designs.design import Design
from rollproof.model.documents import DocumentError, read_bytes

LARGEST = 1_000_000
"""Bytes of a protocol file."""
LONGEST_S = 10.0
"""How long a file may take to load, in seconds."""
MEMORY = 2_000_000_000
"""How many bytes more than this process the one that tries a file may use."""
MOST_SAID = 100_000
"""How many bytes a file may print before it fails."""


class DesignError(DocumentError):
    """A protocol file is not what it must be. Its text is one line, with file and line where something is wrong."""


def load(spec: str) -> Design:
    """Return the design of FILE.py, or of FILE.py:NAME if there is more than one protocol in the file.

    Raises:
        DesignError: if there is no such file or protocol, or the file does something else than to define one.
    """
    file, name = split(spec)
    if not file.endswith(".py"):
        raise DesignError(f"{spec}: must be FILE.py, or FILE.py:NAME")
    return _loaded(Path(file).absolute(), file, name, _text(Path(file)))


def split(spec: str) -> tuple[str, str | None]:
    """Return the file and the name that FILE.py[:NAME] has."""
    file, colon, name = spec.rpartition(":")
    return (file, name) if colon and name.isidentifier() and file.endswith(".py") else (spec, None)


@cache
def _loaded(path: Path, shown: str, name: str | None, text: str) -> Design:
    _try(path, shown, name, text)
    return _design(path, shown, name, text)


def _text(path: Path) -> str:
    if not path.exists():
        raise DesignError(f"{path}: there is no such file")
    if not path.is_file():
        raise DesignError(f"{path}: is no file")
    try:
        return read_bytes(path, LARGEST).decode()
    except DocumentError as error:
        raise DesignError(str(error)) from None
    except UnicodeDecodeError as error:
        raise DesignError(f"{path}: is not UTF-8 at byte {error.start}") from None


def _design(path: Path, shown: str, name: str | None, text: str) -> Design:
    """Run the file, and return what it defines."""
    with _told(path, shown):
        return bounded(lambda: design_of(_executed(path, text), path, name))


def _executed(path: Path, text: str) -> ModuleType:
    linecache.checkcache(str(path))
    name = sha256(f"{path} {text}".encode()).hexdigest()
    module = ModuleType(f"protocol_file_{name[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where classes and pickles look for it
    try:
        exec(compile(text, str(path), "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


@contextlib.contextmanager
def _told(path: Path, shown: str) -> Iterator[None]:
    """Tell whatever goes wrong in a file in one line."""
    try:
        yield
    except DesignError:
        raise
    except SyntaxError as error:
        where = shown if error.filename == str(path) else f"{error.filename}"
        raise DesignError(f"{where}:{error.lineno}: {error.msg}") from None
    except DocumentError as error:
        raise DesignError(f"{shown}: {error}" if shown not in str(error) else str(error)) from None
    except EndlessError:
        raise DesignError(f"{shown}: does not come to an end when it is loaded: does it loop?") from None
    except MemoryError:
        raise DesignError(f"{shown}: is too large, or needs too much memory") from None
    except RecursionError:
        raise DesignError(f"{shown}: is nested too deeply, or calls itself without end") from None
    except Exception as error:
        raise DesignError(f"{place(error, path, shown)}: {type(error).__name__}: {error}") from None


def place(error: BaseException, path: Path, shown: str) -> str:
    """Return the last line of a file that an exception came through, as file:line; the file alone if there is none."""
    lines = [each.lineno for each in extract_tb(error.__traceback__) if each.filename == str(path)]
    return f"{shown}:{lines[-1]}" if lines else shown


# --- the process that tries a file ------------------------------------------------------------------------------------


def _try(path: Path, shown: str, name: str | None, text: str) -> None:
    if not hasattr(os, "fork"):
        return
    answers, answer = os.pipe()
    with tempfile.TemporaryFile() as said:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            os.close(answers)
            _be_tried(path, shown, name, text, said.fileno(), answer)
        os.close(answer)
        told = _heard(answers, child)
        printed = os.fstat(said.fileno()).st_size
    if told is None:
        raise DesignError(f"{shown}: is not loaded within {LONGEST_S:g} s: does it loop?")
    if printed:
        raise DesignError(f"{shown}: prints when it is loaded; it is to define a protocol, and nothing else")
    if not told:
        raise DesignError(f"{shown}: ends the process that loads it")
    problem = json.loads(told)
    if problem is not None:
        raise DesignError(problem)


def _heard(answers: int, child: int) -> bytes | None:
    """Return what the process answers; None if it does not end in time. It has ended afterwards."""
    told, end = b"", time.monotonic() + LONGEST_S
    try:
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([answers], [], [], left)[0]:
                return None
            some = os.read(answers, 65536)
            if not some:
                return told
            told += some
    finally:
        os.close(answers)
        for end_it in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                end_it(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _be_tried(path: Path, shown: str, name: str | None, text: str, said: int, answer: int) -> NoReturn:
    problem: str | None = f"{shown}: cannot be loaded"
    try:
        os.setpgid(0, 0)
        for signals in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signals, signal.SIG_DFL)
        _limit()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(fd, "w", closefd=False)) for fd in (1, 2))
        before = _surroundings()
        _design(path, shown, name, text)
        problem = _changed(shown, before, _surroundings())
    except DesignError as error:
        problem = str(error)
    except SystemExit:
        problem = f"{shown}: ends the process that loads it"
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os.write(answer, json.dumps(problem).encode())
        os._exit(0)


def _limit() -> None:
    try:
        import resource  # not there on every system
    except ImportError:
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    most = pages * resource.getpagesize() + MEMORY
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_SAID, MOST_SAID))


Surroundings = dict[str, Any]


def _surroundings() -> Surroundings:
    """Return what a file might change in its process besides what it defines, by what that is called."""
    found: Surroundings = {
        "the working directory": os.getcwd(),
        "the environment variables": dict(os.environ),
        "sys.path": list(sys.path),
        "sys.stdout": id(sys.stdout),
        "the recursion limit": sys.getrecursionlimit(),
        "the running threads": {each.ident for each in threading.enumerate() if each.name != "watch"},
        "the signal handlers": [_handler(each) for each in signal.valid_signals()],
    }
    for module in [builtins, *(each for name, each in sorted(sys.modules.items()) if name.startswith("rollproof"))]:
        if not isinstance(module, ModuleType):
            continue
        for name, value in vars(module).items():
            if name.startswith("__") or name in ("_watch", "_"):
                continue
            found[f"{module.__name__}.{name}"] = _identity(value)
            if isinstance(value, type) and value.__module__ == module.__name__:
                found |= {f"{module.__name__}.{name}.{each}": id(it) for each, it in vars(value).items() if _own(each)}
    return found


def _own(name: str) -> bool:
    return not name.startswith("_abc") and name not in ("__weakref__", "__dict__", "__doc__")


def _identity(value: Any) -> Any:
    if isinstance(value, dict):
        return (id(value), [(str(key), id(it)) for key, it in value.items()])
    if isinstance(value, list | set):
        return (id(value), len(value))
    mapping = getattr(value, "transitions", None)
    return (id(value), _identity(mapping)) if isinstance(mapping, dict) else id(value)


def _handler(number: int) -> Any:
    handler: Callable[..., Any] | int | None = signal.getsignal(number)
    return handler if isinstance(handler, int) else id(handler)


def _changed(shown: str, before: Surroundings, after: Surroundings) -> str | None:
    """Return what a file has changed, if it has; modules that it was the first to import are no change."""
    imported = {name.rpartition(".")[0] for name in before}
    for name, value in after.items():
        if before.get(name) != value and (name in before or name.rpartition(".")[0] in imported):
            if name not in before and not name.startswith("builtins."):
                owner = sys.modules.get(name.rpartition(".")[0])
                if isinstance(getattr(owner, name.rpartition(".")[2], None), ModuleType):
                    continue  # a module that was imported becomes an attribute of its package
            return f"{shown}: changes {_short(name)} when it is loaded; it is to define a protocol, and nothing else"
    gone = next((name for name in before if name not in after), None)
    return None if gone is None else f"{shown}: removes {_short(gone)} when it is loaded"


def _short(name: str) -> str:
    """Return a name without the modules, of which several may have it."""
    owner, _, last = name.rpartition(".")
    return name if owner in ("", "sys") else last if owner in sys.modules else f"{owner.rpartition('.')[2]}.{last}"
