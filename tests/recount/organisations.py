"""Organisations: what stands at each month's end by the newest count up to then. Residents of districts, by year."""

from __future__ import annotations

from datetime import date

import polars as pl

from . import declared
from .exports import HOLDS, Exports, at_district
from .tallies import cells, span

BASES = ("census", "sample", "police")  # the best first
COUNTED_BY = {  # whose residents a system's cases are divided by
    "mediation": "mediation_cases",
    "screening": "dispute_screenings",
    "petition": "petition_matters",
    "reconsideration": "reconsideration_cases",
    "service": "service_activities",
    "organisation": "organisations",
}
PROFESSIONS = {
    "medical_staff": "medical_staff",
    "psychotherapists": "psychotherapist",
    "counsellors": "counsellor",
    "psychology_teachers": "psychology_teacher",
}
# measure → type of organisation and what is added of it
ADDED = {
    "organisation_committees": ("mediation_committee", pl.lit(1)),
    "organisation_industry_committees": ("mediation_committee", pl.col("industry").ne("none").cast(pl.Int64)),
    "organisation_mediators": ("mediation_committee", pl.col("all_mediators")),
    "organisation_full_time_mediators": ("mediation_committee", pl.col("full_time_mediators")),
    "organisation_mediators_by_time": (
        "mediation_committee",
        pl.when(pl.col("full_time_mediators").is_not_null()).then(pl.col("all_mediators")),
    ),
    "organisation_industry_full_time_mediators": (
        "mediation_committee",
        pl.when(pl.col("industry").ne("none")).then(pl.col("full_time_mediators")),
    ),
    "organisation_experts": ("mediation_committee", pl.col("experts")),
    "organisation_governance_centres": ("governance_centre", pl.lit(1)),
    "organisation_judicial_offices": ("judicial_office", pl.lit(1)),
    "organisation_employment_bases": ("employment_base", pl.lit(1)),
    "organisation_centre_rooms": ("governance_centre", pl.col("function_rooms")),
    "organisation_centre_departments": ("governance_centre", pl.col("resident_departments")),
    "organisation_social_workers": ("governance_centre", pl.col("social_workers")),
    "organisation_social_organisations": ("governance_centre", pl.col("registered_social_organisations")),
    "organisation_community_organisations": ("governance_centre", pl.col("community_social_organisations")),
    "organisation_talent_pool": ("talent_pool", pl.sum_horizontal(*PROFESSIONS)),
}


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of organisations, and of population those that divide them and the mediations."""
    counts = exports.versions["organisations"]
    standing = _standing(counts, _months(*span(exports, "organisations")))
    parts = [
        part
        for measure, (kind, added) in ADDED.items()
        for part in _stock(standing.filter(pl.col("organisation_type") == kind), measure, added)
    ]
    pool = standing.filter(pl.col("organisation_type") == "talent_pool")
    for column, profession in PROFESSIONS.items():
        of_them = _added(pool, [], pl.col(column))
        parts.append(cells(of_them, "organisation_talent_pool", "profession", pl.lit(profession)))
    return [*parts, *_townships(standing, _reported(exports, "organisations")), *_residents(exports)]


def _months(first: date, last: date) -> pl.DataFrame:
    month = pl.date_range(first, last, "1mo", eager=True).alias("month")
    return pl.DataFrame(month).with_columns(pl.col("month").dt.month_end().alias("month_end"))


def _standing(counts: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
    """One row an organisation and month at whose end it stands, as its newest count up to then has it."""
    keys = counts.select("register", "key").unique()
    grid = keys.join(months, how="cross").sort("month_end")
    newest = grid.join_asof(
        counts.sort("counted_on"),
        left_on="month_end",
        right_on="counted_on",
        by=["register", "key"],
        coalesce=False,
        check_sortedness=False,
    )
    is_abolished = pl.col("organisation_status").eq_missing("abolished")
    still_stands = (
        pl.when(is_abolished)
        .then(pl.col("abolished_on") > pl.col("month_end"))
        .otherwise(pl.col("abolished_on").is_null() | (pl.col("abolished_on") > pl.col("month_end")))
    )
    return newest.filter(
        _months_apart("counted_on", "month") <= HOLDS,
        pl.col("founded_on").is_null() | (pl.col("founded_on") <= pl.col("month_end")),
        still_stands,
    ).with_columns(
        pl.col("organisation_level").alias("tier"),
        pl.coalesce("mediators", pl.col("full_time_mediators") + pl.col("part_time_mediators")).alias("all_mediators"),
    )


def _months_apart(earlier: str, later: str) -> pl.Expr:
    years, months = (
        pl.col(later).dt.year() - pl.col(earlier).dt.year(),
        pl.col(later).dt.month().cast(pl.Int32) - pl.col(earlier).dt.month().cast(pl.Int32),
    )
    return years * 12 + months


def _added(standing: pl.DataFrame, by: list[str], added: pl.Expr) -> pl.DataFrame:
    return standing.group_by(at_district(pl.col("leaf")).alias("area_code"), "month", *by).agg(
        added.sum().alias("value")
    )


def _stock(standing: pl.DataFrame, measure: str, added: pl.Expr) -> list[pl.DataFrame]:
    valued = standing.with_columns(added.alias("added"))
    parts = [cells(_added(valued, [], pl.col("added")), measure, "total", pl.lit("total"))]
    for name in declared.measures()[measure].breakdowns:
        if name != "profession":
            by = _added(valued, [name], pl.col("added"))
            parts.append(cells(by, measure, name, pl.col(name).fill_null("not_stated")))
    return parts


def _townships(standing: pl.DataFrame, counted: pl.DataFrame) -> list[pl.DataFrame]:
    """Units that have a centre or an office, each once, and all units of the districts that have been counted."""
    units = declared.areas().filter(pl.col("level") == "township", ~pl.col("area_code").str.ends_with("999000"))
    within = standing.join(units.select("area_code"), on="area_code")
    is_centre = (pl.col("organisation_type") == "governance_centre") & (pl.col("tier") == "township")
    chosen = {
        "organisation_townships_with_centre": is_centre,
        "organisation_townships_with_office": pl.col("organisation_type") == "judicial_office",
    }
    parts: list[pl.DataFrame] = []
    for measure, which in chosen.items():
        at = at_district(pl.col("area_code")).alias("leaf")
        there = within.filter(which).select(at, "area_code", "month").unique().with_columns(pl.lit(1).alias("one"))
        parts.append(cells(_added(there, [], pl.col("one")), measure, "total", pl.lit("total")))
    of_district = units.group_by(pl.col("parent_code").alias("district")).len("value")
    everywhere = counted.join(of_district, on="district")
    return [*parts, _of_districts(everywhere, "organisation_townships")]


def _of_districts(rows: pl.DataFrame, measure: str) -> pl.DataFrame:
    at = rows.select(at_district(pl.col("district")).alias("area_code"), "month", pl.col("value").cast(pl.Int64))
    return cells(at, measure, "total", pl.lit("total"))


def districts() -> pl.DataFrame:
    """district, above: every district (and city without districts) with itself and all areas above it."""
    areas = declared.areas().filter(~pl.col("area_code").str.ends_with("999000"))
    with_districts = areas.filter(pl.col("level") == "district")["parent_code"].unique()
    is_one = (pl.col("level") == "district") | (
        (pl.col("level") == "city") & ~pl.col("area_code").is_in(with_districts.to_list())
    )
    ancestors = declared.ancestors().rename({"area_code": "district", "ancestor_code": "above"})
    return ancestors.join(areas.filter(is_one).select(pl.col("area_code").alias("district")), on="district")


def _residents(exports: Exports) -> list[pl.DataFrame]:
    known = _known_residents(exports.rows["population"])
    each_month = pl.DataFrame({"number": range(1, 13)})
    monthly = known.join(each_month, how="cross").with_columns(pl.date("year", "number", 1).alias("month"))
    monthly = monthly.select("district", "month", pl.col("residents").alias("value"))
    parts = [_of_districts(monthly, "population_residents")]
    for system, table in COUNTED_BY.items():
        at = _reported(exports, table)
        among = at if system == "organisation" else _in_the_year(at)
        parts.append(_of_districts(monthly.join(among, on=["district", "month"]), f"{system}_residents"))
        without = at.join(monthly, on=["district", "month"], how="anti").with_columns(pl.lit(1).alias("value"))
        parts.append(_of_districts(without, f"{system}_without_residents"))
    return parts


def _known_residents(population: pl.DataFrame) -> pl.DataFrame:
    """district, year, residents: by the best basis, of one basis the figure published last."""
    best = pl.col("basis").replace_strict({basis: rank for rank, basis in enumerate(BASES)}, return_dtype=pl.Int8)
    chosen = population.drop_nulls("residents").with_columns(best.alias("rank"))
    chosen = chosen.sort("rank", "published_on", descending=[False, True]).unique(["area_code", "year"], keep="first")
    is_one = pl.col("district").is_in(districts()["district"].unique().to_list())
    return chosen.select(pl.col("area_code").alias("district"), "year", "residents").filter(is_one)


def _reported(exports: Exports, table: str) -> pl.DataFrame:
    """district, month: what has been reported of a table, a city's report for all its districts."""
    sent = exports.coverage.filter(pl.col("table_name") == table).select(pl.col("area_code").alias("above"), "month")
    return sent.join(districts(), on="above").select("district", "month").unique()


def _in_the_year(reported: pl.DataFrame) -> pl.DataFrame:
    """The months of a year from the first in which the district has been reported."""
    first = reported.group_by("district", pl.col("month").dt.year().alias("year")).agg(pl.col("month").min())
    spread = first.with_columns(pl.date_ranges("month", pl.date("year", 12, 1), "1mo").alias("month"))
    return spread.explode("month").select("district", "month")
