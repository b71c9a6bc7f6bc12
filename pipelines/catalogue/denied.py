"""What no contract can let in."""

import re
from functools import cache, cached_property
from typing import Literal

from pydantic import field_validator

from pipelines.catalogue.declaring import Declared, LegalBasis, Words, declare, heading, line_of, read_yaml
from pipelines.settings import SEEDS


class DeniedHeading(Declared):
    """What a heading (or a table's label) may not say where it would be stored, and why."""

    id: str
    pattern: str
    reason: Words
    legal_basis: tuple[LegalBasis, ...] = ()

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from None
        return pattern

    def matches(self, text: str) -> bool:
        return re.search(self.pattern, heading(text), re.IGNORECASE) is not None


class DeniedValue(Declared):
    """A personal value that no cell may carry. `not_beside`: characters (a class) that may not touch it."""

    id: str
    pattern: str
    not_beside: str
    check: Literal["mod_11_2"] | None = None
    label: Words

    @property
    def standing_alone(self) -> str:
        """A regular expression without look-around; its one group is the value."""
        return f"(?:^|[^{self.not_beside}])({self.pattern})(?:[^{self.not_beside}]|$)"


class Denied(Declared):
    """What no contract can let in."""

    headings: tuple[DeniedHeading, ...]
    tables: tuple[DeniedHeading, ...]
    values: tuple[DeniedValue, ...]

    @cached_property
    def _any_heading(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{denied.pattern})" for denied in self.headings), re.IGNORECASE)

    def heading(self, text: str) -> DeniedHeading | None:
        """The first entry that a heading matches."""
        if not self._any_heading.search(heading(text)):
            return None
        return next((denied for denied in self.headings if denied.matches(text)), None)


@cache
def denied() -> Denied:
    """What no contract can let in. Raises `UserError` naming the line of a wrong entry."""
    path = SEEDS / "denied.yml"
    values, text = read_yaml(path)
    return declare(Denied, values, path, lambda place: line_of(text, place))
