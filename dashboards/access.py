"""Who may see what: a signed-in person's claims against the office's scope file.

Sign-in is OIDC by Streamlit; what the provider must be told lies in a TOML file outside the data folder
(`FENGQIAO_OIDC`). The scope file, `access.yml` in the data folder, says which claims carry area and role:

    area_claim: area_code            # one code or a list of codes of 6, 9 or 12 digits
    role_claim: role
    signed_in_hours: 12
    roles:
      city_office: {sees: everything}
      district_office: {sees: own_areas}
    grants:                          # beyond the own areas
      - {area: "420583", may_see: ["420502"], until: 2026-12-31}

A person of a role that sees its own areas sees these with all below them, the total of the area above each, and what
is granted to the area. Who has no known role or no area sees nothing.
"""

import logging
import os
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from dashboards.release_reader import Scope
from pipelines import catalogue
from pipelines.catalogue import Declared
from pipelines.settings import UserError, data_root

SECRET = 0o077  # the bits that must not be set: nobody but the owner reads the client's secret
NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")


class Role(Declared):
    """What persons of a role see."""

    sees: Literal["everything", "own_areas"]


class Grant(Declared):
    """Areas that an office may see beside its own, to a day."""

    area: str
    may_see: tuple[str, ...]
    until: date | None = None


class Access(Declared):
    """The scope file."""

    roles: Mapping[str, Role]
    area_claim: str = "area_code"
    role_claim: str = "role"
    signed_in_hours: int = Field(default=12, ge=1)
    grants: tuple[Grant, ...] = ()


class Person(NamedTuple):
    """Someone who may read; without a scope everything is seen."""

    name: str
    scope: Scope | None


class NotAdmitted(Exception):
    """Someone who may not read; `reason` is a word of section `sign_in`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign_in_path() -> Path:
    """The file that makes sign-in work: `FENGQIAO_OIDC`, else `~/.config/fengqiao/oidc.toml`."""
    configured = os.environ.get("FENGQIAO_OIDC")
    return Path(configured).expanduser() if configured else Path.home() / ".config" / "fengqiao" / "oidc.toml"


def has_sign_in() -> bool:
    return "FENGQIAO_OIDC" in os.environ or sign_in_path().is_file()


def sign_in_settings() -> dict[str, Any]:
    """What the provider must be told, for `st.login`.

    Raises `UserError` when the file is missing, can be read by others, is no TOML or lacks a key.
    """
    path = sign_in_path()
    try:
        if path.stat().st_mode & SECRET:
            raise UserError(f"{path} can be read by others. Run: chmod 600 {path}")
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no {path}: sign-in is not set up. Write it as docs/sign-in.md says.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path} cannot be read as TOML ({type(error).__name__}).") from None
    missing = [key for key in NEEDED if not isinstance(settings.get(key), str) or not settings[key]]
    if missing:
        raise UserError(f"{path} does not say {', '.join(missing)}; sign-in needs all of {', '.join(NEEDED)}.")
    if not settings["redirect_uri"].endswith("/oauth2callback"):
        raise UserError(f"{path}: redirect_uri must end with /oauth2callback.")
    return settings


def in_a_sentence(record: logging.LogRecord) -> bool:
    """What the log says of a sign-in that failed: for who must mend it, instead of a traceback."""
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        record.msg = (
            f"{record.getMessage()} {type(error).__name__}: {error}. Can this machine reach the provider that"
            f" {sign_in_path()} names, and does it trust its certificate (docs/sign-in.md)?"
        )
        record.args, record.exc_info = (), None
    return True


def access_path() -> Path:
    return data_root() / "access.yml"


def access() -> Access:
    """The scope file as it stands now. Raises `UserError` when it is missing or wrong."""
    path = access_path()
    if not path.is_file():
        raise UserError(f"Sign-in is on, but {path} does not say who may see what. Write it as docs/sign-in.md shows.")
    return _declared(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _declared(path: Path, _: int) -> Access:
    found: Access = catalogue.load_declared(Access, path)
    codes = {code for grant in found.grants for code in (grant.area, *grant.may_see)}
    unknown = sorted(code for code in codes if catalogue.padded(code) not in _parents())
    if unknown:
        raise UserError(f"{path}: {', '.join(unknown)} is not the code of a published area.")
    return found


@lru_cache(maxsize=1)
def _parents() -> Mapping[str, str]:
    return {area.area_code: area.parent_code or "" for area in catalogue.published_areas()}


def admitted(claims: Mapping[str, Any], now: datetime | None = None) -> Person:
    """The person behind verified claims. Raises `NotAdmitted` with the reason."""
    found, now = access(), now or datetime.now(UTC)
    signed_in_at = claims.get("iat")
    if not isinstance(signed_in_at, int | float) or now.timestamp() - signed_in_at > found.signed_in_hours * 3600:
        raise NotAdmitted("too_long_ago")
    role = found.roles.get(str(claims.get(found.role_claim)))
    if role is None:
        raise NotAdmitted("no_role")
    name = str(claims.get("name") or claims.get("email") or claims.get("sub") or "")
    if role.sees == "everything":
        return Person(name, None)
    return Person(name, scope_of(_codes(claims.get(found.area_claim)), found.grants, now.date()))


def scope_of(areas: Iterable[str], grants: Iterable[Grant], today: date) -> Scope:
    """Own areas with all below, the area above each by its own figures, and what is granted. Raises `NotAdmitted`."""
    own = {catalogue.padded(code) for code in areas} & _parents().keys()
    if not own:
        raise NotAdmitted("no_area")
    in_force = [grant for grant in grants if grant.until is None or today <= grant.until]
    granted = {
        catalogue.padded(code) for grant in in_force if catalogue.padded(grant.area) in own for code in grant.may_see
    }
    above = {_parents()[code] for code in own} - {""}
    return Scope(frozenset(own | granted), frozenset(above))


def _codes(claim: Any) -> list[str]:
    """The codes of a claim that is one code or a list of them; nothing else is an area."""
    codes = claim if isinstance(claim, list | tuple) else [claim]
    return [code.strip() for code in codes if isinstance(code, str) and code.strip().isdigit()]
