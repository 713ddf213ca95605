"""Runs a page's snippets in the order in which a reader comes to them.

Arguments: a file of JSON, a list of `[language, text]`. Python shares its names along the page, as in a
session; shell commands stop at the first that fails. The first snippet that fails ends the program.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, (language, text) in enumerate(json.loads(Path(sys.argv[1]).read_text("utf-8")), start=1):
        print(f"--- snippet {number}, {language}", flush=True)
        try:
            if language == "python":
                exec(compile(text, f"snippet {number}", "exec"), names)
            else:
                subprocess.run(["bash", "-euo", "pipefail", "-c", text], check=True)
        except Exception as error:
            print(text, flush=True)
            raise SystemExit(f"snippet {number} failed: {error!r}") from error
