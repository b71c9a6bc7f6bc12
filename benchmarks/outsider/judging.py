"""What an outsider never has: the exact counts of the internal edition, to judge afterwards what was found."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.outsider.folder import COLUMNS, DAYS, PART, REST, WHOLE, Cell, Folder

ACCEPTED = "mediation_accepted"
SIZES = (1, 5, 20, 50, 100, 300)
KINDS = {
    "month": pl.col("month").dt.strftime("%Y-%m"),
    "quarter": pl.format("{}-Q{}", pl.col("month").dt.year(), pl.col("month").dt.quarter()),
    "year": pl.col("month").dt.year().cast(pl.String),
}


def exact(internal: Path, folder: Folder) -> dict[Cell, int]:
    """The exact count of each cell of a public release, added up from the measures of the internal release beside it."""
    measures = {cell.measure for cell in folder.shown}
    starts = sorted({int(cell.category) for cell in folder.shown if cell.measure == DAYS})
    rows = pl.scan_parquet(internal / "measures.parquet").filter(pl.col("measure").is_in(measures))
    if starts:
        band = pl.col("bucket").clip(lower_bound=-1)
        bands = pl.coalesce(*(pl.when(band >= start).then(pl.lit(str(start))) for start in reversed(starts)))
        rows = rows.filter(pl.col("bucket").is_null() | (pl.col("bucket") >= 0))
        rows = rows.with_columns(category=pl.when(pl.col("bucket").is_null()).then("category").otherwise(bands))
    ancestors = pl.scan_parquet(internal / "area_ancestors.parquet")
    rows = rows.join(ancestors, on="area_code").with_columns(area_code=pl.col("ancestor_code"))
    key = ["measure", "area_code", "month", "breakdown", "category"]
    monthly = rows.group_by(key).agg(pl.col("value").sum()).collect()
    found: dict[Cell, int] = {}
    for period in KINDS.values():
        dated = monthly.with_columns(period=period)
        stock = pl.col("measure").is_in(folder.stocks)
        last = dated.filter(stock & (pl.col("month") == pl.col("month").max().over("measure", "period")))
        counted = pl.concat([dated.filter(~stock), last]).group_by(COLUMNS).agg(pl.col("value").sum())
        found |= {cell: row[5] for row in counted.iter_rows() if (cell := Cell(*row[:5])) in folder.shown}
    truth = {cell: found.get(cell, 0) for cell in folder.shown}
    for cell in truth:
        if cell.measure == REST:
            truth[cell] = truth[cell._replace(measure=WHOLE)] - truth[cell._replace(measure=PART)]
    return truth


def errors(folder: Folder, truth: Mapping[Cell, int]) -> pl.DataFrame:
    """By size of the exact count: cells, share of them shown, and the median relative error of what is shown."""
    rows = [
        (count, folder.shown[cell], None if (value := folder.shown[cell]) is None else abs(value - count) / count)
        for cell, count in truth.items()
        if count and cell.measure != REST
    ]
    table = pl.DataFrame(rows, schema={"count": pl.Int64, "shown": pl.Int64, "error": pl.Float64}, orient="row")
    size = pl.col("count").cut(list(SIZES[1:]), left_closed=True, labels=[f"from {start}" for start in SIZES])
    return (
        table.group_by(size=size)
        .agg(cells=pl.len(), shown=pl.col("shown").is_not_null().mean(), median_error=pl.col("error").median())
        .sort("size")
    )


def rates(public: Path) -> pl.DataFrame:
    """By level: how many of the rates and shares of a release are shown, as a figure or as a band."""
    kinds = pl.read_parquet(public / "indicators.parquet").filter(pl.col("denominator").is_not_null())
    figures = pl.read_parquet(public / "figures.parquet").join(kinds.select("indicator"), on="indicator", how="semi")
    shown = pl.col("value").is_not_null() | pl.col("band").is_not_null()
    return (
        figures.group_by("indicator", "area_level")
        .agg(rates=pl.len(), shown=shown.mean())
        .sort("indicator", "area_level")
    )


def quarters(public: Path) -> pl.DataFrame:
    """By breakdown of the cases accepted: districts, those of which every quarter shows something, the share of cells shown."""
    areas = pl.read_parquet(public / "areas.parquet").filter(level="district", is_not_assigned=False)
    cells = pl.read_parquet(public / "measures.parquet").join(areas, on="area_code", how="semi")
    cells = cells.filter(
        pl.col("measure") == ACCEPTED, pl.col("breakdown") != "total", pl.col("period").str.contains(r"^\d{4}-Q\d$")
    )
    is_shown = pl.col("value").is_not_null()
    each = cells.group_by("breakdown", "area_code", "period").agg(
        stands=is_shown.any(), cells=pl.len(), shown=is_shown.sum()
    )
    of_area = each.group_by("breakdown", "area_code").agg(pl.col("stands").all(), pl.col("cells", "shown").sum())
    return (
        of_area.group_by("breakdown")
        .agg(districts=pl.len(), stand=pl.col("stands").sum(), shown=pl.col("shown").sum() / pl.col("cells").sum())
        .sort("breakdown")
    )
