"""Results kept in files, by the digest of all that they rest on (`proofs.kept`).

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
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import frozen

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
