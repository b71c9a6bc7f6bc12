"""Staging, core and measures, brought up to the ledger."""

import time

import dagster as dg

from pipelines import warehouse
from pipelines.definitions.failing import WRITER, writing
from pipelines.definitions.models import WAREHOUSE, Events, check_events, checks_of, dbt_events, run_results
from pipelines.settings import UserError


@dg.multi_asset(name="warehouse", specs=WAREHOUSE, check_specs=checks_of(WAREHOUSE), pool=WRITER)
def build(context: dg.AssetExecutionContext) -> Events:
    """Staging, core and measures, brought up to the ledger."""
    started = time.time()
    with writing(context):
        try:
            report = warehouse.build(progress=context.log.info)
        except UserError:
            yield from check_events(context, run_results("duckdb", started))
            raise
        told = {"outcome": report.outcome, "reason": report.reason, "ledger_sequence": report.sequence}
        told |= {"recomputed_months": len(report.recomputed_months)}
        yield from dbt_events(context, WAREHOUSE, "duckdb", warehouse.warehouse_path(), told)
