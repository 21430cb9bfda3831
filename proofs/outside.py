"""Which files of the reference the proof does not look into, and whether they are as they were when last published.

What is in them is held to laws, and runs in every session that `rollproof verify` plays. A mistake that shows in
neither would not be noticed; so a verdict names those that somebody has edited.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from rollproof.model.documents import write_text
from rollproof.reference import protocol

FILES = (
    "config.py",
    "containers.py",
    "copying.py",
    "digest.py",
    "export.py",
    "tick.py",
    "transition.py",
    "values.py",
    "wire.py",
    "world.py",
)
"""What no obligation is about, or only in part: the proof has containers, worlds and hashes of its own."""
FILE = Path(__file__).with_name("outside.json")
"""The hash of each as it was published; `python -m rollproof.proofs.outside` renews it."""


def touched() -> list[str]:
    """Return those that are not as they were published."""
    published = json.loads(FILE.read_text(encoding="utf-8"))
    return [name for name, value in _hashes().items() if published.get(name) != value]


def _hashes() -> dict[str, str]:
    folder = Path(protocol.__file__).parent
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


if __name__ == "__main__":
    write_text(FILE, json.dumps(_hashes(), indent=1) + "\n")
