"""Many files by several processes: each reads and types a file on its own, and enters it when all before it are entered.

Ledger, lake, quarantine and answers are those of one process that takes the files one by one. What is foreseen of a file
is its ledger number; where a file before it is refused or was known already, it is read once more, in its turn.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path

from pipelines.intake import ledger, memory
from pipelines.intake.identifying import Request
from pipelines.intake.receiving import Outcome, Refused, receive_each
from pipelines.intake.turns import Turn
from pipelines.settings import UserError

Became = list[Outcome | Refused]
# Processes of their own from the start: a fork would take over locks of threads that it does not have.
SPAWNING = get_context("spawn")


def receive_many(files: Sequence[Path], request: Request, processes: int, lock: int) -> Iterator[Became]:
    """What became of each file, in their order. Call under the writer lock; `lock`: its descriptor.

    The processes hold the lock too: where this one is killed, the next intake waits until they have ended, which they do
    before they enter anything more. Raises `UserError` where one of them ends by itself.
    """
    with ExitStack() as stack:
        free = [_started(stack, request, lock) for _ in range(min(processes, len(files)))]
        busy: set[Connection] = set()
        waiting: dict[int, Connection] = {}
        became: dict[int, Became] = {}
        begun = entered = 0
        while entered < len(files):
            while free and begun < len(files):
                worker = free.pop()
                ahead = 0 if request.dry_run else begun - entered
                worker.send((begun, files[begun], ledger.next_sequence() + ahead))
                busy.add(worker)
                begun += 1
            for worker in wait(list(busy)):
                number, said = _heard(worker)
                if said is None:
                    waiting[number] = worker
                else:
                    became[number] = said
                    busy.remove(worker)
                    free.append(worker)
            while entered in became:
                yield became.pop(entered)
                entered += 1
            if entered in waiting:
                waiting.pop(entered).send(None)


def _started(stack: ExitStack, request: Request, lock: int) -> Connection:
    """A process that waits for files; it ends when its connection is closed."""
    ours, theirs = SPAWNING.Pipe()
    process = SPAWNING.Process(target=_work, args=(theirs, request), daemon=True)
    process.start()
    stack.callback(process.join)
    stack.callback(ours.close)
    theirs.close()
    send_handle(ours, lock, process.pid)
    return ours


def _heard(worker: Connection) -> tuple[int, Became | None]:
    try:
        return worker.recv()
    except (EOFError, ConnectionError):
        raise UserError(
            "A process of the intake ended before its file was taken in, perhaps for want of memory. Run the intake again, "
            "with fewer --processes."
        ) from None


def _work(leader: Connection, request: Request) -> None:
    """Take in file after file, until the leader is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory.keep_freed()
    lock = recv_handle(leader)
    with suppress(EOFError, ConnectionError):
        while True:
            number, file, sequence = leader.recv()
            turn = Turn(sequence, partial(_ask, leader, number))
            leader.send((number, list(receive_each(file, request, turn))))
    os.close(lock)


def _ask(leader: Connection, number: int) -> None:
    """Say that a file is read, and wait until it may be entered."""
    leader.send((number, None))
    leader.recv()
