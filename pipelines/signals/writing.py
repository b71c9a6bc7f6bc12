"""Signals into the database of an edition, from its figures and from nothing else."""

from datetime import date

import duckdb
import polars as pl

from pipelines.signals.charts import signals
from pipelines.signals.funnels import funnels

# A count of January and February together is told as the mean of a month, as its neighbours are.
_POINTS = """
select
    figures.indicator, figures.area_code, figures.area_level, figures.period, periods.first_month, periods.last_month as month,
    case
        when periods.period_kind = 'year_to_date' and cards.kind = 'count' and cards.over_time = 'sum' then figures.value / 2
        else figures.value
    end as value,
    figures.numerator, figures.denominator, list_contains(string_split(figures.status, ','), 'b') as is_break,
    cards.kind, cards.over_time, cards.scale, cards.better, cards.is_proportion
from indicators.figures as figures
inner join inputs.cards as cards on figures.indicator = cards.indicator
inner join inputs.areas as areas on figures.area_code = areas.area_code
inner join inputs.periods as periods on figures.period = periods.period
where figures.breakdown = 'total'
    and figures.value is not null
    and not list_contains(string_split(figures.status, ','), 'p')
    and areas.level <> 'township'
    and not areas.is_not_assigned
    and periods.last_month <= ?
    and case
        when month(periods.last_month) > 2 then periods.period_kind = 'month'
        else month(periods.last_month) = 2 and periods.period_kind = 'year_to_date'
    end
"""
_DISTRICTS = """
select
    figures.indicator, figures.area_code, areas.parent_code as city_code, figures.period,
    figures.numerator, figures.denominator, cities.numerator as city_numerator, cities.denominator as city_denominator,
    cards.scale, cards.better
from indicators.figures as figures
inner join inputs.cards as cards on figures.indicator = cards.indicator
inner join inputs.areas as areas on figures.area_code = areas.area_code
inner join inputs.periods as periods on figures.period = periods.period
inner join indicators.figures as cities
    on areas.parent_code = cities.area_code
    and figures.indicator = cities.indicator
    and figures.period = cities.period
    and figures.breakdown = cities.breakdown
where figures.breakdown = 'total'
    and cards.kind = 'ratio'
    and cards.is_proportion
    and areas.level = 'district'
    and not areas.is_not_assigned
    and figures.denominator > 0
    and figures.numerator between 0 and figures.denominator
    and cities.numerator - figures.numerator between 0 and cities.denominator - figures.denominator
    and cities.denominator > figures.denominator
    and not list_contains(string_split(figures.status || ',' || cities.status, ','), 'p')
    and periods.last_month <= ?
"""


def write_signals(connection: duckdb.DuckDBPyConnection, last_month: date) -> None:
    """Tables `signals.signals` and `signals.funnels` from the figures up to a month, in the connected edition."""
    connection.execute("create schema if not exists signals")
    for table, made, query in (("signals", signals, _POINTS), ("funnels", funnels, _DISTRICTS)):
        rows: pl.DataFrame = made(connection.sql(query, params=[last_month]).pl())
        connection.register("written_rows", rows.to_arrow())
        connection.execute(f"create or replace table signals.{table} as select * from written_rows")
        connection.unregister("written_rows")
