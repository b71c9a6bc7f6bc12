"""Rotate the keys of a data folder, and end by SIGKILL just before the n-th thing that is done to it or to the keys.

    python -m tests.intake.killed_rotating DATA N

With N = 0 nothing kills it, and it prints how many things were done.
"""

import os
import signal
import sys
from pathlib import Path

from pipelines.intake import ledger, rotating

WATCHED = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "sqlite3.connect"}


def main(data: str, last: int) -> None:
    folder, steps = str(Path(data).parent), 0

    def watch(event: str, words: tuple[object, ...]) -> None:
        nonlocal steps
        if event in WATCHED and any(str(word).startswith(folder) for word in words[:2]):
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    with ledger.writer_lock():
        ledger.heal()
        rotating.rotate({"mediation", "petition"})
    print(steps)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
