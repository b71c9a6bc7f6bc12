"""Take in what an office was given, file by file, and be killed many times on the way.

    python -m tests.intake.killed DATA COPIES

Each export of DATA is taken in once for good; before that, in copies of the data folder, it is taken in and killed at
moments spread over all that is done to the folder, and at instants in between, and then taken in again by another process. A copy is
called `<number of the export>-<how it was killed>`; the state of DATA after each export is kept as `<number>-whole`.
"""

import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.catalogue import areas, code_lists, contract_versions, denied, senders
from pipelines.cli_intake import take_in
from pipelines.intake import records, text, workbooks
from pipelines.intake.identifying import Request

WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "shutil.copyfile", "sqlite3.connect"}
STEPS, INSTANTS = 10, 5  # kills an export, by steps and by the clock
FOREIGN = Path(__file__).parents[1] / "foreign"
GIVEN = Request(contract=str(FOREIGN / "nyc311.yml"), areas=FOREIGN / "nyc311_areas.csv")
WINDOW = 4_000  # bytes: a file of several windows is a small one
SEED = 1


def exports(data: Path) -> list[Path]:
    """In the order of their names; who sent them is the folder's name."""
    return sorted((p for p in data.glob("landing/*/*") if p.suffix != ".yml"), key=lambda path: path.name)


def take(data: Path, number: int) -> None:
    """Take in one export of a data folder, as the command does."""
    os.environ["FENGQIAO_DATA"] = str(data)
    path = exports(data)[number]
    take_in([path], GIVEN if path.parent.name == "nyc311" else Request(), quiet=True)


def _alone(work: Callable[..., None], *words: object) -> int:
    """Exit code of a process that does some work; minus the signal's number when one ended it."""
    process = os.fork()
    if process == 0:
        try:
            work(*words)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _watched(data: Path, number: int, last: int, counted: int) -> None:
    """Take an export in; be killed just before the n-th thing done to the folder, or write how many things were done."""
    steps = itertools.count(1)

    def watch(event: str, words: tuple[object, ...]) -> None:
        is_step = event in WATCHED and any(str(word).startswith(f"{data}/") for word in words[:2])
        if is_step and next(steps) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    take(data, number)
    os.write(counted, next(steps).to_bytes(8))


def _at_an_instant(data: Path, number: int, seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)  # its signal ends a process that does not wait for it
    take(data, number)


def main(data: Path, copies: Path) -> None:
    """No thread of a library may run here: every process that takes something in is forked from this one."""
    text.WINDOW, text.SMALLEST_WINDOW = WINDOW, WINDOW // 4
    for known in (areas, code_lists, contract_versions, denied, senders):
        known()
    assert records and workbooks
    chance = random.Random(SEED)
    for number in range(len(exports(data))):
        before = copies / "before"
        shutil.copytree(data, before)
        received, counted = os.pipe()
        begun = time.perf_counter()
        assert _alone(_watched, data, number, 0, counted) == 0
        duration, steps = time.perf_counter() - begun, int.from_bytes(os.read(received, 8)) - 1
        shutil.copytree(data, copies / f"{number}-whole")
        for count in range(STEPS):
            step = 1 + count * (steps - 1) // (STEPS - 1)
            copy = shutil.copytree(before, copies / f"{number}-step-{step}-of-{steps}")
            code = _alone(_watched, copy, number, step, counted)
            assert code == -signal.SIGKILL, (copy.name, code)
            assert _alone(take, copy, number) == 0, copy.name
        for count in range(INSTANTS):
            copy = shutil.copytree(before, copies / f"{number}-instant-{count}")
            code = _alone(_at_an_instant, copy, number, chance.uniform(0.01, duration))
            assert code in (-signal.SIGALRM, 0), (copy.name, code)
            assert _alone(take, copy, number) == 0, copy.name
        shutil.rmtree(before)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
