"""Take in what an office was given, rotate, and look for keys in what is left in memory and in what was started.

    python -m tests.intake.holding_keys DATA

Prints as JSON: `expressions` and `frames` that are alive, how many of them `hold` a key when serialised, `told`: whether
a traceback with the contents of its frames shows one, `found`: whether the search finds one that was left on purpose, and
`commands`: whether one was among the arguments of a process.
"""

import gc
import json
import sys
import traceback
from pathlib import Path

import polars as pl
import polars_hash as plh

from pipelines.cli_intake import take_in
from pipelines.intake import keys, ledger, rotating
from pipelines.intake.identifying import Request
from pipelines.intake.keyed import rekeyed


def _alive(kind: type) -> list[object]:
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, kind)]


def _serialised(thing: object) -> bytes:
    return thing.meta.serialize() if isinstance(thing, pl.Expr) else thing.serialize()  # type: ignore[attr-defined]


def _holding(secrets: list[bytes]) -> int:
    things = _alive(pl.Expr) + _alive(pl.LazyFrame)
    return sum(any(secret in _serialised(thing) for secret in secrets) for thing in things)


def _failure(secrets: list[bytes]) -> bool:
    """A failure where the keys are in use, written out with everything its frames held."""
    try:
        rekeyed(pl.DataFrame({"no": ["such column"]}), {"case_key": "system"}, keys.load())
    except Exception as error:
        beyond_here = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        told = "".join(traceback.TracebackException.from_exception(beyond_here, capture_locals=True).format())
        assert "links = Keys(" in told, "the frame that had the keys is in it"
        return any(secret.decode() in told for secret in secrets)
    raise AssertionError("it did not fail")


def main(data: str) -> None:
    commands: list[str] = []
    sys.addaudithook(lambda event, words: commands.append(str(words)) if event == "subprocess.Popen" else None)
    take_in([Path(data) / "landing"], Request(), quiet=True)
    with ledger.writer_lock():
        rotating.rotate({"mediation"})
    secrets = [value.encode() for value in keys.load().values()]
    found = {"expressions": len(_alive(pl.Expr)), "frames": len(_alive(pl.LazyFrame)), "hold": _holding(secrets)}
    found |= {"told": _failure(secrets), "processes": len(commands)}
    found["commands"] = any(secret.decode() in command for command in commands for secret in secrets)
    planted = plh.col("left").chash.hmac_sha256(key=secrets[0].decode())
    lazy = pl.LazyFrame({"left": ["behind"]}).with_columns(planted)
    found["found"] = _holding(secrets) >= 2
    print(json.dumps(found))
    del planted, lazy


if __name__ == "__main__":
    main(sys.argv[1])
