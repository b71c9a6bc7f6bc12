"""The daily job killed again and again: after each of its steps was killed at random instants, it must end as if never killed.

    python -m tests.killed_daily DATA WORK [--rounds 5] [--kills 5] [--seed 1]

DATA is a data folder with a published release, its keys beside it; it is copied. In each round a new export lies in landing;
then come the steps of the day: intake, build, the draft of a release, its approval, its publication. Each is killed so many
times, at instants drawn over the processor time it takes, and goes on from what the kill left behind; then it runs to its
end. In a second copy the same steps run once each. After each round both have the same ledger but for its instants, the same
lake, and a published release with the same data files, byte for byte. Prints as JSON how many kills that were.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from dbt.adapters.duckdb import connections
from dbt.cli.main import dbtRunner

from pipelines import warehouse
from pipelines.cli_intake import take_in
from pipelines.intake import ledger
from pipelines.intake.identifying import Request
from pipelines.release import drafting, publishing, sealing
from pipelines.release.checking import problems
from pipelines.release.packages import write_packages
from pipelines.settings import landing, releases
from pipelines.signals import writing
from tests.offices import Office, cases

PERIOD, EDITION = "2025-05", "internal"
LEAST = 0.01  # seconds of processor time


def take() -> None:
    take_in([landing()], Request(), quiet=True)


def build() -> None:
    warehouse.build()


def draft() -> None:
    drafting.draft(PERIOD, EDITION)


def approve() -> None:
    draft = drafting.waiting(PERIOD, EDITION)  # none where it was sealed before the kill
    if draft is not None:
        sealing.approve(draft.name, EDITION, "tester")


def publish() -> None:
    publishing.publish(str(newest_release().name), EDITION, early=True)


STEPS: tuple[Callable[[], None], ...] = (take, build, draft, approve, publish)


def newest_release() -> Path:
    found = drafting.newest(PERIOD, EDITION)
    assert found is not None
    return found


def alone(step: Callable[[], None], data: Path, seconds: float = 0.0) -> tuple[int, float]:
    """Run a step in a process of its own, killed after so much processor time where it is not 0; its exit code, minus the
    signal where one ended it, and the seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = os.fork()
    if process == 0:
        try:
            os.environ["FENGQIAO_DATA"] = str(data)
            signal.setitimer(signal.ITIMER_PROF, seconds)  # its signal ends a process that does not wait for it
            step()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return code, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def export(data: Path, number: int) -> None:
    """What comes in a round: a new case, and a change of one that came before."""
    rows = (
        {"调解案件编号": f"K{number}"},
        {"办结日期": "2025-05-20", "调解结果": "成功", "更新时间": f"2025-06-{number + 1:02d}"},
    )
    Office(data).write(f"day-{number}_2025-03..2025-05.csv", cases(*rows))


def state(data: Path) -> Mapping[str, object]:
    """The ledger but for its instants, digests of the lake, and the data files of the published release."""
    os.environ["FENGQIAO_DATA"] = str(data)
    assert problems() == [], data
    with closing(sqlite3.connect(ledger.ledger_path())) as connection:
        names = [row[1] for row in connection.execute("pragma table_info(deliveries)") if row[1] != "received_at"]
        entries = connection.execute(f"select {', '.join(names)} from deliveries order by 1").fetchall()
    kept = {
        name: digest for name, digest in Office(data).contents().items() if name.startswith(("lake/", "quarantine/"))
    }
    published = (releases(EDITION) / "current").resolve()
    files = {
        path.relative_to(published).as_posix(): path.read_bytes()
        for path in published.rglob("*")
        if path.suffix in (".parquet", ".csv")
    }
    return {"ledger": entries, "lake": kept, "release": published.name, "files": files}


def compare(whole: Path, copy: Path) -> None:
    """Fails, naming the part, where the folder that was killed differs from the other."""
    expected, found = state(whole), state(copy)
    for part, said in expected.items():
        if found[part] != said:
            print(f"{part} differs", file=sys.stderr)
            raise AssertionError(part)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["FENGQIAO_KEYS"] = str(options.data.with_name("keys"))
    # loaded once, before the first fork; no thread of theirs may run here, so that even comparing is done by a fork
    assert connections and dbtRunner and write_packages and writing
    chance, killed = random.Random(options.seed), 0
    whole, copy = (shutil.copytree(options.data, options.work / name, symlinks=True) for name in ("whole", "killed"))
    for number in range(options.rounds):
        export(whole, number)
        export(copy, number)
        for step in STEPS:
            code, duration = alone(step, whole)
            assert code == 0, (number, step.__name__)
            for _ in range(options.kills):
                code, _ = alone(step, copy, chance.uniform(LEAST, max(duration, 2 * LEAST)))
                assert code in (-signal.SIGPROF, 0), (number, step.__name__, code)
                killed += code != 0
            assert alone(step, copy)[0] == 0, (number, step.__name__)
        assert alone(partial(compare, whole, copy), whole)[0] == 0, number
    print(json.dumps({"rounds": options.rounds, "kills": killed}))


if __name__ == "__main__":
    sys.exit(main())
