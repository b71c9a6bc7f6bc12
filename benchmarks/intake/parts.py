"""The parts of the benchmark: each prepares its file, compares what the intake made of it, and only then measures."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.intake import comparing, exports, reference
from benchmarks.intake.comparing import Fate
from benchmarks.intake.exports import Export
from benchmarks.intake.measuring import Command, Cost, Runs, apart, interleaved, measure
from benchmarks.intake.peers.declared import TOOLS
from pipelines.settings import UserError

# The limits are set for a million rows: with fewer, starting up weighs more, and they are shown but not judged.
JUDGED_FROM = 1_000_000
WORKBOOK_ROWS = 200_000
PEER_ROWS = 200_000
BYTES_A_ROW = 470

PLAIN = "DuckDB, plain load"
OURS = "intake, archive off"
ARCHIVED = "intake with archive"
GB18030 = "intake of GB18030, archive off"
BARE = "fastexcel, bare read"
WORKBOOK = "intake of XLSX, archive off"
HELP = "fengqiao --help"
PYTHON = "python, nothing done"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Limit:
    """What is measured may be at most so much. `is_judged` is false where the rows are too few to say."""

    what: str
    measured: float
    at_most: float
    unit: str
    is_judged: bool = True

    @property
    def is_missed(self) -> bool:
        return self.is_judged and self.measured > self.at_most


@dataclass(frozen=True)
class Part:
    """What a part found. `base`: the command that the others are told as a multiple of; `fates`: of the rows in other tools."""

    title: str
    runs: Mapping[str, Runs]
    base: str | None = None
    limits: tuple[Limit, ...] = ()
    notes: tuple[str, ...] = ()
    fates: tuple[Fate, ...] = ()


class Different(Exception):
    """The intake's output is not what it must be; a line each difference."""


@dataclass(frozen=True)
class Bench:
    """Where the runs take place: `files` keeps the exports, `work` the keys and the data folder of each run."""

    files: Path
    work: Path
    runs: int
    say: Say

    @property
    def keys(self) -> Path:
        return self.work / "keys"

    @property
    def data(self) -> Path:
        return self.work / "data"

    @property
    def seed(self) -> Path:
        """A data folder as `keys init` leaves it; each run begins with a copy."""
        return self.work / "seed"

    @property
    def environment(self) -> dict[str, str]:
        return {"FENGQIAO_DATA": str(self.data), "FENGQIAO_KEYS": str(self.keys)}

    def fengqiao(self, name: str, *words: str, **environment: str) -> Command:
        """A command of the project on a fresh data folder."""
        command = (sys.executable, "-m", "pipelines.cli", *words)
        return Command(name, command, {**self.environment, **environment}, self.data, self.seed)

    def intake(self, name: str, path: Path, archive: str = "off") -> Command:
        words = ("intake", str(path), "--sender", reference.SENDER, "--json")
        return self.fengqiao(name, *words, FENGQIAO_ARCHIVE=archive)

    def export(self, rows: int, *, is_ragged: bool = True) -> Export:
        """Raises `UserError` when the disk has no room for it and for what is made of it."""
        if shutil.disk_usage(self.files).free < 3 * rows * BYTES_A_ROW:
            raise UserError(
                f"{self.files} has no room for {rows:,} rows: {3 * rows * BYTES_A_ROW / 1e9:.1f} GB are needed."
            )
        return apart(exports.export, self.files, rows, is_ragged=is_ragged)

    def expected(self, made: Export) -> Path:
        """What the reference makes of a file."""
        place = Path(tempfile.mkdtemp(dir=self.work))
        return apart(reference.expected, made, self.keys, place)

    def check(self, command: Command, made: Export, expected: Path | None, *, is_workbook: bool = False) -> Runs:
        """Run an intake once and compare what it made. Raises `Different` when anything is not as it must be."""
        cost, printed = measure(command)
        found = apart(comparing.differences, self.data, printed, made, expected, is_workbook=is_workbook)
        if found:
            raise Different("\n".join((f"{command.name}: the output is not right.", *found)))
        said = "the truth of the file and the reference" if expected else "the truth of the file"
        self.say(f"{command.name}: {made.rows:,} records, the same as {said}.")
        return Runs((cost,))


@contextmanager
def opened(files: Path | None, runs: int, say: Say) -> Iterator[Bench]:
    """A bench with keys. Without a folder for the files they go with the rest in the end."""
    if files is not None:
        files.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fengqiao-intake-", dir=files) as work:
        bench = Bench((files or Path(work)).resolve(), Path(work).resolve(), runs, say)
        bench.seed.mkdir()
        measure(bench.fengqiao("keys", "keys", "init"))
        bench.data.replace(bench.seed)
        yield bench


def speed(bench: Bench, rows: int) -> Part:
    """The whole intake against DuckDB's plain load: with and without the archive, in UTF-8 and in GB18030."""
    made = bench.export(rows)
    recoded = apart(exports.in_gb18030, made)
    expected = bench.expected(made)
    load = Command(PLAIN, (sys.executable, "-m", "benchmarks.intake.loads", "duckdb", str(made.path)))
    ours = bench.intake(OURS, made.path)
    archived = bench.intake(ARCHIVED, made.path, archive="on")
    in_gb18030 = bench.intake(GB18030, recoded.path)
    for command in (ours, in_gb18030, archived):
        bench.check(command, made, expected)
    if not any((bench.data / "archive").glob("*.age")):
        raise Different(f"{ARCHIVED}: there is no archived file.")
    _, lost = measure(load)
    runs = interleaved((load, ours, archived, in_gb18030), bench.runs)
    is_judged = rows >= JUDGED_FROM
    plain, own = runs[PLAIN], runs[OURS]
    limits = (
        Limit("wall time, archive off, of the plain load's", own.wall / plain.wall, 0.8, "x", is_judged),
        Limit("processor time, archive off, of the plain load's", own.cpu / plain.cpu, 0.8, "x", is_judged),
        Limit(
            "wall time, with the archive, of the plain load's", runs[ARCHIVED].wall / plain.wall, 0.95, "x", is_judged
        ),
        Limit("peak memory", max(own.peak, runs[ARCHIVED].peak) / 1e6, 600, "MB", is_judged),
        Limit("wall time of GB18030, of UTF-8's", runs[GB18030].wall / own.wall, 1.25, "x", is_judged),
    )
    left_out = rows + 1 - json.loads(lost)["rows"]
    notes = (f"The plain load leaves out {left_out:,} records that are ragged, and says nothing of it.",)
    return Part(f"{rows:,} rows, {made.path.stat().st_size / 1e6:,.0f} MB", runs, PLAIN, limits, notes)


def long(bench: Bench, rows: int) -> Part:
    """Peak memory of a long file, in one run, compared with the truth of the file only."""
    made = bench.export(rows)
    runs = bench.check(bench.intake(OURS, made.path), made, None)
    limits = (Limit(f"peak memory at {rows:,} rows", runs.peak / 1e6, 1000, "MB"),)
    return Part(f"{rows:,} rows, {made.path.stat().st_size / 1e9:.1f} GB", {OURS: runs}, None, limits)


def workbook(bench: Bench, rows: int) -> Part:
    """The whole intake of a workbook against fastexcel's bare read of it."""
    rows = min(rows, WORKBOOK_ROWS)
    made = bench.export(rows, is_ragged=False)
    saved = apart(exports.as_workbook, made)
    load = Command(BARE, (sys.executable, "-m", "benchmarks.intake.loads", "fastexcel", str(saved.path)))
    ours = bench.intake(WORKBOOK, saved.path)
    bench.check(ours, saved, bench.expected(made), is_workbook=True)
    runs = interleaved((load, ours), bench.runs)
    ratio = runs[WORKBOOK].wall / runs[BARE].wall
    limits = (Limit("wall time of XLSX, of fastexcel's bare read", ratio, 2, "x", rows >= WORKBOOK_ROWS),)
    return Part(f"XLSX of {rows:,} rows, {saved.path.stat().st_size / 1e6:,.0f} MB", runs, BARE, limits)


def help_text(bench: Bench) -> Part:
    """What the command line costs before it does anything."""
    nothing = Command(PYTHON, (sys.executable, "-c", "pass"))
    runs = interleaved((nothing, bench.fengqiao(HELP, "--help")), max(bench.runs, 5))
    return Part("The command line", runs, PYTHON, (Limit("processor time of --help", runs[HELP].cpu, 0.3, "s"),))


def peers(bench: Bench, rows: int) -> Part:
    """Other tools on the same rows, in turn with the intake: what each costs, and what became of the rows. Nothing is judged.

    Raises `UserError` when a tool is not installed.
    """
    if missing := [name for name in ("dlt", "pandera") if find_spec(name) is None]:
        raise UserError(f"{' and '.join(missing)} is not installed. Run `make bench-intake`, or leave out this part.")
    made = bench.export(min(rows, PEER_ROWS))
    ours = bench.intake(OURS, made.path)
    bench.check(ours, made, bench.expected(made))
    own: list[Cost] = []
    costs: dict[str, Runs] = {}
    fates: list[Fate] = []
    for tool in TOOLS:
        own.append(measure(ours)[0])
        store = bench.work / "peer"
        words = (sys.executable, "-m", "benchmarks.intake.peers", tool, str(made.path), str(store), str(bench.keys))
        cost, printed = measure(Command(tool, words, fresh=store))
        costs[tool] = Runs((cost,))
        fates.append(apart(comparing.fate, tool, printed, made))
    runs = {OURS: Runs(tuple(own)), **costs}
    return Part(f"Other tools, {made.rows:,} rows", runs, OURS, fates=tuple(fates))
