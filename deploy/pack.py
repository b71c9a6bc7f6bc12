"""Streamlit's scripts and styles packed once, as tightly as can be, for nginx to serve as files. `python -m deploy.pack`

They lie below `.cache/packed/static/`, each with its `.br` and `.gz` beside it. Packed while somebody waits they would be a tenth
larger, and every first view would pay for it. A new version of Streamlit has other names: what is not here nginx asks the dashboard for.
"""

import gzip
import shutil
import sys
from pathlib import Path

import brotli
import streamlit

from pipelines.settings import PROJECT

SOURCE = Path(streamlit.__file__).with_name("static") / "static"
TARGET = PROJECT / ".cache" / "packed" / "static"
PACKED = {".js", ".css", ".ttf"}
LEAST = 1_024  # bytes


def main() -> int:
    draft = TARGET.with_name(".static")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(SOURCE, draft)
    before = after = 0
    for path in sorted(path for path in draft.rglob("*") if path.suffix in PACKED and path.stat().st_size >= LEAST):
        content = path.read_bytes()
        tight = brotli.compress(content, quality=11)
        path.with_name(f"{path.name}.br").write_bytes(tight)
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        before, after = before + len(content), after + len(tight)
    shutil.rmtree(TARGET, ignore_errors=True)
    draft.rename(TARGET)
    print(f"{TARGET}: {before / 1e6:.1f} MB packed into {after / 1e6:.1f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
