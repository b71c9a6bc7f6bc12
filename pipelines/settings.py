"""Where things lie: the checkout, the data folder, the keys. Read from the environment at each call, so tests can move them."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
SEEDS = PROJECT / "seeds"
DBT_PROJECT = PROJECT / "dbt_project"
TIME_ZONE = "Asia/Shanghai"
EDITIONS = ("internal", "public")


class UserError(Exception):
    """One sentence for the person who must act: what was found, where, what to do. Shown without a traceback."""


def data_root() -> Path:
    """The data folder: `FENGQIAO_DATA`, else `./data`."""
    return Path(os.environ.get("FENGQIAO_DATA", "data")).resolve()


def keys_path() -> Path:
    """The file of the keys, outside the data folder: `FENGQIAO_KEYS`, else `~/.config/fengqiao/keys`."""
    configured = os.environ.get("FENGQIAO_KEYS")
    return Path(configured).expanduser() if configured else Path.home() / ".config" / "fengqiao" / "keys"


def landing() -> Path:
    return data_root() / "landing"


def documents() -> Path:
    """Where documents lie that were asked for after a release was sealed."""
    return data_root() / "documents"


def releases(edition: str) -> Path:
    return data_root() / "releases" / edition


def drafts(edition: str) -> Path:
    return data_root() / "releases" / "drafts" / edition
