"""What was proved before, kept in files: an obligation is not proved again if all that it rests on is the same.

An entry is found by a digest of everything that its proof depends on: rollproof's own code, the solver, the properties,
what is assumed, the transition with whatever its functions name, and the guards that the properties ask about. What is
not the same has another digest, so that nothing ever has to be declared out of date. Only success is kept.

An entry carries a code made with a secret of this user's, and one whose code is not right is not there: an entry that
was changed, cut, copied from another one or written by somebody else is ignored. Whoever can read the secret can run
programs in this user's name, and needs no cache to lie.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Collection, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import frozen

from rollproof.model.designs.digests import digest, digest_of_statements
from rollproof.model.theorems.environment import ASSUMPTIONS, WHATEVER_PARTNERS_SAY
from rollproof.model.theorems.possibility import CONDITIONS
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.proofs.induction import Discharge
from rollproof.reference.state import Extra
from rollproof.reference.transition import Protocol

MOST = 5_000
"""How many entries are kept; when there are more, the oldest quarter is removed."""
LARGEST = 20_000_000
"""Bytes of an entry; a larger one is neither written nor read."""
_SECRET = "secret"


def usual_folder() -> Path:
    """Return the folder of the cache: ROLLPROOF_CACHE, or else the user's own for caches."""
    named = os.environ.get("ROLLPROOF_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollproof"


@frozen
class Store:
    """A folder of entries. Any number of processes may use it at once: a file is written whole, under its own name."""

    folder: Path
    secret: bytes

    @staticmethod
    def open(folder: Path | None = None) -> Store | None:
        """Return the store in a folder, made if it is not there; None if it cannot be this user's alone."""
        folder = folder or usual_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = folder.stat()
            if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & 0o022):
                return None
            with contextlib.suppress(FileExistsError):
                _write(folder / _SECRET, secrets.token_bytes(32), exclusive=True)
            secret = (folder / _SECRET).read_bytes()
        except OSError:
            return None
        if len(secret) != 32:
            return None
        store = Store(folder, secret)
        store._prune()
        return store

    def get(self, key: str) -> Any:
        """Return what is kept under a key; None if there is nothing, or it is not what was written."""
        try:
            path = self.folder / key[:2] / key
            if path.stat().st_size > LARGEST:
                return None
            content = path.read_bytes()
            code, _, text = content.partition(b"\n")
            if not hmac.compare_digest(code, self._code(key, text)):
                return None
            return json.loads(text)
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value under a key. If that cannot be done, nothing is kept."""
        text = json.dumps(value, separators=(",", ":")).encode()
        if len(text) > LARGEST:
            return
        with contextlib.suppress(OSError):
            (self.folder / key[:2]).mkdir(mode=0o700, exist_ok=True)
            _write(self.folder / key[:2] / key, self._code(key, text) + b"\n" + text)

    def _code(self, key: str, text: bytes) -> bytes:
        return hmac.new(self.secret, key.encode() + b"\n" + text, sha256).hexdigest().encode()

    def _prune(self) -> None:
        with contextlib.suppress(OSError):
            entries = [each for each in self.folder.glob("??/*") if each.is_file()]
            if len(entries) > MOST:
                entries.sort(key=lambda each: each.stat().st_mtime)
                for each in entries[: len(entries) - MOST * 3 // 4]:
                    each.unlink(missing_ok=True)


def _write(path: Path, content: bytes, *, exclusive: bool = False) -> None:
    """Write a file whole: under a name of its own first, which then becomes the right one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if exclusive:
            os.link(name, path)
            os.unlink(name)
        else:
            os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


# --- proofs -----------------------------------------------------------------------------------------------------------


class Kept:
    """What was proved before of a protocol, under what is in force now (`proofs.induction.Memory`)."""

    def __init__(self, store: Store, protocol: Protocol, players: int | None = None) -> None:
        """Look in a store; proofs for so many players are others than those for any number."""
        self.store, self.protocol, self.players = store, protocol, players
        self.stated = digest_of_statements(*(each for _, each in sorted(PROPERTIES.items())), *_kept(protocol))

    def find(self, name: str) -> list[Discharge] | None:
        """Return the discharges of a transition, of the start or of the consequences, if all are known to be proved."""
        key = self._key(name)
        asked = self.store.get(key)
        found = None if asked is None else self.store.get(self._key_with(key, asked))
        if found is None:
            return None
        ways, goals = found["ways"], found["goals"]
        pairs = ((*ways[way], *goals[goal]) for way, goal in found["proved"])
        return [
            Discharge(transition, path, name, clause, proved=True, reason="")
            for transition, path, name, clause in pairs
        ]

    def keep(self, name: str, proved: list[Discharge], asked: Collection[str]) -> None:
        """Remember them; `asked` names the other transitions whose guards the properties ask about."""
        key = self._key(name)
        ways = _numbered((each.transition, each.path) for each in proved)
        goals = _numbered((each.property, each.clause) for each in proved)
        rows = [[ways[each.transition, each.path], goals[each.property, each.clause]] for each in proved]
        self.store.put(self._key_with(key, asked), {"ways": list(ways), "goals": list(goals), "proved": rows})
        self.store.put(key, sorted(asked))

    def _key(self, name: str) -> str:
        tables = (CONDITIONS, ASSUMPTIONS, WHATEVER_PARTNERS_SAY)
        stated = digest_of_statements(*(table.get(name) for table in tables))
        return digest("proof", name, self.players, self.stated, stated, self.protocol.transitions.get(name))

    def _key_with(self, key: str, asked: Collection[str]) -> str:
        known = self.protocol.transitions
        guards = tuple((name, known[name].guards if name in known else None) for name in sorted(asked))
        return digest(key, guards)


def _kept(protocol: Protocol) -> tuple[type, Extra]:
    """Return what the protocol keeps beside: what it is like, and what it is at first."""
    return type(protocol.extra), protocol.extra


def _numbered(values: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {value: number for number, value in enumerate(dict.fromkeys(values))}
