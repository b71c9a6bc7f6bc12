"""Processor time of the engine and of dbt beside it, told apart while dbt builds in this process.

What dbt tells of a node is the time that passed, which on a busy machine is mostly waiting. The engine works in threads
of its own and in those that call it; of the latter only what passes inside a call is the engine's.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipelines.warehouse import building

FETCHING = ("fetchone", "fetchmany", "fetchall", "fetch_arrow_table")


@dataclass
class _Thread:
    """Seconds of processor time of a thread that calls the engine: in all up to its last call, and within its calls."""

    total: float = 0.0
    inside: float = 0.0


@dataclass
class Spent:
    """Seconds of processor time, filled when the block ends."""

    engine: float = 0.0
    beside: float = 0.0


def dbt_told_apart() -> Spent:
    """Tell, of the next build, the engine's processor time from that of dbt; dbt is imported before."""
    from dbt.cli import main  # noqa: F401

    spent, run_dbt = Spent(), building.run_dbt

    def timed(*given: Any) -> dict[str, str]:
        with engine_time(spent):
            return run_dbt(*given)

    building.run_dbt = timed
    return spent


@contextmanager
def engine_time(spent: Spent) -> Iterator[None]:
    """Add to `spent` what the engine, and all else in this process, takes in the block."""
    from dbt.adapters.duckdb.environments import local

    threads: list[_Thread] = []
    here = threading.local()

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            if not hasattr(here, "thread"):
                here.thread = _Thread()
                threads.append(here.thread)
            before = time.thread_time()
            try:
                return call(*given, **named)
            finally:
                here.thread.total = time.thread_time()
                here.thread.inside += here.thread.total - before

        return called

    class Cursor(local.DuckDBCursorWrapper):
        def __getattr__(self, name: str) -> Any:
            found = super().__getattr__(name)
            return timed(found) if name in FETCHING else found

        def execute(self, sql: str, bindings: Any = None) -> Any:
            return timed(super().execute)(sql, bindings)

    plain, local.DuckDBCursorWrapper = local.DuckDBCursorWrapper, Cursor
    main_before, all_before = time.thread_time(), time.process_time()
    try:
        yield
    finally:
        local.DuckDBCursorWrapper = plain
        in_all, main = time.process_time() - all_before, time.thread_time() - main_before
        own = getattr(here, "thread", _Thread())
        beside = main - own.inside + sum(thread.total - thread.inside for thread in threads if thread is not own)
        spent.beside += beside
        spent.engine += in_all - beside
