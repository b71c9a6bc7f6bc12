"""How failures are told to Dagster, which keeps what it is told."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines import failures
from pipelines.settings import UserError


@contextmanager
def discreetly() -> Iterator[None]:
    """Failures as Dagster may keep them: the sentence of a `UserError`, else types and places, never values."""
    try:
        yield
    except UserError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        raise dg.Failure("\n".join(failures.places(error)), allow_retries=False) from None
