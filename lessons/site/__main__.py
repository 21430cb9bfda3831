"""Make the site, and show it: `python -m rollproof.lessons.site [--serve]`."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rollproof.lessons.site.build import build
from rollproof.lessons.site.engine import ROOT, SetUpError

CACHE = ROOT / "build"
SITE = CACHE / "site"
PORT = 8800


def main(arguments: list[str]) -> int:
    """Make the site; with `--serve` show what is there at a port of this machine, until it is interrupted."""
    if arguments == ["--serve"]:
        return _serve(SITE)
    if arguments:
        print("usage: python -m rollproof.lessons.site [--serve]", file=sys.stderr)
        return 2
    try:
        made = build(SITE, CACHE, lambda text: print(text, file=sys.stderr) if sys.stderr.isatty() else None)
    except SetUpError as error:
        print(f"the site cannot be made: {error}", file=sys.stderr)
        return 2
    print(f"{len(made)} pages; open {SITE / 'index.html'}")
    return 0


def _serve(folder: Path) -> int:
    if not (folder / "index.html").is_file():
        print("there is no site yet: make docs", file=sys.stderr)
        return 2
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", PORT), handler) as server:
        print(f"http://127.0.0.1:{PORT}/ until interrupted")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
