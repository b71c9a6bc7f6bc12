"""Keys of the pseudonyms, one per system; and two that are never rotated, of the cell numbers and of the publication's draws.

They come from the environment (`FENGQIAO_KEY_<SYSTEM>`, `FENGQIAO_KEY_CELL_NUMBER`, `FENGQIAO_KEY_PUBLICATION`) or from
one file outside the data folder, mode 600, lines of `name = 64 hexadecimal digits`; or some from here, some from there.
A key that was rotated has further links, `mediation.2` or `FENGQIAO_KEY_MEDIATION_2`; which of them the lake uses, the
lake says.
"""

import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipelines.intake.lake import generation, sync
from pipelines.settings import UserError, data_root, keys_path

CELL_NUMBER = "cell_number"
PUBLICATION = "publication"
NEVER_ROTATED = (CELL_NUMBER, PUBLICATION)
ENVIRONMENT = "FENGQIAO_KEY_"
KEY = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"([a-z][a-z0-9_]*?)(?:[._]([2-9]|[1-9][0-9]+))?")


class Key(str):
    """64 hexadecimal digits that do not show themselves where a traceback prints what its frames held."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Key"


class Keys(Mapping[str, Key]):
    """Keys by name. Shows names only, so that no log or traceback can carry a key."""

    def __init__(self, values: Mapping[str, str], links: Mapping[str, int]) -> None:
        self._values = {name: Key(value) for name, value in values.items()}
        self._links = dict(links)

    def __getitem__(self, name: str) -> Key:
        try:
            return self._values[name]
        except KeyError:
            raise UserError(
                f"There is no key for {name}, neither in {keys_path()} nor in {_variable(name)}. Run `fengqiao keys init`."
            ) from None

    def chain(self, system: str) -> tuple[Key, ...]:
        """A system's key and the later links of it that the lake uses, to be applied in this order.

        Raises `UserError` when the lake uses a link that is not there.
        """
        used = [link_name(system, number) for number in range(1, self._links.get(system, 1) + 1)]
        missing = next((name for name in used[1:] if name not in self._values), None)
        if missing is not None:
            raise UserError(
                f"The lake was rotated to {used[-1]}, and {missing} is neither in {keys_path()} nor in"
                f" {_variable(missing)}. Restore it from your copy of the keys."
            )
        return tuple(self[name] for name in used)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Keys({', '.join(sorted(self._values))})"


def link_name(system: str, number: int) -> str:
    """What a link of a system's key is called: `mediation`, `mediation.2`, `mediation.3` …"""
    return system if number == 1 else f"{system}.{number}"


def _variable(name: str) -> str:
    return ENVIRONMENT + name.replace(".", "_").upper()


def initialise(systems: Iterable[str]) -> tuple[Path, list[str]]:
    """Make the keys that are missing; those of the file and of the environment stay. Returns the file and the names made.

    Raises `UserError` when the file would lie inside the data folder or cannot be written.
    """
    return keys_path(), add({*systems, *NEVER_ROTATED})


def add(names: Iterable[str]) -> list[str]:
    """Make keys of these names where there are none, in the file. Returns the names made, in order."""
    path = _outside_data()
    in_file = _in_file(path)
    made = sorted(set(names) - _agreed(in_file, _in_environment()).keys())
    if made:
        _write(path, in_file | {name: secrets.token_hex(32) for name in made})
    return made


def _write(path: Path, values: Mapping[str, str]) -> None:
    text = "".join(f"{name} = {value}\n" for name, value in sorted(values.items()))
    write_secret(path, text)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read: whole, or not at all. Raises `UserError`."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def _outside_data() -> Path:
    path = keys_path()
    if path.resolve().is_relative_to(data_root()):
        raise UserError(f"The keys may not lie inside the data folder ({path}). Set FENGQIAO_KEYS to another place.")
    return path


def load() -> Keys:
    """The keys, and how many links of each the lake uses.

    Raises `UserError` when there are none, when the file lies inside the data folder or can be read by others, when it
    says another key than the environment, and when a key that is never rotated has a second link.
    """
    path = _outside_data()
    values = _agreed(_in_file(path), _in_environment())
    if not values:
        raise UserError(
            f"There are no keys at {path} or in the environment; without keys nothing is taken in. Run `fengqiao keys init`."
        )
    return Keys(values, generation().links)


def _agreed(in_file: Mapping[str, str], in_environment: Mapping[str, str]) -> Mapping[str, str]:
    """The keys of both places. Raises `UserError` where they contradict each other."""
    for name in in_file.keys() & in_environment.keys():
        if in_file[name] != in_environment[name]:
            raise UserError(
                f"The key {name} in {keys_path()} is another than that in {_variable(name)}. Remove one of the two."
            )
    values = {**in_file, **in_environment}
    for fixed in NEVER_ROTATED:
        if any(name.startswith(f"{fixed}.") for name in values):
            raise UserError(
                f"The key {fixed} has a second link in {keys_path()} or the environment; it is never rotated. Remove the link."
            )
    return values


def _in_environment() -> dict[str, str]:
    found: dict[str, str] = {}
    for variable, value in os.environ.items():
        name = _name(variable.removeprefix(ENVIRONMENT).lower()) if variable.startswith(ENVIRONMENT) else None
        if name is None:
            continue
        if not KEY.fullmatch(value):
            raise UserError(f"{variable} is no key: expected 64 hexadecimal digits, in lower case.")
        found[name] = value
    return found


def _name(text: str) -> str | None:
    """The name of a key as the file writes it: `mediation_2` is `mediation.2`."""
    parts = NAME.fullmatch(text)
    return link_name(parts[1], int(parts[2] or 1)) if parts else None


def _in_file(path: Path) -> dict[str, str]:
    """The keys of the file; none where there is no file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The keys at {path} cannot be read.") from None
    if mode & 0o077:
        raise UserError(f"The keys at {path} can be read by others (mode {mode:o}). Run `chmod 600 {path}`.")
    values: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        said, separator, value = (part.strip() for part in line.partition("="))
        name = _name(said)
        if not separator or not KEY.fullmatch(value) or name is None:
            raise UserError(f"{path}, line {number}: expected `name = 64 hexadecimal digits`.")
        if name in values:
            raise UserError(f"{path}, line {number}: a second key for {name}. Remove the one that was never used.")
        values[name] = value
    return values
