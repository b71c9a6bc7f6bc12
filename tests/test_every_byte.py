"""No byte of a public release says anything exact: all of it is made again where nothing but its tables is, and is the same.

The tables hold published counts and what follows from them. Every other file must come out byte by byte in a process that has
never seen another count; and of each table every byte, the statistics and descriptions of its file among them, must come out
of the rows that a reader reads. DuckDB's file alone is never written the same twice: it is taken apart.
"""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from pipelines import catalogue
from pipelines.protect.vintages import remembered
from pipelines.release import sealing
from pipelines.release.changes import write_change_list
from pipelines.release.drafting import write_cards
from pipelines.release.metadata import metadata
from pipelines.release.open_data import write_open_data
from pipelines.release.packages import write_packages
from pipelines.release.tables import PUBLIC_TABLES, column_words, table_words, write_parquet
from tests.conftest import Road

DATABASE = "fengqiao.duckdb"
APPROVED = {"drafted_at", "status", "issued", "files", "seal"} | {
    f"approved_{what}" for what in ("by", "role", "department", "at")
}
# Where a table has numbers; every other column is a text, a date or a yes or no.
NUMBERS = {
    "figures": {
        *("value", "numerator", "denominator", "low", "high", "value_year_before", "value_period_before"),
        *("change_on_year", "change_on_year_percent", "change_on_period", "decimals"),
    },
    "measures": {"bucket", "value"},
    "indicators": {"scale", "decimals", "quantile"},
    "categories": {"sort"},
    "changes": {f"{name}_{when}" for name in ("value", "numerator", "denominator") for when in ("before", "after")},
}
AT = ["area_code", "period", "breakdown", "category"]


@dataclass(frozen=True)
class Exact:
    """What only the office has: counts that are not what is published of them, rates undivided, keys of cells."""

    count: int
    rate: float
    keys: np.ndarray


@pytest.fixture(scope="module")
def exact(road: Road, public_release: Path, monkeypatch_module: pytest.MonkeyPatch) -> Exact:
    monkeypatch_module.setenv("FENGQIAO_DATA", str(road.data))
    figures = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("area_code") == "500000000000", pl.col("breakdown") == "total"
    )
    counts = figures.filter(pl.col("indicator") == "mediation_accepted", pl.col("value") % 5 != 0, pl.col("value") > 50)
    rates = figures.filter(pl.col("indicator") == "mediation_success_rate", pl.col("period") == "2025")
    drawn = remembered(public_release.name).values()
    own = np.array([cell.cell_key for cell in drawn if cell.cell_key], dtype=np.uint64)
    whole = pl.scan_parquet(road.release / "figures.parquet").filter(pl.col("denominator") >= 100)
    divided = whole.select("value").drop_nulls().unique().collect()["value"].to_numpy().view(np.uint64)
    # Of various bytes: what repeats a pattern may stand anywhere among packed numbers.
    various = np.array([len(set(rate)) >= 7 for rate in divided.view("8u1").tolist()])
    keys = np.unique(np.concatenate([own, divided[various]]))
    return Exact(int(counts.collect()["value"][0]), float(rates.collect()["value"][0]), keys)


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def again(public_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release made again of its tables, the database apart, where no other data are."""
    folder = tmp_path_factory.mktemp("again")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(tmp_path_factory.mktemp("nowhere")))
        return _made_again(public_release, folder)


def _made_again(release: Path, folder: Path) -> Path:
    told = sealing.metadata_of(release)
    with duckdb.connect() as connection:
        for name in PUBLIC_TABLES:
            _rewrite(connection, release / f"{name}.parquet", folder / f"{name}.parquet")
        connection.execute("attach ':memory:' as warehouse; create schema warehouse.catalogue")
        versions = "select ? as code_version, ? as seeds_version"
        connection.execute(
            f"create table warehouse.catalogue.build_request as {versions}",
            [told["code_version"], told["seeds_version"]],
        )
        period, hashed = told["reference_period"], told["data_hash"]
        said = metadata(connection, release.name, period, "public", hashed, None, [])
        write_change_list(connection, folder / "CHANGES.md", said)
    write_cards(folder, "public")
    shutil.copyfile(release / DATABASE, folder / DATABASE)
    write_open_data(folder, said)
    said |= {name: told[name] for name in APPROVED - {"files", "seal"}}
    write_packages(folder, said)
    said["files"] = sealing.hashes(folder)
    sealing.write_metadata(folder, {name: (said | {"seal": sealing.seal_of(said)})[name] for name in told})
    return folder


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, target: Path) -> None:
    """The rows of a table in a file of their own."""
    connection.execute(f"create or replace temp table {path.stem} as select * from read_parquet('{path}')")
    write_parquet(connection, path.stem, target, column_words(path.stem, "public"), PUBLIC_TABLES)


def _odd(folder: Path, again: Path, exact: Exact) -> set[str]:
    """The files of a public release that hold what does not follow from what is published."""
    names = {
        path.relative_to(held).as_posix() for held in (folder, again) for path in held.rglob("*") if path.is_file()
    }
    return {name for name in names if _is_odd(folder, name, again, exact)}


def _is_odd(folder: Path, name: str, again: Path, exact: Exact) -> bool:
    path, made = folder / name, again / name
    if not (path.is_file() and made.is_file()):
        return True
    if name == DATABASE:
        return _holds(path, exact.keys) or not _is_of_the_tables(path, again)
    if path.suffix == ".parquet":
        return not (_is_of_its_rows(path) and _follows(folder, path.stem))
    return path.read_bytes() != made.read_bytes()


def _is_of_its_rows(path: Path) -> bool:
    target = path.with_suffix(".again")
    try:
        with duckdb.connect() as connection:
            _rewrite(connection, path, target)
        return target.read_bytes() == path.read_bytes()
    finally:
        target.unlink(missing_ok=True)


def _follows(folder: Path, table: str) -> bool:
    """Whether the numbers of a table are published counts, or what these give."""
    rows = pl.read_parquet(folder / f"{table}.parquet")
    if {name for name, kind in rows.schema.items() if kind.is_numeric()} != NUMBERS.get(table, set()):
        return False
    if table == "measures":
        persons = [name for name, measure in catalogue.measures().items() if measure.unit in ("person", "person_time")]
        base = pl.when(pl.col("measure").is_in(persons)).then(10).otherwise(5)
        bands = set(rows["bucket"].drop_nulls()) <= set(catalogue.publication_plan().days.bands)
        return bands and rows.filter(pl.col("value") % base != 0).is_empty()
    if table == "figures":
        beside = (pl.read_parquet(folder / f"{name}.parquet") for name in ("measures", "periods", "indicators"))
        return _figures_follow(rows, *beside)
    return True


def _figures_follow(
    figures: pl.DataFrame, measures: pl.DataFrame, periods: pl.DataFrame, indicators: pl.DataFrame
) -> bool:
    cards = indicators.select("indicator", "kind", "scale", over="numerator", under="denominator")
    counts = measures.filter(pl.col("bucket").is_null()).select("measure", *AT, count="value")
    days = (
        measures.filter(pl.col("bucket").is_not_null())
        .group_by("measure", "area_code", "period")
        .agg(pl.col("value").sum())
    )
    is_share = pl.col("kind") == "share"
    whole = [pl.when(is_share).then(pl.lit("total")).otherwise(name).alias(f"under_{name}") for name in AT[2:]]
    of_days = ["over", "area_code", "period"]
    rows = (
        figures.join(cards, on="indicator")
        .with_columns(*whole)
        .join(counts.rename({"measure": "over", "count": "counted"}), on=["over", *AT], how="left")
        .join(
            counts.rename(
                {"measure": "under", "breakdown": "under_breakdown", "category": "under_category", "count": "cases"}
            ),
            on=["under", "area_code", "period", "under_breakdown", "under_category"],
            how="left",
        )
        .join(days.rename({"measure": "over", "value": "banded"}), on=of_days, how="left")
        .join(periods.select("period", "year_before", "period_before"), on="period")
    )
    key = ["indicator", "area_code", "breakdown", "category"]
    for name in ("year_before", "period_before"):
        then = figures.select(*key, pl.col("period").alias(name), pl.col("value").alias(f"then_{name}"))
        rows = rows.join(then, on=[*key, name], how="left")
    step = pl.lit(10.0).pow(-pl.col("decimals"))
    divided = pl.when(pl.col("kind").is_in(["share", "ratio"])).then(
        pl.col("scale") * pl.col("numerator") / pl.col("denominator")
    ).otherwise(pl.col("scale") * pl.col("numerator"))  # fmt: skip
    odd = [
        pl.col("numerator") != pl.col("counted"),
        pl.col("denominator") != pl.when(pl.col("kind") == "quantile").then("banded").otherwise("cases"),
        (pl.col("value") - divided).abs() > step / 2 + 1e-9,
        pl.col("value").is_not_null() & divided.is_null(),
        *(((pl.col(name) / step) - (pl.col(name) / step).round(0)).abs() > 1e-6 for name in ("value", "low", "high")),
        *(pl.col(f"value_{name}").ne_missing(pl.col(f"then_{name}")) for name in ("year_before", "period_before")),
        (pl.col("change_on_year") - (pl.col("value") - pl.col("value_year_before"))).abs() > step / 2 + 1e-9,
        (pl.col("change_on_period") - (pl.col("value") - pl.col("value_period_before"))).abs() > step / 2 + 1e-9,
        (
            pl.col("change_on_year_percent")
            - 100 * (pl.col("value") - pl.col("value_year_before")) / pl.col("value_year_before")
        ).abs() > 0.5 + 1e-9,
    ]  # fmt: skip
    return len(rows) == len(figures) and rows.filter(pl.any_horizontal(*odd)).is_empty()


def _is_of_the_tables(database: Path, again: Path) -> bool:
    """Whether a database has the rows of the release's tables in their order, the project's words, no more, and no free block."""
    with duckdb.connect(str(database), read_only=True) as connection:
        if dict(connection.execute("select table_name, comment from duckdb_tables()").fetchall()) != table_words(
            "public"
        ):
            return False
        for name in PUBLIC_TABLES:
            rows, told = connection.sql(f"select * from {name}").pl(), pl.read_parquet(again / f"{name}.parquet")
            if rows.schema != told.schema or not rows.equals(told):
                return False
        said = connection.execute("select table_name, column_name, comment from duckdb_columns() where not internal")
        if any(
            comment not in (None, column_words(table, "public").get(column))
            for table, column, comment in said.fetchall()
        ):
            return False
        others = (
            "select count(*) from duckdb_views() where not internal union all select count(*) from duckdb_functions()"
        )
        others += " where not internal union all select count(*) from duckdb_sequences() union all select count(*) from"
        others += " duckdb_indexes() union all select free_blocks from pragma_database_size()"
        return all(number == 0 for (number,) in connection.execute(others).fetchall())


def _holds(path: Path, keys: np.ndarray) -> bool:
    """Whether any eight bytes of a file, wherever they begin, are one of the keys."""
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    for start in range(8):
        words = content[start : start + (len(content) - start) // 8 * 8].view(np.uint64)
        if np.isin(words, keys).any():
            return True
    return False


def test_every_byte_of_a_public_release_follows_from_what_is_published(
    public_release: Path, again: Path, exact: Exact, tmp_path: Path
) -> None:
    assert len(exact.keys) > 10_000
    assert _odd(_copied(public_release, tmp_path), again, exact) == set()


def test_beside_the_public_releases_lies_only_which_was_published_when(public_release: Path) -> None:
    assert {path.name for path in public_release.parent.iterdir()} == {
        public_release.name, "current", "lock", "publications.jsonl"
    }  # fmt: skip
    lines = (public_release.parent / "publications.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line).keys() == {"release_id", "published_at", "act"} for line in lines)
    assert (public_release.parent / "lock").read_bytes() == b""


def _copied(release: Path, folder: Path) -> Path:
    copy = folder / "copy"
    shutil.copytree(release, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def _with_number(name: str, column: str) -> Callable[[Path, Exact], str]:
    """One number of a table is what only the office knows."""

    def spoil(folder: Path, exact: Exact) -> str:
        path = folder / f"{name}.parquet"
        known = exact.count if column in ("numerator", "value_year_before") or name == "measures" else exact.rate
        with duckdb.connect() as connection:
            rows = pl.read_parquet(path)
            at = rows[column].is_not_null().arg_max()
            values = rows[column].scatter(at, known)
            connection.register("rows", rows.with_columns(values).to_arrow())
            connection.execute(f"create temp table {name} as select * from rows")
            write_parquet(connection, name, path, column_words(name, "public"), PUBLIC_TABLES)
        return path.name

    return spoil


def _with_column(folder: Path, exact: Exact) -> str:
    path = folder / "measures.parquet"
    rows = pl.read_parquet(path).with_columns(cell_key=pl.lit(int(exact.keys[0])))
    with duckdb.connect() as connection:
        connection.register("rows", rows.to_arrow())
        connection.execute("create temp table measures as select * from rows")
        write_parquet(connection, "measures", path, column_words("measures", "public"), PUBLIC_TABLES)
    return path.name


def _with_metadata(folder: Path, exact: Exact) -> str:
    path = folder / "periods.parquet"
    told = pq.read_table(path)
    pq.write_table(
        told.replace_schema_metadata((told.schema.metadata or {}) | {b"rows": str(exact.count).encode()}), path
    )
    return path.name


def _with_statistics(folder: Path, exact: Exact) -> str:
    """The greatest value that the footer tells is another than that of the rows."""
    path = folder / "measures.parquet"
    content, footer = path.read_bytes(), pq.read_metadata(path).serialized_size
    greatest = int(pl.read_parquet(path)["value"].max()).to_bytes(8, "little")
    told = content[-footer - 8 :]
    assert greatest in told
    path.write_bytes(content[: -footer - 8] + told.replace(greatest, exact.count.to_bytes(8, "little")))
    return path.name


def _with_text(name: str, before: str, after: str) -> Callable[[Path, Exact], str]:
    def spoil(folder: Path, exact: Exact) -> str:
        path = folder / name
        content = path.read_text(encoding="utf-8")
        assert before in content
        path.write_text(content.replace(before, after.format(exact.count), 1), encoding="utf-8")
        return name

    return spoil


def _parts(path: Path) -> dict[zipfile.ZipInfo, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry: archive.read(entry) for entry in archive.infolist()}


def _with_part(part: str, before: str, after: str) -> Callable[[Path, Exact], str]:
    """One part of the workbook says more."""

    def spoil(folder: Path, exact: Exact) -> str:
        [path] = folder.glob("*.xlsx")
        parts = _parts(path)
        with zipfile.ZipFile(path, "w") as archive:
            for entry, content in parts.items():
                told = content.replace(before.encode(), after.format(exact.count).encode(), 1)
                assert (told != content) >= (entry.filename == part)
                archive.writestr(entry, told if entry.filename == part else content)
        return path.name

    return spoil


def _with_comment(folder: Path, exact: Exact) -> str:
    [path] = folder.glob("*.xlsx")
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = str(exact.count).encode()
    return path.name


def _with_extra(folder: Path, exact: Exact) -> str:
    [path] = folder.glob("*.xlsx")
    parts = _parts(path)
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in parts.items():
            entry.extra = b"\x99\x99\x08\x00" + exact.count.to_bytes(8, "little")
            archive.writestr(entry, content)
    return path.name


def _with_statement(statement: str) -> Callable[[Path, Exact], str]:
    def spoil(folder: Path, exact: Exact) -> str:
        with duckdb.connect(str(folder / DATABASE)) as connection:
            connection.execute(statement.format(exact.count))
        return DATABASE

    return spoil


def _with_a_gap(of: Callable[[Exact], bytes]) -> Callable[[Path, Exact], str]:
    """Where the database holds nothing but noughts lies what was in memory."""

    def spoil(folder: Path, exact: Exact) -> str:
        content = bytearray((folder / DATABASE).read_bytes())
        at = content.rindex(bytes(64)) + 29
        content[at : at + 8] = of(exact)
        (folder / DATABASE).write_bytes(content)
        return DATABASE

    return spoil


def _with_file(folder: Path, exact: Exact) -> str:
    (folder / "audit.json").write_text(f'{{"cells": {exact.count}}}', encoding="utf-8")
    return "audit.json"


SPOILT: dict[str, Callable[[Path, Exact], str]] = {
    "a count among the measures": _with_number("measures", "value"),
    "a count above the line": _with_number("figures", "numerator"),
    "a rate": _with_number("figures", "value"),
    "a limit of a rate": _with_number("figures", "low"),
    "the year before": _with_number("figures", "value_year_before"),
    "a column of cell keys": _with_column,
    "key and value of a Parquet file": _with_metadata,
    "statistics of a Parquet file": _with_statistics,
    "a cell of a CSV file": _with_text("csv/mediation_accepted.csv", ",total,", ",total {},"),
    "a cell of the workbook": _with_part("xl/worksheets/sheet5.xml", "<v>", "<v>{}"),
    "a property of the workbook": _with_part("docProps/app.xml", "<Company>", "<Company>{}"),
    "a word of the workbook": _with_part("xl/sharedStrings.xml", "<t>", "<t>{}"),
    "the comment of the archive": _with_comment,
    "an extra field of the archive": _with_extra,
    "a comment in the database": _with_statement("comment on table figures is '{}'"),
    "a comment on a column": _with_statement("comment on column figures.value is '{}'"),
    "a view in the database": _with_statement("create view counted as select {} as n"),
    "a macro in the database": _with_statement("create macro counted() as {}"),
    "a row in the database": _with_statement("update measures set value = {} where value = 5"),
    "a rate in a gap of the database": _with_a_gap(lambda exact: np.float64(exact.rate).tobytes()),
    "a cell key in a gap of the database": _with_a_gap(lambda exact: exact.keys[0].tobytes()),
    "a number of rows in the package": _with_text("datapackage.json", '"bytes":', '"rows": {}, "bytes":'),
    "a number of rows in the record": _with_text("dcat.jsonld", '"dcat:byteSize":', '"rows": {}, "dcat:byteSize":'),
    "a number in the metadata": _with_text("release.json", '"revised_cells": 0', '"revised_cells": {}'),
    "one more word of the metadata": _with_text("release.json", "{", '{{"rows": {},'),
    "a card": _with_text("cards/mediation_accepted.yml", "label:", "# {}\nlabel:"),
    "the list of cards": _with_text("cards.json", '"decimals": 0', '"decimals": {}'),
    "the list of changes": _with_text("CHANGES.md", "首次发布", "{}首次发布"),
    "a file that nobody declared": _with_file,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_one_exact_value_is_found_wherever_it_lies(
    spoil: Callable[[Path, Exact], str], public_release: Path, again: Path, exact: Exact, tmp_path: Path
) -> None:
    folder = _copied(public_release, tmp_path)
    name = spoil(folder, exact)
    assert _is_odd(folder, name, again, exact)
