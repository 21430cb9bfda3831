"""Installing third-party implementations by their registries' own clients, and never into the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
THIRD_PARTY = ROOT / "build" / "third-party"
MUG = THIRD_PARTY / "mug"
NETPLAYJS = THIRD_PARTY / "netplayjs"
MUG_SOURCE = "mug/server/static/js"
MUG_SHA256 = "408a335359aa48677ca3c51b0dee6867efcd044d51509d11fa80a4e4b86f1cf2"
"""Of the wheel."""
NETPLAYJS_SHA256 = {
    "netplay.js": "0b096d46c85ef0c9dfd5e59a818c2ea47eb64293cca2db7fec932b2aabc2573f",
    "netplay.min.js": "25c01932bf7791f720c560b1870d4d69a103caea77efe9487339df3c750c92f1",
}
"""Of the two builds in the package."""


class InstallError(Exception):
    """Something could not be installed."""


def install() -> None:
    """Install what is not installed yet.

    Raises:
        InstallError: if a registry's client fails, or something else arrives than what was judged.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise InstallError("Node 20 with npm is needed: neither may be missing")
    if not (MUG / "installed").exists():
        _install_mug()
    if not (NETPLAYJS / "installed").exists():
        _install_netplayjs()


def _install_mug() -> None:
    shutil.rmtree(MUG, ignore_errors=True)
    MUG.mkdir(parents=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", str(MUG)]
    _run([sys.executable, "-m", "pip", "download", *options, "multi-user-gymnasium==0.1.3"])
    wheel = next(MUG.glob("*.whl"))
    _expect(wheel, MUG_SHA256)
    with ZipFile(wheel) as archive:
        archive.extractall(MUG, [name for name in archive.namelist() if name.startswith(MUG_SOURCE)])
    # Node takes a .js file for a module only if a package.json beside it says so; MUG's files are as they are shipped.
    (MUG / MUG_SOURCE / "package.json").write_text('{"type": "module"}\n', encoding="utf-8")
    (MUG / "installed").touch()


def _install_netplayjs() -> None:
    shutil.rmtree(NETPLAYJS, ignore_errors=True)
    NETPLAYJS.mkdir(parents=True)
    (NETPLAYJS / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    options = ["--silent", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    _run(["npm", "install", "--prefix", str(NETPLAYJS), *options, "netplayjs@0.4.1"])
    for name, digest in NETPLAYJS_SHA256.items():
        _expect(NETPLAYJS / "node_modules" / "netplayjs" / "dist" / name, digest)
    (NETPLAYJS / "installed").touch()


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        raise InstallError(f"{command[0]} has not ended after five minutes") from None
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines() or ["it does not say why"]
        raise InstallError(f"{' '.join(command[-1:])} cannot be installed: {lines[-1]}") from None


def _expect(path: Path, digest: str) -> None:
    found = sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise InstallError(f"{path.name} is not what was judged: its SHA-256 is {found}")
