"""Keys of the pseudonyms: one per system, and the never-rotated one of the cell numbers.

They live in one file outside the data folder, mode 600, lines of `name = 64 hexadecimal digits`.
"""

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.settings import UserError, data_root, keys_path

CELL_NUMBER = "cell_number"


class Keys(Mapping[str, str]):
    """Keys by name. Shows names only, so that no log or traceback can carry a key."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise UserError(f"There is no key for {name} in {keys_path()}. Run `fengqiao keys init`.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Keys({', '.join(sorted(self._values))})"


def initialise(systems: set[str]) -> tuple[Path, list[str]]:
    """Make the keys that are missing; existing ones stay. Returns the file and the names that were made.

    Raises `UserError` when the file would lie inside the data folder or cannot be written.
    """
    path = _outside_data()
    values = dict(load()) if path.exists() else {}
    made = sorted({*systems, CELL_NUMBER} - set(values))
    if not made:
        return path, []
    values |= {name: secrets.token_hex(32) for name in made}
    text = "".join(f"{name} = {value}\n" for name, value in sorted(values.items()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise UserError(f"The keys cannot be written to {path}: {error.strerror}.") from None
    return path, made


def _outside_data() -> Path:
    path = keys_path()
    if path.resolve().is_relative_to(data_root()):
        raise UserError(f"The keys may not lie inside the data folder ({path}). Set FENGQIAO_KEYS to another place.")
    return path


def load() -> Keys:
    """Read the keys. Raises `UserError` when there are none, inside the data folder, or when others may read them."""
    path = _outside_data()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise UserError(
            f"There are no keys at {path}; without keys nothing is taken in. Run `fengqiao keys init`."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The keys at {path} cannot be read.") from None
    if mode & 0o077:
        raise UserError(f"The keys at {path} can be read by others (mode {mode:o}). Run `chmod 600 {path}`.")
    values: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, separator, value = (part.strip() for part in line.partition("="))
        if not separator or len(value) != 64 or set(value) - set("0123456789abcdef"):
            raise UserError(f"{path}, line {number}: expected `name = 64 hexadecimal digits`.")
        values[name] = value
    return Keys(values)
