"""`fengqiao review`: the reviews of a release as documents, for one area by hand or for all districts by schedule."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines import cli_output as output
from pipelines.catalogue import padded
from pipelines.settings import UserError, documents

if TYPE_CHECKING:
    from dashboards.release_reader import Release
    from dashboards.wording import Language

FORMATS = ("pdf", "docx", "xlsx", "html")


def formats_of(text: str) -> tuple[str, ...]:
    """Formats separated by commas. Raises `UserError` for one that there is not."""
    wanted = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [part for part in wanted if part not in FORMATS]
    if unknown or not wanted:
        raise UserError(f"{text} names no formats of a review; write some of {','.join(FORMATS)}.")
    return wanted


def write_reviews(
    release: "Release",
    period: str,
    areas: Sequence[str] | None = None,
    *,
    formats: Sequence[str] = FORMATS,
    languages: Sequence["Language"] = ("zh",),
    letterhead: Path | None = None,
    template: Path | None = None,
    fonts: Path | None = None,
    out: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Path]:
    """Write the reviews of areas (all districts in which anything was counted, unless given) and return their files.

    They lie in `documents/<release>/` of the data folder unless `out` says otherwise, never in the release. The same
    release and lines give the same files. Raises `UserError` for an area or period without a review, wrong lines, a
    wrong template, and for the public edition.
    """
    from dashboards.published import compared
    from dashboards.review import facts, plan
    from dashboards.review.building import build
    from dashboards.review.writing import write

    if release.edition == "public":
        raise UserError(
            "A review is made of the internal edition, which counts exactly, not of the public one; for the"
            " public there is `fengqiao bulletin`."
        )
    if not release.computes():
        raise UserError(f"Release {release.id} was made before reviews were written. Draft a new one.")
    lines = plan.letterhead(letterhead)
    chosen = facts.districts(release, period) if areas is None else tuple(areas)
    written: list[Path] = []
    for done, area in enumerate(chosen, 1):
        seen = facts.facts(release, area, period)
        published = list(compared(release, _within(release, area)))
        for language in languages:
            document = build(seen, language, lines, published)
            stem = f"review-{period}-{_short(padded(area))}-{language}"
            written += write(document, out or documents() / release.id, stem, formats, template, fonts)
        progress(f"review {area}", done, len(chosen))
    return written


def areas_reviewed(release: "Release", period: str) -> tuple[str, ...]:
    """The districts in which anything was counted in a period, and the cities they lie in, by code."""
    from dashboards.review import facts

    districts = facts.districts(release, period)
    cities = release.areas().filter((pl.col("level") == "city") & ~pl.col("is_not_assigned"))["area_code"]
    above = release.table("area_ancestors").filter(
        pl.col("area_code").is_in(districts), pl.col("ancestor_code").is_in(cities.implode())
    )
    return tuple(sorted({*districts, *above["ancestor_code"]}))


def _within(release: "Release", area: str) -> Collection[str]:
    """The codes of an area and of all in it."""
    ancestors = release.table("area_ancestors").filter(pl.col("ancestor_code") == padded(area))
    return set(ancestors["area_code"])


def _short(code: str) -> str:
    """Six digits down to districts, nine for towns."""
    return code[:6] if code.endswith("000000") else code[:9]


def run(release: "Release", period: str, area: str, *, as_json: bool, **options: Any) -> None:
    """Write the review of one area and say where it lies."""
    files = write_reviews(release, period, [area], **options)
    if as_json:
        output.print_json(
            {"release": release.id, "period": period, "area": padded(area), "files": list(map(str, files))}
        )
    else:
        output.say("\n".join(map(str, files)))
