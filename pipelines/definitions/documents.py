"""What is made of a published release: the reviews of districts and cities, and the public bulletin."""

from collections.abc import Callable, Iterator

import dagster as dg

from pipelines import cli_bulletin, cli_review
from pipelines.cli_reading import opened
from pipelines.definitions.failing import discreetly
from pipelines.release import drafting, publishing
from pipelines.settings import UserError


def reviews(
    kind: str, key: dg.AssetKey, published: dg.AssetsDefinition, periods: dg.PartitionsDefinition, group: str
) -> dg.AssetsDefinition:
    """The reviews of all districts and cities of a period, in `documents/<release>/`."""

    @dg.asset(
        key=key,
        deps=[published],
        group_name=group,
        partitions_def=periods,
        description=f"The {kind} review of every district and city, as PDF, DOCX, XLSX and HTML.",
    )
    def review(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with discreetly(context):
            period = context.partition_key
            release = opened("internal", sealed(period, "internal"))
            areas = cli_review.areas_reviewed(release, period)
            files = cli_review.write_reviews(
                release, period, areas, progress=lambda what, done, total: context.log.info(f"{what} ({done}/{total})")
            )
            return dg.MaterializeResult(metadata={"release": release.id, "areas": len(areas), "files": len(files)})

    return review


def bulletin(
    kind: str, key: dg.AssetKey, published: dg.AssetsDefinition, periods: dg.PartitionsDefinition, group: str
) -> dg.AssetsDefinition:
    """The static site of a public release, in `documents/bulletin/<release>/`; `latest` is the published one.

    A release that waits for the end of its embargo has none yet: readers see what lies there.
    """

    @dg.asset(
        key=key,
        deps=[published],
        output_required=False,
        group_name=group,
        partitions_def=periods,
        description=f"The public bulletin of a {kind}'s release, with its open data.",
    )
    def site(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        with discreetly(context):
            release = sealed(context.partition_key, "public")
            if publishing.current("public") == release:
                pages = write_bulletin(release, context.log.info)
                yield dg.MaterializeResult(metadata={"release": release, "pages": pages})
            else:
                context.log.info(f"{release} is not published yet; its bulletin is written when it is.")

    return site


def bulletin_is_due() -> bool:
    """Whether a public release is published whose bulletin is not written, such as after a disk was full."""
    return cli_bulletin.is_due("public", cli_bulletin.home("public"))


def write_bulletin(release_id: str, step: Callable[[str], None]) -> int:
    """Write the site of the published public release and let `latest` point at it. Returns the number of its pages."""
    folder, _ = cli_bulletin.write(opened("public", release_id), cli_bulletin.home("public"), step)
    return sum(1 for _ in folder.rglob("*.html"))


def sealed(period: str, edition: str) -> str:
    """The newest sealed release of a period. Raises `UserError` where there is none."""
    folder = drafting.newest(period, edition)
    if folder is None:
        raise UserError(f"There is no sealed release of {period} in the {edition} edition yet.")
    return folder.name
