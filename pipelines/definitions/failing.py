"""How failures are told to Dagster, which keeps what it is told; and which are tried again: what may pass by itself, never bad input."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines import failures
from pipelines.intake import ledger
from pipelines.settings import UserError

RETRIES = 4
FIRST_WAIT = 60.0  # seconds; each further wait is twice as long
WRITER = (
    "writer"  # the pool of the steps that write in the data folder: `dagster.yaml` lets one run of them go at a time
)
# What databases say of a lock that another process holds.
LOCKED = (
    "database is locked",
    "is open elsewhere",
    "Could not set lock on file",
    "Resource temporarily unavailable",
)


class Busy(UserError):
    """Another process writes in the data folder, or a file in landing."""


@contextmanager
def discreetly(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Failures as Dagster may keep them: the sentence of a `UserError`, else types and places, never values.

    What may pass by itself is tried again, after a minute, two, four and eight.
    """
    try:
        yield
    except Exception as error:
        told = str(error) if isinstance(error, UserError) else "\n".join(failures.places(error))
        failure = dg.Failure(told, allow_retries=False)
        if not may_pass(error):
            raise failure from None
        wait = FIRST_WAIT * 2**context.retry_number
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=wait) from failure


@contextmanager
def writing(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """As `discreetly`, around a step that writes in the data folder: it is not begun while another process writes there."""
    with discreetly(context):
        with ledger.writer_lock(_busy):
            pass
        yield


def _busy() -> None:
    raise Busy("Another intake, build or release is going on in the data folder; this step waits and tries again.")


def may_pass(error: BaseException | str) -> bool:
    """Whether what went wrong may be right again by itself: a lock that is held, a disk that is full."""
    return isinstance(error, Busy) or failures.is_of_a_full_disk(error) or any(words in str(error) for words in LOCKED)
