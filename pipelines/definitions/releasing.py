"""A release on the road: drafted from the edition, approved by a person, sealed and published."""

import os
import time

import dagster as dg

from pipelines import warehouse
from pipelines.definitions.failing import WRITER, discreetly, writing
from pipelines.definitions.models import (
    DRAFTED_FROM,
    FIGURES,
    SIGNALS,
    Events,
    changes_in,
    check_events,
    checks_of,
    dbt_events,
    figures_in,
    run_results,
)
from pipelines.release import drafting, publishing, sealing
from pipelines.settings import UserError, releases

EDITION = "internal"
DRAFT, SEALED, PUBLISHED = (dg.AssetKey(["releases", step]) for step in ("draft", "sealed", "published"))


class Drafting(dg.Config):
    """`period`: the last period of the release, such as 2025 or 2025-Q3; empty for the longest that ends with the data."""

    period: str = ""


@dg.multi_asset(
    name="release_draft",
    specs=[
        *FIGURES,
        *SIGNALS,
        dg.AssetSpec(DRAFT, deps=DRAFTED_FROM, group_name="releases", description="A release, not yet approved."),
    ],
    check_specs=checks_of(FIGURES),
    pool=WRITER,
)
def draft(context: dg.AssetExecutionContext, config: Drafting) -> Events:
    """The internal edition: its measures, the indicators and signals from them, and the draft of a release."""
    started = time.time()
    with writing(context):
        try:
            made = drafting.draft(config.period or None, EDITION, context.log.info)
        except UserError:
            yield from check_events(context, run_results("edition", started))
            raise
        told = {"release": made.release_id, "outcome": made.outcome}
        yield from dbt_events(context, [*FIGURES, *SIGNALS], "edition", warehouse.edition_path(EDITION), told)
        told |= changes_in(made.folder) | figures_in(made.folder)
        yield dg.MaterializeResult(asset_key=DRAFT, metadata=told)


class Approval(dg.Config):
    """`approved_by`: the person who approves; without a name nothing is sealed. Default: FENGQIAO_APPROVED_BY."""

    approved_by: str = os.environ.get("FENGQIAO_APPROVED_BY", "")


@dg.asset(key=SEALED, deps=[DRAFT], group_name="releases", pool=WRITER)
def approve(context: dg.AssetExecutionContext, config: Approval) -> dg.MaterializeResult:
    """The release as approved by a person, hashed and never changed again."""
    with writing(context):
        release = _release_of(context, DRAFT)
        folder = releases(EDITION) / release
        if not folder.is_dir():
            if not config.approved_by.strip():
                raise UserError(
                    f"Release {release} is drafted and waits for approval. Launch again with the approver's name "
                    "(run config approved_by, or FENGQIAO_APPROVED_BY)."
                )
            folder = sealing.approve(release, EDITION, config.approved_by)
        return dg.MaterializeResult(
            metadata={"release": release, "approved_by": sealing.metadata_of(folder)["approved_by"]}
        )


@dg.asset(key=PUBLISHED, deps=[SEALED], group_name="releases")
def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The release that readers see."""
    with discreetly(context):
        release = _release_of(context, SEALED)
        folder = publishing.publish(release, EDITION)
        return dg.MaterializeResult(metadata={"release": release, **figures_in(folder)})


def _release_of(context: dg.AssetExecutionContext, step: dg.AssetKey) -> str:
    """The release that a step before this one last made."""
    event = context.instance.get_latest_materialization_event(step)
    if event is None or event.asset_materialization is None:
        raise UserError(f"There is no {step.to_user_string()} yet; materialise it first.")
    return str(event.asset_materialization.metadata["release"].value)
