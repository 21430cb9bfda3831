"""Installing third-party implementations by their registries' own clients, and never into the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from zipfile import ZipFile

from attrs import frozen

ROOT = Path(__file__).parents[2]
THIRD_PARTY = ROOT / "build" / "third-party"
WORKSPACE = ROOT / "conformance" / "adapters" / "rust"
RUST = THIRD_PARTY / "rust"
MUG_SOURCE = "mug/server/static/js"
SHA256: Mapping[str, str] = {
    "mug": "408a335359aa48677ca3c51b0dee6867efcd044d51509d11fa80a4e4b86f1cf2",
    "netplayjs/dist/netplay.js": "0b096d46c85ef0c9dfd5e59a818c2ea47eb64293cca2db7fec932b2aabc2573f",
    "netplayjs/dist/netplay.min.js": "25c01932bf7791f720c560b1870d4d69a103caea77efe9487339df3c750c92f1",
    "rollback-netcode/dist/session/session.js": "e7aad2f9595e4b742d3828b06741b4ee840b7789f4454e137df352ce2b228322",
    "rollback-netcode/dist/rollback/engine.js": "eafe95f8b8991b6405036dc3c40b401fed74af8506d456b1ad35aa102cb1f6f9",
    "@tboyt/telegraph/dist/Sync.js": "6c1b78d11da57d69e68528937f21038006afcc1b21b76abeba9d627405f9f3cf",
}
"""Of the wheel, and of files of the npm packages. Cargo checks what it downloads by itself."""
PATIENCE_S = 600


class NotRunError(Exception):
    """Something cannot be run here: a toolchain is missing, or a registry is out of reach."""


class InstallError(Exception):
    """Something else was installed than what was judged."""


class Recipe(Protocol):
    """How an implementation is installed, and where it is then."""

    def install(self) -> None:
        """Install what is not installed yet.

        Raises:
            NotRunError: if that is not possible here.
            InstallError: if something else arrives than what was judged.
        """

    def source(self) -> Path:
        """Return where its code is."""


@frozen
class Nothing:
    """Nothing has to be installed but Node."""

    directory: Path

    def install(self) -> None:
        """See `Recipe`."""
        _need("node")

    def source(self) -> Path:
        """See `Recipe`."""
        return self.directory


@frozen
class Npm:
    """A package of npm."""

    directory: str
    package: str
    version: str

    def install(self) -> None:
        """See `Recipe`."""
        _need("node", "npm")
        home = THIRD_PARTY / self.directory
        if (home / "installed").exists():
            return
        _fresh(home)
        (home / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        options = ["--silent", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        _run(["npm", "install", "--prefix", str(home), *options, f"{self.package}@{self.version}"])
        for name, digest in SHA256.items():
            if name.startswith(f"{self.package}/"):
                _expect(home / "node_modules" / name, digest)
        (home / "installed").touch()

    def source(self) -> Path:
        """See `Recipe`."""
        return THIRD_PARTY / self.directory / "node_modules" / self.package


@frozen
class Wheel:
    """A wheel of PyPI, of which a part is unpacked."""

    directory: str
    package: str
    version: str
    part: str

    def install(self) -> None:
        """See `Recipe`."""
        _need("node")
        home = THIRD_PARTY / self.directory
        if (home / "installed").exists():
            return
        _fresh(home)
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", str(home)]
        _run([sys.executable, "-m", "pip", "download", *options, f"{self.package}=={self.version}"])
        wheel = next(home.glob("*.whl"))
        _expect(wheel, SHA256[self.directory])
        with ZipFile(wheel) as archive:
            archive.extractall(home, [name for name in archive.namelist() if name.startswith(self.part)])
        # Node takes a .js file for a module only if a package.json beside it says so; the files are as shipped.
        (home / self.part / "package.json").write_text('{"type": "module"}\n', encoding="utf-8")
        (home / "installed").touch()

    def source(self) -> Path:
        """See `Recipe`."""
        return THIRD_PARTY / self.directory / self.part


@frozen
class Cargo:
    """A crate, in an adapter of the workspace."""

    crate: str
    version: str

    @staticmethod
    def binary(name: str) -> str:
        """Return where an adapter is once it is built, relative to the repository."""
        return str((RUST / "release" / name).relative_to(ROOT))

    def install(self) -> None:
        """See `Recipe`."""
        _need("cargo")
        _run(["cargo", "fetch", "--quiet", "--manifest-path", str(WORKSPACE / "Cargo.toml")])
        _run(["cargo", "build", "--quiet", "--release", "--manifest-path", str(WORKSPACE / "Cargo.toml")])

    def source(self) -> Path:
        """See `Recipe`."""
        options = ["--format-version", "1", "--offline", "--manifest-path", str(WORKSPACE / "Cargo.toml")]
        known = json.loads(_run(["cargo", "metadata", "--quiet", *options]))["packages"]
        wanted = (each for each in known if (each["name"], each["version"]) == (self.crate, self.version))
        return Path(next(wanted)["manifest_path"]).parent


def _need(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise NotRunError(f"there is no {' and no '.join(missing)} here")


def _fresh(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def _run(command: Sequence[str]) -> str:
    environment = {**os.environ, "CARGO_TARGET_DIR": str(RUST)}
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=PATIENCE_S, env=environment, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise NotRunError(f"{command[0]} has not ended after {PATIENCE_S // 60} minutes") from None
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines() or ["it does not say why"]
        raise NotRunError(f"{' '.join(command[:2])} fails: {lines[-1]}") from None
    return done.stdout


def _expect(path: Path, digest: str) -> None:
    found = sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise InstallError(f"{path.name} is not what was judged: its SHA-256 is {found}")
