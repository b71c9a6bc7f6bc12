"""`release.json`: what a release says of itself, so that a figure can be quoted, checked and cited without its makers."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines import catalogue
from pipelines.catalogue import Publisher
from pipelines.periods import month_start, months_of, period_after, period_kind
from pipelines.release.changes import REASONS, revisions


def metadata(
    connection: duckdb.DuckDBPyConnection,
    release_id: str,
    period: str,
    edition: str,
    data_hash: str,
    superseded: Path | None,
    earlier: Sequence[Path],
) -> dict[str, Any]:
    """The fields of `release.json` before approval. Needs the views of `release_tables` and the table `changes`."""
    told = revisions(connection, earlier)
    reports = coverage(connection, period) if edition == "internal" else {}
    return {
        **_of_the_office(catalogue.publisher(), release_id, edition),
        **_of_the_plan(edition),
        **_of_the_period(connection, period, is_first=superseded is None),
        **_of_the_data(connection, edition),
        **reports,
        **_of_the_revision(told, superseded),
        "vintage": _vintage(period, reports, told[:1] if superseded is not None else []),
        "release_id": release_id,
        "edition": edition,
        "drafted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "indicators": indicators_of(edition),
        "data_hash": data_hash,
        "status": "draft",
    }


def indicators_of(edition: str) -> list[str]:
    """Ids of the cards of an edition: those of the publication plan in the public one, else all."""
    return sorted(catalogue.publication_plan().indicators if edition == "public" else catalogue.cards())


def _of_the_plan(edition: str) -> dict[str, Any]:
    """How an edition is protected and who answers for it; nothing of its keys. The internal edition is exact."""
    if edition != "public":
        return {"rounding_base": [1], "disclosure_control": None}
    plan = catalogue.publication_plan()
    answer = {who: getattr(plan, who) for who in ("authority", "reviewer", "approver")}
    return {
        **{f"{who}_{language}": getattr(words, language) for who, words in answer.items() for language in ("zh", "en")},
        "plan_version": plan.version,
        "plan_hash": catalogue.publication_hash(),
        "rounding_base": sorted({table.base for table in plan.tables.values()}),
        "disclosure_control": {
            "method": "random rounding by cell key",
            "thresholds": sorted({table.k for table in plan.tables.values()}),
        },
    }


def _of_the_office(said: Publisher, release_id: str, edition: str) -> dict[str, Any]:
    words = {
        **{name: getattr(said, name) for name in ("title", "publisher", "responsible_statistician", "legal_basis")},
        **{name: getattr(getattr(said, name), edition) for name in ("population", "quality")},
        "seasonal_adjustment": said.seasonal_adjustment,
    }
    both = {f"{name}_{language}": getattr(text, language) for name, text in words.items() for language in ("zh", "en")}
    return {
        "dataset_id": said.dataset_id,
        "version": release_id.rpartition("-")[2],
        "permalink": f"{said.permalink}/{edition}/{release_id}",
        "bulletin_address": said.bulletin_address,
        **both,
        "contact": said.contact,
        "survey_approval": said.survey_approval,
        "geography": said.geography.en,
        "geography_zh": said.geography.zh,
        "area_code_list": said.geography.code_list,
        "area_hierarchy": said.geography.hierarchy,
        "standard_population": said.standard_population,
        "revision_policy_id": said.revision_policy.id,
        "revision_policy_zh": said.revision_policy.zh,
        "revision_policy_en": said.revision_policy.en,
        "pre_release_access": [office.model_dump() for office in said.pre_release_access],
        "time_zone": said.time_zone,
        "licence": getattr(said.licence, edition),
        "signature": None,
    }


def _of_the_period(connection: duckdb.DuckDBPyConnection, period: str, *, is_first: bool) -> dict[str, Any]:
    """`embargo_until`: when the calendar says that the period is released; a revision waits for nothing."""
    kind, following = period_kind(period), period_after(period)
    due, next_due = (catalogue.release_due_at(kind, month_start(months_of(p)[1])) for p in (period, following))
    first, cutoff = _one(connection, "select min(first_month), last_day(max(last_month)) from temp.periods")
    return {
        "reference_period": period,
        "period_kind": kind,
        "frequency": kind,
        "first_month": f"{first:%Y-%m}",
        "data_cutoff": f"{cutoff}",
        "due_at": due.isoformat(),
        "embargo_until": due.isoformat() if is_first else None,
        "next_release": {"period": following, "due_at": next_due.isoformat()},
    }


def _of_the_data(connection: duckdb.DuckDBPyConnection, edition: str) -> dict[str, Any]:
    """What the figures rest on. Counts of rows, receipts and sequences are of the internal edition only."""
    request = connection.sql("select * from warehouse.catalogue.build_request").pl().row(0, named=True)
    breaks = connection.sql(
        "select indicator, area_code, strftime(month, '%Y-%m') as month from temp.breaks order by all"
    ).pl()
    said = {
        "code_version": request["code_version"],
        "seeds_version": request["seeds_version"],
        "code_lists": _code_lists(),
        "comparability_breaks": breaks.to_dicts(),
        "imputation_percent": 0.0,
    }
    return said if edition != "internal" else said | _of_the_deliveries(connection, request["sequence"])


def _of_the_deliveries(connection: duckdb.DuckDBPyConnection, sequence: int) -> dict[str, Any]:
    sources = connection.sql(
        """
        select table_name, count(distinct sender) as senders, sum(accepted)::bigint as accepted,
            sum(quarantined)::bigint as quarantined, sum(duplicate)::bigint as duplicate
        from warehouse.catalogue.ledger group by table_name order by table_name
        """
    ).pl()
    [watermark] = _one(connection, "select max(received_at) from warehouse.catalogue.ledger")
    return {"ledger_sequence": sequence, "ingest_watermark": watermark, "sources": sources.to_dicts()}


def _code_lists() -> list[dict[str, Any]]:
    """id, version (digest of the list), standards and number of codes of each list by which figures are broken down."""
    used = sorted({breakdown for card in catalogue.cards().values() for breakdown in card.breakdowns})
    return [
        {
            "id": name,
            "version": hashlib.sha256(repr(codes).encode()).hexdigest()[:12],
            "standards": sorted({code.standard for code in codes if code.standard}),
            "codes": len(codes),
        }
        for name in used
        if (codes := catalogue.code_lists().get(name))
    ]


def _of_the_revision(told: list[dict[str, Any]], superseded: Path | None) -> dict[str, Any]:
    of_superseded = told[0] if superseded is not None else None
    return {
        "supersedes": None if superseded is None else superseded.name,
        "reason": sorted(of_superseded["by_reason"]) if of_superseded else [],
        "revised_cells": of_superseded["cells"] if of_superseded else 0,
        "largest_revision": of_superseded["largest_difference"] if of_superseded else {},
        "revisions": told,
        "reasons": {code: words.model_dump() for code, words in REASONS.items()},
    }


def coverage(connection: duckdb.DuckDBPyConnection, period: str) -> dict[str, Any]:
    """Of the reports owed for a period (one a sender, table, area and month) how many came, and how many after their day.

    Keys: reports_expected, reports_received, coverage_rate and late_arrival_percent (percent; null where none is owed).
    """
    first, last = (month_start(month) for month in months_of(period))
    owed, came, reports, late = _one(
        connection,
        "select coalesce(sum(areas_owed), 0)::bigint, coalesce(sum(areas_reported), 0)::bigint,"
        " count(first_received_on), count(*) filter (is_late)"
        " from temp.data_quality where areas_owed > 0 and month between ? and ?",
        [first, last],
    )
    return {
        "reports_expected": owed,
        "reports_received": came,
        "coverage_rate": round(100 * came / owed, 2) if owed else None,
        "late_arrival_percent": round(100 * late / reports, 2) if reports else None,
    }


def _vintage(period: str, reports: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> str:
    """revised where it changes a cell of the release it supersedes, final for a year of which every report came, else provisional."""
    if any(revision["cells"] for revision in told):
        return "revised"
    is_complete = bool(reports) and reports["reports_expected"] == reports["reports_received"]
    return "final" if period_kind(period) == "year" and is_complete else "provisional"


def _one(connection: duckdb.DuckDBPyConnection, query: str, given: Sequence[object] = ()) -> tuple[Any, ...]:
    [row] = connection.execute(query, list(given)).fetchall()
    return row
