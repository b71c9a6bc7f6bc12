"""Rotation of a system's key: all pseudonyms go through one more link, into a new generation of the lake.

The new generation is written completely beside the old one, on the disk, before two renames put it in its place. What a
kill leaves is settled by `settle`: a generation that was whole goes in, any other is removed. The link is in the file of
the keys before; until a generation of the lake says that it uses it, nothing does.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.catalogue import tables
from pipelines.intake import keys
from pipelines.intake.keyed import rekeyed
from pipelines.intake.lake import GENERATION, Generation, generation, sync
from pipelines.settings import UserError, data_root

WITHDRAWALS = "withdrawals"
SYSTEM = "_system"


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: the lake's new generation, the links its pseudonyms went through, and how many there were."""

    generation: Generation
    rotated: tuple[str, ...]
    pseudonyms: int


def _lake() -> Path:
    return data_root() / "lake"


def _next() -> Path:
    return data_root() / "lake.next"


def _previous() -> Path:
    return data_root() / "lake.previous"


def rotate(systems: Iterable[str]) -> Rotation:
    """Re-key all rows of these systems. Call under `ledger.writer_lock()` after `ledger.heal()`.

    Raises `UserError` for a key that is never rotated, for a system without a key, and when the disk does not take it.
    """
    chosen = tuple(sorted(set(systems)))
    fixed = next((name for name in keys.NEVER_ROTATED if name in chosen), None)
    if fixed is not None:
        raise UserError(f"The key {fixed} is never rotated: published figures are drawn with it and would all change.")
    held = keys.load()
    for system in chosen:
        held.chain(system)
    before = generation()
    links = {system: before.links.get(system, 1) + 1 for system in chosen}
    names = {system: keys.link_name(system, link) for system, link in links.items()}
    keys.add(names.values())
    held = keys.load()
    made = Generation(before.number + 1, {**before.links, **links})
    try:
        count = _write(made, {system: held[name] for system, name in names.items()})
    except (OSError, pl.exceptions.PolarsError) as error:
        shutil.rmtree(_next(), ignore_errors=True)
        why = getattr(error, "strerror", None) or type(error).__name__
        raise UserError(
            f"The data folder {data_root()} does not take a new generation of the lake: {why}. Nothing was rotated."
        ) from None
    settle()
    return Rotation(made, chosen, count)


def _write(made: Generation, links: Mapping[str, keys.Key]) -> int:
    """The whole new generation, its own file last: where that stands, the generation is whole. Returns the pseudonyms."""
    count = 0
    _next().mkdir()
    for source in sorted(path for path in _lake().rglob("*") if path.name != GENERATION):
        target = _next() / source.relative_to(_lake())
        if source.is_dir():
            target.mkdir()
            continue
        rows = _rekeyed(source, links)
        if rows is None:
            _linked(source, target)
        else:
            rows.write_parquet(target, compression="zstd", statistics=True)
            count += len(rows)
    for path in (*_next().rglob("*"), _next()):
        sync(path)
    said = json.dumps({"generation": made.number, "links": dict(made.links)}, sort_keys=True)
    draft = _next() / f".{GENERATION}"
    draft.write_text(f"{said}\n", encoding="utf-8")
    sync(draft)
    draft.rename(_next() / GENERATION)
    sync(_next())
    return count


def _linked(source: Path, target: Path) -> None:
    """A part that stays as it is, in both generations at once; a copy where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _rekeyed(source: Path, links: Mapping[str, keys.Key]) -> pl.DataFrame | None:
    """The rows of a part with pseudonyms of the next generation; None where no row of it is of these systems."""
    table = source.relative_to(_lake()).parts[0]
    systems = {name: contract.system for name, contract in tables().items()}
    if table != WITHDRAWALS and systems.get(table) not in links:
        return None
    rows = pl.read_parquet(source)
    if table == WITHDRAWALS:
        named = rows.with_columns(
            pl.col("table_name").replace_strict(systems, default=None, return_dtype=pl.String).alias(SYSTEM)
        )
    else:
        named = rows.with_columns(pl.lit(systems[table]).alias(SYSTEM))
    pseudonyms = [name for name, dtype in rows.schema.items() if dtype == pl.Binary and name.endswith("_key")]
    return rekeyed(named, dict.fromkeys(pseudonyms, SYSTEM), links).drop(SYSTEM)


def settle() -> list[str]:
    """Finish a rotation that was cut off, or undo it. Call under the lock. Returns the names of what was removed."""
    if _next().exists() and (_next() / GENERATION).exists():
        if _lake().exists():
            _lake().rename(_previous())
        _next().rename(_lake())
        sync(data_root())
    left = [path for path in (_next(), _previous()) if path.exists()]
    for path in left:
        shutil.rmtree(path)
    return [path.name for path in left]
