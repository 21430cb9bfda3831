"""The playground as one page, with the whole laboratory in it."""

from __future__ import annotations

from pathlib import Path

from rollproof.lessons.site.engine import GLOBAL
from rollproof.model.runs.page import FOLDER as EXPLORER
from rollproof.model.runs.page import MODULES, bundled, environment, explorer_style, markup

ASSETS = Path(__file__).with_name("assets")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; "
    "connect-src data: blob:"
)
"""Whatever happens in the page, it can reach nothing outside of it."""
START = f"""
const engine = new Engine(globalThis.{GLOBAL}, document.getElementById("worker").textContent);
const playground = new Playground(document.getElementById("playground"), engine);
playground.begun.then(() => (engine.transitions = playground.catalogue?.transitions));
const edits = () => ({{ sources: playground.edits, without: [...playground.without] }});
const live = new LiveSession(document.getElementById("live"), engine, edits);
Object.assign(globalThis, {{ engine, playground, live }});
"""


def laboratory_script() -> str:
    """Return the scripts of the explorer, the laboratory and the playground as one."""
    files = [EXPLORER / f"{name}.js" for name in MODULES]
    files += [ASSETS / f"{name}.js" for name in ("store", "engine", "playground", "live")]
    return bundled(files)


def playground_page(engine: str) -> str:
    """Return the page; `engine` is the script that `engine_script` makes."""
    return (
        environment(ASSETS)
        .get_template("playground.html.j2")
        .render(
            policy=POLICY,
            style=markup(explorer_style() + site_style()),
            worker=markup((ASSETS / "worker.js").read_text(encoding="utf-8").replace("</", "<\\/")),
            engine=markup(engine),
            script=markup(laboratory_script() + START),
        )
    )


def site_style() -> str:
    """Return what the pages of the site look like, besides the explorer."""
    return (ASSETS / "site.css").read_text(encoding="utf-8")
