"""What a command costs as a process of its own: wall time, processor time, peak memory, instructions.

The measuring process stays small: Linux counts the memory of whoever starts a process into its peak until it runs
another program. Heavy work is therefore done `apart`; a peak below this process's own (about 80 MB) cannot be seen.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from pipelines.settings import PROJECT, UserError

COUNTED = ("perf", "stat", "-x", ",", "-e", "instructions:u")
# Where it is set, each start compiles all packages anew: half a second that nobody waits for whose Python keeps its bytecode.
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

Given = ParamSpec("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Command:
    """What is measured. `fresh`: a folder that is removed before each run, and made again as a copy of `seed` if there is
    one; `environment` is added to this process's, of which the project's own settings are left out.
    """

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    fresh: Path | None = None
    seed: Path | None = None


@dataclass(frozen=True)
class Cost:
    """One run: seconds of wall time; seconds of all processors, user and system, of the process and those it started; bytes
    of memory that the largest of these processes held at its peak.
    """

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Runs:
    """All runs of one command, in order, and the instructions it took in user space where they could be counted."""

    costs: tuple[Cost, ...]
    instructions: int | None = None

    @property
    def wall(self) -> float:
        return min(cost.wall for cost in self.costs)

    @property
    def cpu(self) -> float:
        return min(cost.cpu for cost in self.costs)

    @property
    def peak(self) -> int:
        return max(cost.peak for cost in self.costs)

    @property
    def median_wall(self) -> float:
        return statistics.median(cost.wall for cost in self.costs)

    @property
    def median_cpu(self) -> float:
        return statistics.median(cost.cpu for cost in self.costs)


def apart(work: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
    """The result of a function called in a process of its own, which ends with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        return elsewhere.submit(work, *given, **named).result()


def measure(command: Command) -> tuple[Cost, str]:
    """Run a command once; what it cost and what it printed. Raises `UserError` when it fails."""
    if command.fresh is not None:
        shutil.rmtree(command.fresh, ignore_errors=True)
        if command.seed is not None:
            shutil.copytree(command.seed, command.fresh)
    inherited = {n: value for n, value in os.environ.items() if not n.startswith("FENGQIAO_") and n != NO_BYTECODE}
    environment = inherited | command.environment
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command.words, cwd=PROJECT, env=environment, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            said = errors.read().decode(errors="replace").strip()
            raise UserError(f"{command.name} ended with exit code {process.returncode}: {said[-2000:]}")
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024), out.read().decode()


def interleaved(commands: Sequence[Command], runs: int) -> dict[str, Runs]:
    """Run all commands in turn, `runs` times, each round beginning with another; then once more to count instructions."""
    costs: dict[str, list[Cost]] = {command.name: [] for command in commands}
    for number in range(runs):
        start = number % len(commands)
        for command in (*commands[start:], *commands[:start]):
            costs[command.name].append(measure(command)[0])
    return {command.name: Runs(tuple(costs[command.name]), _instructions(command)) for command in commands}


def _instructions(command: Command) -> int | None:
    """Instructions in user space, or None where `perf` is missing or may not count."""
    if not _can_count():
        return None
    with tempfile.NamedTemporaryFile("r") as told:
        counted = (*COUNTED, "-o", told.name, "--", *command.words)
        measure(replace(command, words=counted))
        return _count(told.read())


@cache
def _can_count() -> bool:
    """Whether there is a `perf` that may count here; in many virtual machines there is none."""
    if shutil.which("perf") is None:
        return False
    tried = subprocess.run((*COUNTED, "--", sys.executable, "-c", "pass"), capture_output=True, text=True, check=False)
    return tried.returncode == 0 and _count(tried.stderr) is not None


def _count(told: str) -> int | None:
    counts = [line.split(",")[0] for line in told.splitlines() if "instructions" in line]
    return int(counts[0]) if counts and counts[0].isdecimal() else None
