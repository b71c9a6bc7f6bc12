"""What stands in `<file>.yml` beside an export: all that the file itself cannot say."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BeforeValidator, ConfigDict
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from pipelines.catalogue import Declared, load_declared
from pipelines.settings import UserError, data_root

# What others have written is read by the parser in Python: slower, but memory cannot be overrun there.
PARSER = yaml.SafeLoader
MOST_BYTES = 65_536  # the areas of a thousand sheets
MOST_LEVELS = 4  # `sheets` is the second


def _written(value: object) -> object:
    """YAML reads 2025-03-04 as a date; it was written as text."""
    return value.isoformat() if isinstance(value, date) else value


Text = Annotated[str, BeforeValidator(_written)]


class Sidecar(Declared):
    """What may be said of a file. `scope` and `taken_at` belong to a snapshot; `sheets`: area code by name of a sheet."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    sender: Text | None = None
    contract: Text | None = None
    period: Text | None = None
    mode: Literal["changes", "snapshot"] | None = None
    scope: Text | None = None
    taken_at: Text | None = None
    zero: bool = False
    sheets: Mapping[str, Text] = {}


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of an export stands."""
    return path.with_name(path.name + ".yml")


def kept_sidecar(folder: str) -> Path:
    """Where the data folder keeps what was said beside a delivered file; `folder`: of the delivery in the lake."""
    return data_root() / "catalogue" / "sidecars" / f"{folder}.yml"


def keep_sidecar(sidecar: Sidecar, path: Path) -> None:
    """What it says, without what else stood in its file; JSON is YAML too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.unfinished")
    draft.write_text(sidecar.model_dump_json(exclude_defaults=True) + "\n", encoding="utf-8")
    draft.replace(path)


def sidecar_of(path: Path) -> Sidecar:
    """The sidecar of an export, empty where there is none. Raises `UserError` naming file and line of a wrong key."""
    sidecar = sidecar_path(path)
    if not sidecar.exists():
        return Sidecar()
    if not sidecar.is_file():
        raise UserError(f"{sidecar.name} is not a file that can be read. Remove it, or put a sidecar in its place.")
    if sidecar.stat().st_size > MOST_BYTES or not _is_plain(sidecar):
        raise UserError(
            f"{sidecar.name} is not a sidecar: a few lines `key: value` are expected, {MOST_BYTES // 1024} KiB at most, "
            "without anchors (&, *). Write it anew, or remove it."
        )
    return load_declared(Sidecar, sidecar, PARSER)


def _is_plain(sidecar: Path) -> bool:
    """Whether it nests no deeper than a sidecar does and repeats nothing by name: both can be made to cost any time and memory."""
    levels = 0
    try:
        for event in yaml.parse(sidecar.read_text(encoding="utf-8", errors="replace"), Loader=PARSER):
            levels += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if levels > MOST_LEVELS or isinstance(event, AliasEvent):
                return False
    except yaml.YAMLError:
        return True  # who loads it says where it is wrong
    return True
