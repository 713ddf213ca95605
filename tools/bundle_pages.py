"""Put each page's script of the console, with all that it imports, into one file: a browser asks once.

`python -m tools.bundle_pages` has esbuild do it, which `tools.web_libraries` fetched. Without the bundles, or
when a script has changed since they were made, the server sends the scripts one by one.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from sayso.api.console.assets import BUILT, BUILT_FROM, bundle_of, read_files, sources_digest
from sayso.api.console.pages import PAGES
from tools.web_libraries import VENDOR, WEB

ASSETS = VENDOR.parent
LATER = ("uplot.js", "wavesurfer.js", "wavesurfer-regions.js")  # imported once there is something to show
_OPTIONS = ("--bundle", "--format=esm", "--minify", "--charset=utf8", "--log-level=warning")


def bundle(modules: Path, assets: Path) -> bool:
    """Write the bundles and the digest of what they were made from below `assets`; whether that went well."""
    shutil.rmtree(assets / BUILT, ignore_errors=True)
    esbuild = next(modules.glob("@esbuild/*/bin/esbuild"), None)
    if esbuild is None:
        return False
    entries = [f"{bundle_of(page.script).removeprefix(BUILT)}={page.script}" for page in PAGES.values()]
    later = [f"--external:{assets}/vendor/{name}" for name in LATER]
    command = [str(esbuild), *entries, *_OPTIONS, *later, f"--outdir={BUILT}"]
    if subprocess.run(command, cwd=assets, check=False).returncode:
        return False
    (assets / BUILT_FROM).write_text(sources_digest(dict(read_files(assets))), "utf-8")
    return True


def main() -> int:
    """Bundle; return how the process should exit."""
    if bundle(WEB / "node_modules", ASSETS):
        return 0
    print("The console's scripts stay in many files: esbuild is not here.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
