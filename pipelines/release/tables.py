"""The tables of a release: which, in which order of rows, and as Parquet and DuckDB."""

import base64
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines import warehouse
from pipelines.settings import DBT_PROJECT
from pipelines.signals.intervals import INTERVALS

TABLES: Mapping[str, str] = {
    "figures": "indicator, breakdown, area_code, period, category",
    "standings": "indicator, area_code, period",
    "occurrences": "indicator, area_code, period",
    "measures": "measure, breakdown, area_code, month, category, bucket",
    "coverage": "coverage, area_code, period",
    "reporting": "coverage, area_code, month",
    "indicators": "indicator",
    "indicator_breakdowns": "indicator, breakdown",
    "measure_words": "measure",
    "categories": "breakdown, sort, category",
    "breaks": "indicator, area_code, month",
    "areas": "area_code",
    "area_ancestors": "area_code, ancestor_code",
    "periods": "period",
    "senders": "table_name, sender, area_code",
    "data_quality": "table_name, sender, month",
    "quarantine_reasons": "table_name, sender, month, severity, reason",
    "plausibility": "book_check, table_name, sender, month",
    "signals": "indicator, area_code, month",
    "funnels": "indicator, area_code, period",
    "reconciliation": "table_name, sender, area_code, month, measure",
    "changes": "against, indicator, breakdown, area_code, period, category",
}
CHANGES = (
    "changes"  # depends on what was released before; all others on the data alone: the same data give the same bytes
)
_SELECTS = {
    "figures": f"select f.* from ({INTERVALS}) f join periods p on f.period = p.period",
    "standings": "select s.* from edition.indicators.standings s join periods p on s.period = p.period",
    "occurrences": "select o.* from edition.indicators.occurrences o join periods p on o.period = p.period",
    "measures": "select * from warehouse.measures.measures_monthly where month <= {last}",
    "coverage": "select c.* from edition.inputs.coverage c join periods p on c.period = p.period",
    "reporting": "select * from warehouse.core.reporting where month <= {last}",
    "indicators": "select * from edition.inputs.cards",
    "indicator_breakdowns": "select * from edition.inputs.card_breakdowns",
    "measure_words": "select * from warehouse.catalogue.measures",
    "categories": "select * from edition.inputs.categories",
    "breaks": "select * from edition.inputs.breaks",
    "areas": "select area_code, name_zh, name_en, level, parent_code, is_not_assigned from warehouse.core.dim_areas",
    "area_ancestors": "select * from warehouse.core.area_ancestors",
    "senders": "select * from warehouse.catalogue.senders",
    "data_quality": "select * from warehouse.core.data_quality where month <= {last}",
    "quarantine_reasons": "select * from warehouse.core.quarantine_reasons where month <= {last}",
    "plausibility": "select * from warehouse.core.plausibility where month <= {last}",
    "signals": "select * from edition.signals.signals",
    "funnels": "select * from edition.signals.funnels",
}
# The public edition carries fewer tables, and of what it carries published values only.
PUBLIC_TABLES: Mapping[str, str] = {
    "figures": TABLES["figures"],
    "measures": "measure, breakdown, area_code, period, category, bucket",
    "reporting": "table_name, area_code, period",
} | {
    name: TABLES[name]
    for name in (
        "indicators",
        "indicator_breakdowns",
        "measure_words",
        "categories",
        "breaks",
        "areas",
        "area_ancestors",
        "periods",
        CHANGES,
    )
}
_PUBLIC_SELECTS = {
    "figures": "select f.* from edition.protected.figures f join periods p on f.period = p.period",
    "measures": "select m.* from edition.inputs.measures m join periods p on m.period = p.period",
    "reporting": """
        select distinct w.table_name, c.area_code, c.period,
            case
                when c.reported_months = c.expected_months then 'all'
                when 10 * c.reported_months >= 9 * c.expected_months then 'most'
                when 2 * c.reported_months >= c.expected_months then 'half'
                else 'few'
            end as reporting_band
        from warehouse.measures.coverage c
        join warehouse.catalogue.measures w on c.coverage = w.coverage
        join edition.inputs.measures m on w.measure = m.measure and c.area_code = m.area_code and c.period = m.period
        join periods p on c.period = p.period and p.period_kind = 'year'
        join warehouse.core.dim_areas a on c.area_code = a.area_code and a.level = 'district'
        where w.coverage = w.table_name
    """,
    "measure_words": """
        select w.measure, w.label_zh, w.label_en, w.unit, w.over_time, w.system from warehouse.catalogue.measures w
        where w.measure in (select measure from edition.inputs.measures)
    """,
}


def tables_of(edition: str) -> Mapping[str, str]:
    """The tables that a release of an edition carries, and the order of their rows."""
    return PUBLIC_TABLES if edition == "public" else TABLES


def release_tables(connection: duckdb.DuckDBPyConnection, last_month: str, edition: str = "internal") -> None:
    """Temporary views of every table of a release, holding all periods up to its last month."""
    last = f"date '{last_month}-01'"
    connection.execute(f"create temp view periods as select * from edition.inputs.periods where last_month <= {last}")
    selects = _SELECTS | _PUBLIC_SELECTS if edition == "public" else _SELECTS
    for name, select in selects.items():
        if name not in tables_of(edition):
            continue
        connection.execute(f"create temp view {name} as {select.format(last=last)}")


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    path: Path,
    words: Mapping[str, str],
    tables: Mapping[str, str] = TABLES,
) -> None:
    """One table, rows in the table's fixed order, so that the same data give the same bytes; each column with its description.

    One thread, because several cut the row groups where they happen to be.
    """
    schema = connection.sql(f"select * from temp.{table} limit 0").to_arrow_table().schema
    described = pa.schema([f.with_metadata({"description": words[f.name]}) if f.name in words else f for f in schema])
    told = base64.b64encode(described.serialize()).decode()
    connection.execute("set threads = 1")
    connection.execute(
        f"copy (select * from temp.{table} order by {_nulls_first(tables[table])}) to '{_quoted(path)}' "
        f"(format parquet, compression zstd, row_group_size 100000, kv_metadata {{'ARROW:schema': '{told}'}})"
    )
    connection.execute("reset threads")


def table_words(edition: str) -> Mapping[str, str]:
    """Table -> what a row of it is, in the releases of an edition."""
    return {
        name: (_PUBLIC_TABLE_WORDS if edition == "public" else {}).get(name, TABLE_WORDS[name])
        for name in tables_of(edition)
    }


def column_words(table: str, edition: str) -> Mapping[str, str]:
    """Column name -> description, of a table in the releases of an edition: the dbt project's column docs, but where the
    table's own column is another thing."""
    return (
        _documented()
        | _COLUMN_WORDS.get(table, {})
        | (_PUBLIC_COLUMN_WORDS.get(table, {}) if edition == "public" else {})
    )


@cache
def _documented() -> dict[str, str]:
    text = (DBT_PROJECT / "models" / "columns.md").read_text(encoding="utf-8")
    return dict(re.findall(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", text, re.S))


def write_database(folder: Path, edition: str = "internal") -> None:
    """`fengqiao.duckdb`: the tables of an edition with comments, in a file that DuckDB 1.4 opens."""
    with warehouse.in_memory() as connection:
        connection.execute(f"attach '{_quoted(folder / 'fengqiao.duckdb')}' as fengqiao (storage_version 'v1.4.0')")
        connection.execute("use fengqiao")
        for table, said in table_words(edition).items():
            words = column_words(table, edition)
            select = _REVISED if table == "figures" else "select * from read_parquet('{folder}/{table}.parquet')"
            if edition == "public":  # where no order of rows may say anything
                select += f" order by {_nulls_first(PUBLIC_TABLES[table])}"
            connection.execute(f"create table {table} as {select.format(folder=_quoted(folder), table=table)}")
            columns = connection.execute(
                f"select column_name from information_schema.columns where table_name = '{table}'"
            ).fetchall()
            for (column,) in columns:
                if column in words:
                    connection.execute(f"comment on column {table}.{column} is '{_escaped(words[column])}'")
            connection.execute(f"comment on table {table} is '{_escaped(said)}'")


# The mark `r` of a cell that differs from an earlier release: it tells releases apart and stands beside the data, not in them.
_REVISED = """
    select f.* replace (case when c.indicator is null then f.status else concat_ws(',', nullif(f.status, ''), 'r') end as status)
    from read_parquet('{folder}/figures.parquet') f
    left join (
        select distinct indicator, area_code, period, breakdown, category from read_parquet('{folder}/changes.parquet')
    ) c using (indicator, area_code, period, breakdown, category)
"""
TABLE_WORDS: Mapping[str, str] = {
    "figures": "One row an indicator, area, period, breakdown and category.",
    "standings": "One row an indicator, area and period: beside its city, its target, and its rank among the city's districts.",
    "occurrences": "One row an indicator that should not occur, area and month: when it last did.",
    "measures": "One row a leaf area, month, measure, breakdown, category and bucket; additive.",
    "coverage": "How much of what was expected has been reported, by coverage, area and period.",
    "reporting": "What has been reported, by coverage, area and month.",
    "indicators": "One row an indicator card.",
    "indicator_breakdowns": "One row an indicator and breakdown.",
    "measure_words": "One row a measure.",
    "categories": "One row a breakdown and category, labelled.",
    "breaks": "One row a card or area and month from which on its figures are not compared with earlier ones.",
    "areas": "One row an area.",
    "area_ancestors": "One row an area and an area that contains it.",
    "periods": "One row a period and what it is compared to.",
    "senders": "One row a sender, table and area for which it owes reports.",
    "data_quality": "How complete, timely, valid and consistent reports are, by table, sender and month.",
    "quarantine_reasons": "Why rows are refused or warned of, by table, sender, month and reason.",
    "plausibility": "Whether the books look as books of work do, by check, table, sender and month.",
    "signals": "What the control chart of an indicator at an area says of each month; January and February are one.",
    "funnels": "How far a district lies from the rest of its city, by indicator and period.",
    "reconciliation": "What the monthly forms reported beside what case rows count, and what explains the difference.",
    "changes": "One row a cell that differs from the release this one supersedes, or from the one published before it: before, after, why.",
}
# What the public edition's tables are where they are others than the internal ones of the same name.
_PUBLIC_TABLE_WORDS: Mapping[str, str] = {
    "measures": "One row an area, period, measure, breakdown, category and band of days: what is published of a count, rounded at"
    " random or a sum of such; a total may differ from the sum of its parts.",
    "reporting": "One row a table, district and year: how far the district has reported, in words.",
    "changes": "One row a cell published otherwise than in the release this one supersedes, or in the one published before it.",
}
# Columns that are another thing in a release's table than in the models that share their name.
_COLUMN_WORDS: Mapping[str, Mapping[str, str]] = {
    "indicators": {"scale": "What a count or a quotient is multiplied by: 100 for percent."},
    "periods": {"last_month": "Last month of the period."},
}
_PUBLIC_COLUMN_WORDS: Mapping[str, Mapping[str, str]] = {
    "figures": {
        "value": "Figure in the unit of the card, made of published counts; null where it is hidden, or a band stands for it.",
        "numerator": "Published count above the line.",
        "denominator": "Published count below the line; for quantiles the published cases in the bands of days.",
        "low": "Lower limit of the 95% interval over all counts that the published ones may stand for; of a band its lower end.",
        "high": "Upper limit of the 95% interval over all counts that the published ones may stand for; of a band its upper end.",
        "change_on_year": "Difference of the two published figures; null where the base is too small or they are not comparable.",
        "change_on_period": "Difference from the published figure of the period before, likewise.",
        "change_on_year_percent": "The difference on the year in whole percent of the figure a year before; null for rates.",
        "decimals": "Decimals that the published counts carry.",
        "band": "What is said in place of a value: at_least or at_most an edge for rates, a band of days for quantiles.",
        "change_word": "improved, worsened, higher, lower; cannot_tell where the change lies within the rounding.",
    },
    "measures": {
        "value": "Published count: a multiple of the base of its table, or a sum of such; null where it is hidden.",
        "bucket": "First day of a band of days to conclude (histograms only); null otherwise.",
    },
    "reporting": {
        "table_name": "What is reported on.",
        "reporting_band": "Months reported of those expected: all, most (nine tenths and more), half (and more), or few.",
    },
}


def _nulls_first(order: str) -> str:
    return ", ".join(f"{column.strip()} nulls first" for column in order.split(","))


def _quoted(path: Path) -> str:
    return _escaped(str(path))


def _escaped(text: str) -> str:
    return text.replace("'", "''")
