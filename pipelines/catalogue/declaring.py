"""What all declarations share: frozen models, and errors that name file, line and key."""

import csv
import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.settings import SEEDS, UserError


class Declared(BaseModel):
    """Base of all declarations: frozen, and a misspelt key is an error. A model is built when the first one is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Declaration = TypeVar("Declaration", bound=Declared)


class Words(Declared):
    """One text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class LegalBasis(Declared):
    text: str
    version: str
    valid_until: date | None


_FULL_WIDTH = str.maketrans("（）：，　＿", "():, _")


def heading(text: str | None) -> str:
    """A header text as it is compared: full-width punctuation folded, white space and byte order mark removed."""
    return "".join((text or "").translate(_FULL_WIDTH).replace("\ufeff", "").split())


Location = tuple[str | int, ...]
Parser = type[yaml.CSafeLoader] | type[yaml.SafeLoader]


def line_of(text: str, location: Location, parser: Parser = yaml.CSafeLoader) -> int:
    """Line of the deepest part of a location that stands in a YAML text."""
    node, line = yaml.compose(text, Loader=parser), 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if pair[0].value == part), None)
        else:
            is_item = isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
            entry = (node.value[part], node.value[part]) if is_item else None
        if entry is None:
            break
        line, node = entry[0].start_mark.line + 1, entry[1]
    return line


def declare(model: type[Declared], values: Mapping[str, Any], path: Path, line_of: Callable[[Location], int]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = error.errors()
        misspelt = (wrong for wrong in errors if wrong["type"] == "extra_forbidden")  # else its key is also missing
        first = next(misspelt, errors[0])
        said = (
            "there is no such key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        )
        where = ".".join(str(part) for part in first["loc"])
        named = f"{where}: {said}" if where else said  # what is wrong between several keys has no key of its own
        raise UserError(f"{path}, line {line_of(first['loc'])}: {named}.") from None


def read_yaml(path: Path, parser: Parser = yaml.CSafeLoader) -> tuple[dict[str, Any], str]:
    """The mapping in a YAML file and its text. Raises `UserError` when it is not a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.load(text, Loader=parser)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; save the file as UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
        raise UserError(f"{path}, line {mark.line + 1 if mark else 1}: not valid YAML.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}, line 1: expected a mapping of keys.")
    return values, text


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a declared CSV table (UTF-8, header)."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; save the table as CSV UTF-8.") from None


def load_declared(model: type[Declaration], path: Path, parser: Parser = yaml.CSafeLoader) -> Declaration:
    """A declaration that stands in a YAML file of its own. Raises `UserError` naming file, line and key."""
    values, text = read_yaml(path, parser)
    return declare(model, values, path, lambda place: line_of(text, place, parser))


@cache
def seeds_version() -> str:
    """Digest of all declarations, 12 hexadecimal digits: a changed seed makes a build start anew."""
    digest = hashlib.sha256()
    for path in sorted(path for path in SEEDS.rglob("*") if path.suffix in (".yml", ".csv")):
        digest.update(path.relative_to(SEEDS).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
