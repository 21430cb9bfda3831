"""The laboratory packed for a browser: an interpreter, its library, the solver, and the project's own Python, as text.

A page that is opened from a file may load scripts, and nothing else. So everything is in one script, which only sets
one global name.
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

from rollproof.lessons.chapters.proving import judged

ROOT = Path(__file__).resolve().parents[2]
NPM = Path(__file__).with_name("npm")
SOLVER = "z3-solver==5.3.3.0"
"""The newest release of the solver for the platform of the interpreter; its wheel is fetched by hash."""
SOLVER_HASH = "sha256:9381d9516345f53b21a8f4df243c5d608e9625aac658c3fb3975457bad260f60"
PLATFORM = ("pyemscripten_2026_0_wasm32", "3.14")
CHAPTERS = ("reference", "model", "proofs", "lessons/laboratory", "lessons/exercises", "lessons/chapters")
LIBRARIES = ("attrs", "immutables", "rich")
"""The distributions that a search, a session, a picture and a proof need."""
GLOBAL = "rollproofEngine"
_EPOCH = (1980, 1, 1, 0, 0, 0)


class SetUpError(RuntimeError):
    """Something that the site is made of cannot be fetched. Its text is one line."""


def fetch(folder: Path) -> None:
    """Fetch what is not Python's: the interpreter and the checker by npm, the solver's wheel by pip.

    Raises:
        SetUpError: if it cannot be fetched.
    """
    modules = folder / "npm"
    modules.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        (modules / name).write_bytes((NPM / name).read_bytes())
    if not (modules / "node_modules" / "pyodide" / "pyodide.asm.wasm").is_file() or not _axe(modules).is_file():
        _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], modules)
    if not list((folder / "wheels").glob("z3_solver-*.whl")):
        wanted = folder / "solver.txt"
        wanted.write_text(f"{SOLVER} --hash={SOLVER_HASH}\n", encoding="utf-8")
        platform, version = PLATFORM
        _run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
                *("--require-hashes", "--only-binary=:all:", "--platform", platform, "--python-version", version),
                *("--dest", str(folder / "wheels"), "--requirement", str(wanted)),
            ],
            folder,
        )


def _axe(modules: Path) -> Path:
    return modules / "node_modules" / "axe-core" / "axe.min.js"


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetUpError(f"{command[0]} does not work: {error}") from None
    if done.returncode != 0:
        told = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise SetUpError(f"{' '.join(command[:3])} failed: {told[-1][:200]}")


def engine_script(folder: Path) -> str:
    """Return the script with everything in it, made of what `fetch` has fetched."""
    pyodide = folder / "npm" / "node_modules" / "pyodide"
    (wheel,) = (folder / "wheels").glob("z3_solver-*.whl")
    parts = {
        "wasm": _gzipped((pyodide / "pyodide.asm.wasm").read_bytes()),
        "assembly": _gzipped((pyodide / "pyodide.asm.mjs").read_bytes()),
        "loader": _gzipped((pyodide / "pyodide.mjs").read_bytes()),
        "lock": _gzipped((pyodide / "pyodide-lock.json").read_bytes()),
        "library": (pyodide / "python_stdlib.zip").read_bytes(),
        "project": _zipped(_project()),
        "solver": _zipped(_solver(wheel)),
    }
    packed = {name: b64encode(content).decode() for name, content in parts.items()}
    return f"globalThis.{GLOBAL} = {json.dumps(packed)};\n"


def _project() -> Iterator[tuple[str, bytes]]:
    """Yield the files of the project that the laboratory needs, and of the libraries that these need."""
    yield "rollproof/__init__.py", (ROOT / "rollproof" / "__init__.py").read_bytes()
    for name in ("__init__", "worker"):
        yield f"rollproof/lessons/{name}.py", (ROOT / "lessons" / f"{name}.py").read_bytes()
    for chapter in CHAPTERS:
        for file in sorted((ROOT / chapter).rglob("*")):
            if file.suffix in (".py", ".json", ".toml") and "__pycache__" not in file.parts:
                yield f"rollproof/{file.relative_to(ROOT).as_posix()}", file.read_bytes()
    yield "rollproof/lessons/chapters/judged.json", json.dumps(judged()[1]).encode()
    for library in LIBRARIES:
        for each in distribution(library).files or ():
            code = each.suffix == ".py" and not {"tests", ".."} & set(each.parts)
            if code or each.name == "METADATA":
                yield each.as_posix(), Path(str(each.locate())).read_bytes()


def _solver(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith((".so.5.3", "/", ".h")):
                yield name, archive.read(name)


def _zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)
