"""XLSX and XLS as offices make them: tables found under titles, months and areas found beside them, records as text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from pipelines.catalogue import Contract, heading
from pipelines.intake import habits, headers, months
from pipelines.intake.grids import Book, Grid, open_book
from pipelines.intake.headers import Across, Guess
from pipelines.intake.layouts import Block, Layout, Sheet, Told, column_position, missing_in_table, require_fit
from pipelines.settings import UserError

BLOCK_ROWS = 100_000
FEWEST_HEADINGS = 3
SIGNED_WITHIN = 30
TOTALS = r"^(合计|小计|总计|共计|累计|本页(合计|小计)|[Tt]otal):?$|(合计|小计|总计):?$"
TOTALS_BESIDE = ("合计", "小计", "总计", "共计", "合 计", "小 计", "总 计")
WRITTEN_ON = re.compile(r"(?:报出|填报|报送|上报|制表|填表)(?:日期|时间):?(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{8})")
SUM_SHEETS = ("汇总", "合计", "总计", "总表")
COLUMN_NUMBERS = ("甲", "乙", "丙", "丁", "戊")


@dataclass(frozen=True)
class _Table:
    """A table as it will be read. `header`: as `Sheet` has it, `constants` behind the columns; `year`: of months without one."""

    grid: Grid
    guess: Guess
    header: tuple[str, ...]
    constants: Mapping[str, str]
    year: int | None = None

    @property
    def sheet(self) -> Sheet:
        return Sheet(self.grid.name, self.guess.last + 1, self.header)


def candidates(path: Path) -> list[Sheet]:
    """Each header that may stand on a sheet, merged rows joined, months taken out of it. Raises `UserError`."""
    found = {}
    for grid in open_book(path).grids:
        for guess in headers.guesses(grid):
            header = headers.as_written(guess)
            found.setdefault(header, Sheet(grid.name, guess.last + 1, header))
    return list(found.values())


def find_layout(path: Path, contract: Contract, told: Told) -> Layout:
    """The tables of a workbook, one a sheet. Raises `UserError` when a heading, a month or an area is missing or said twice."""
    book = open_book(path)
    tables, remarks = _tables(path, book, contract, told)
    for table in tables:
        grid = table.grid
        where = f" on sheet {grid.name}" if len(tables) > 1 else ""
        hidden = _hidden_records(table)
        if hidden:
            remarks.append(f"{hidden} hidden rows{where} were read" + (", the sheet is filtered" * grid.is_filtered))
    remarks += [f"hidden sheet {name} was not read" for name in book.hidden_sheets]
    return Layout(book.form, tuple(table.sheet for table in tables), tuple(remarks))


def blocks(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Block]:
    """The records of all sheets. Titles, header rows above the last, blank rows, totals and signatures are not data.

    A row of many months gives a record a month under the row's number; where the items stand down the rows, a column
    gives a record, and its number is the row of the months: findings name item and month, which leads to the cell.
    """
    tables, _ = _tables(path, open_book(path), contract, told)
    for table in tables:
        records, not_data = _records(table, contract)
        for start in range(0, max(len(records), 1), BLOCK_ROWS):
            yield Block(table.sheet, records.slice(start, BLOCK_ROWS), not_data)
            not_data = 0


# which tables


def _tables(path: Path, book: Book, contract: Contract, told: Told) -> tuple[list[_Table], list[str]]:
    """The tables of a workbook that fit a contract, and a remark on each sheet without one."""
    best = {grid.name: _best(grid, contract) for grid in book.grids}
    has_table = {name: guess is not None and _score(guess, contract) >= FEWEST_HEADINGS for name, guess in best.items()}
    if not any(has_table.values()):
        headings = [headers.fitted(guess, contract) for guess in best.values() if guess is not None]
        require_fit(path, max(headings, key=lambda h: _known(h, contract), default=()), contract)
    tables, remarks = [], []
    for grid in book.grids:
        guess = best[grid.name]
        if guess is None or not has_table[grid.name]:
            remarks.append(f"sheet {grid.name} holds no table")
        elif _is_sum(grid, guess, contract, told) and len(book.grids) > 1:
            remarks.append(f"sheet {grid.name} adds up others and was not read")
        else:
            tables.append(_table(path, book, grid, guess, contract, told))
    return tables, remarks


def _best(grid: Grid, contract: Contract) -> Guess | None:
    """The guess with no heading missing, then most headings, then fewest header rows, then the upper one."""

    def fit(guess: Guess) -> tuple[bool, int, int]:
        is_complete = not missing_in_table(headers.fitted(guess, contract), contract)
        return is_complete, _score(guess, contract), guess.first - guess.last

    return max(headers.guesses(grid), key=fit, default=None)


def _score(guess: Guess, contract: Contract) -> int:
    return _known(headers.fitted(guess, contract), contract)


def _known(header: tuple[str, ...], contract: Contract) -> int:
    return len({contract.headings[text] for text in header if text in contract.headings})


def _is_sum(grid: Grid, guess: Guess, contract: Contract, told: Told) -> bool:
    """Whether a sheet repeats the others' figures: named so, and without an area of its own."""
    has_area = column_position(headers.fitted(guess, contract), contract, "area_code") is not None
    return not has_area and grid.name not in told.sheets and any(word in grid.name for word in SUM_SHEETS)


def _table(path: Path, book: Book, grid: Grid, guess: Guess, contract: Contract, told: Told) -> _Table:
    where = path if len(book.grids) == 1 else path.with_name(f"{path.name}, sheet {grid.name}")
    if grid.formulas and grid.formulas == grid.formulas_without_value:
        raise UserError(
            f"{where.name}: no formula has a value. Open the workbook in Excel or WPS once, save it and hand it in again."
        )
    guess = _to_last_item(guess, contract)
    header = headers.fitted(guess, contract)
    above = _above(grid, guess)
    found: dict[str, str] = {}
    year = None
    if contract.column(contract.dated_by).type == "month":
        year, month = _month(where, path, grid, guess, header, contract, above, told)
        if month is not None:
            found[contract.column(contract.dated_by).label] = month
    if column_position(header, contract, "area_code") is None:
        found[contract.column("area_code").label] = _area(path, grid, contract, above, told)
    if (
        any(c.name == "reported_on" for c in contract.columns)
        and column_position(header, contract, "reported_on") is None
    ):
        signed = _written_on([*above, *_below(grid, guess)])
        found |= {contract.column("reported_on").label: signed} if signed else {}
    require_fit(where, (*header, *found), contract)
    return _Table(grid, guess, (*header, *found), found, year)


def _to_last_item(guess: Guess, contract: Contract) -> Guess:
    """Items down the rows end with the last that the contract knows: what stands below are notes, perhaps with names."""
    if not guess.is_items_down:
        return guess
    known = [n for n, text in enumerate(headers.fitted(guess, contract), 1) if text in contract.headings]
    return replace(guess, headings=guess.headings[: max(known)], positions=guess.positions[: max(known)])


# what stands beside a table


def _above(grid: Grid, guess: Guess) -> list[str]:
    """The rows above the header, each as one text without spaces."""
    return [_text_of(row) for row in grid.cells.head(guess.first).rows()]


def _below(grid: Grid, guess: Guess) -> list[str]:
    """The last rows that are signatures or follow them."""
    rows = [_text_of(row) for row in grid.cells.slice(guess.last + 1).tail(SIGNED_WITHIN).rows()]
    first = next((n for n, text in enumerate(rows) if headers.is_signature(text)), len(rows))
    return rows[first:]


def _text_of(row: tuple[str | None, ...]) -> str:
    return "".join(heading(cell) + " " for cell in row if cell)


def _written_on(texts: list[str]) -> str | None:
    days = (WRITTEN_ON.search(text.replace(" ", "")) for text in texts)
    return next((day[1] for day in days if day), None)


def _area(path: Path, grid: Grid, contract: Contract, above: list[str], told: Told) -> str:
    """The area of a sheet without a column of areas. Raises `UserError` when nobody says it: names are never joined on."""
    column = contract.column("area_code")
    said = re.compile(rf"(?:{'|'.join(map(heading, (column.label, *column.aliases)))}):?(\d{{6,12}})")
    written = (said.search(text.replace(" ", "")) for text in above)
    code = told.sheets.get(grid.name) or next((match[1] for match in written if match), None)
    if code is None:
        raise UserError(
            f"{path.name}: sheet {grid.name} has no column {column.label}. Write the sheet's area into {path.name}.yml, "
            f"as in `sheets: {{{grid.name}: '500117001'}}`."
        )
    return str(code)


def _month(
    where: Path,
    path: Path,
    grid: Grid,
    guess: Guess,
    header: tuple[str, ...],
    contract: Contract,
    above: list[str],
    told: Told,
) -> tuple[int | None, str | None]:
    """The year of months written without one, where there are any, and the month of the form where no column has it.

    Raises `UserError` when title, names and what was told contradict each other, or none says it.
    """
    position = column_position(header, contract, contract.dated_by)
    in_header = [across.month for across in guess.across if across.month is not None]
    bare = (
        position is not None
        and grid.cells.width > guess.positions[position]
        and _has_bare_months(grid, guess, position)
    )
    if not bare and position is not None:
        return None, None
    title = {said for text in above for said in months.spoken_of(habits.WRITTEN_WHEN.sub("", text))}
    sources = {"title": title, "sheet name": months.spoken_of(grid.name), "file name": months.spoken_of(path.stem)}
    if bare or in_header:
        sources = {source: [(year, None) for year, _ in said] for source, said in sources.items()}
        sources["header"] = [(year, None) for year, _ in in_header]
        is_needed = bare or any(year is None for year, _ in in_header)
        year, _ = months.agreed(where.name, sources)
        return months.required_year(where.name, year, told.months, is_needed=is_needed), "" if in_header else None
    return None, months.required_month(where.name, months.agreed(where.name, sources), told.months)


def _has_bare_months(grid: Grid, guess: Guess, position: int) -> bool:
    if guess.is_items_down:
        return False
    column = grid.cells[:, guess.positions[position]].slice(guess.last + 1)
    return bool(column.str.contains(habits.BARE_MONTH).any())


def _hidden_records(table: _Table) -> int:
    rows = [row - 1 for row in table.grid.hidden_rows if table.guess.last + 1 < row <= len(table.grid.cells)]
    return len(table.grid.cells[rows].filter(~pl.all_horizontal(pl.all().is_null()))) if rows else 0


# records


def _records(table: _Table, contract: Contract) -> tuple[pl.DataFrame, int]:
    """All records of a table, and how many rows of the sheet were passed over."""
    if table.guess.is_items_down:
        parts = [_column_record(table, across) for across in table.guess.across]
        not_data = len(table.grid.cells) - 1 - len(table.guess.positions)
    else:
        body, not_data = _body(table.grid, table.guess)
        parts = [_row_records(table, body, across) for across in table.guess.across or (Across(None, ()),)]
    columns = [*(_with_year(table, contract, n) for n in range(len(table.header)))]
    numbers = (pl.col("row_number").cast(pl.Int64), pl.lit(len(table.header), pl.Int64).alias("cells"))
    records = pl.concat(parts).select(*numbers, *columns)
    return (records.sort("row_number", maintain_order=True) if len(parts) > 1 else records), not_data


def _with_year(table: _Table, contract: Contract, position: int) -> pl.Expr:
    """A column; months without a year, where it holds the months, get theirs."""
    if table.year is None or contract.headings.get(table.header[position]) != contract.dated_by:
        return pl.col(f"c{position}")
    return habits.with_year(f"c{position}", table.year)


def _constants(table: _Table, across: Across, begins: int) -> list[pl.Expr]:
    """The texts that stand beside the table, as columns behind its own; an empty one is the month of these columns."""
    month = months.written(across.month, table.year) if across.month else None
    return [pl.lit(text or month, pl.String).alias(f"c{n}") for n, text in enumerate(table.constants.values(), begins)]


def _row_records(table: _Table, body: pl.DataFrame, across: Across) -> pl.DataFrame:
    places = (*table.guess.positions, *across.positions)
    columns = [pl.col(str(place)).alias(f"c{n}") for n, place in enumerate(places)]
    return body.select("row_number", *columns, *_constants(table, across, len(places)))


def _column_record(table: _Table, across: Across) -> pl.DataFrame:
    """What one column of a form with its items down the rows says."""
    values = table.grid.cells[:, across.positions[0]].gather(list(table.guess.positions))
    columns = {f"c{n}": [text] for n, text in enumerate(values)}
    record = pl.DataFrame(
        {"row_number": [table.guess.last + 1]} | columns, schema_overrides=dict.fromkeys(columns, pl.String)
    )
    return record.with_columns(_constants(table, across, len(columns)))


def _body(grid: Grid, guess: Guess) -> tuple[pl.DataFrame, int]:
    """The rows below a header that are data, with `row_number`: merged cells repeated downwards, ditto marks resolved."""
    cells = grid.cells.with_columns(_filled_down(grid, guess))
    rows = cells.with_row_index("row_number", 1).slice(guess.last + 1)
    is_data = ~_not_data(rows.drop("row_number"), guess, grid)
    data = rows.filter(is_data)
    return habits.without_ditto(data), len(grid.cells) - len(data) - 1


def _filled_down(grid: Grid, guess: Guess) -> list[pl.Series]:
    """The columns in which cells below the header are merged downwards, their text repeated."""
    filled: dict[int, list[tuple[int, int]]] = {}
    for merge in grid.merges:
        is_below = merge.top > guess.last and merge.bottom > merge.top and merge.left < grid.cells.width
        bottom = min(merge.bottom, len(grid.cells) - 1)
        if is_below:
            filled.setdefault(merge.left, []).extend((row, merge.top) for row in range(merge.top + 1, bottom + 1))
    columns = []
    for place, pairs in filled.items():
        column = grid.cells[:, place]
        sources = column.gather([source for _, source in pairs]) if pairs else column.head(0)
        columns.append(column.scatter([row for row, _ in pairs], sources) if pairs else column)
    return columns


def _not_data(body: pl.DataFrame, guess: Guess, grid: Grid) -> pl.Series:
    """True for blank rows, totals, signatures and notes below them, column numbers, and a header repeated on a new page."""
    if body.is_empty():
        return pl.Series([], dtype=pl.Boolean)
    labels = habits.labels(body)
    is_not_data = (labels == "") | labels.str.contains(TOTALS) | habits.signed(body)
    for name in body.columns[1:3]:
        is_not_data |= body[name].is_in(TOTALS_BESIDE).fill_null(value=False)
    passed = [*_repeated_headers(body, guess, grid), *([0] if _is_column_numbers(body.row(0)) else [])]
    return is_not_data.scatter(passed, values=True) if passed else is_not_data


def _repeated_headers(body: pl.DataFrame, guess: Guess, grid: Grid) -> Iterator[int]:
    """Rows below a header that say what one of its rows says."""
    for header in grid.cells.slice(guess.first, guess.last - guess.first + 1).rows():
        place = next((n for n, text in enumerate(header) if text), None)
        if place is not None:
            same = (body[:, place] == header[place]).fill_null(value=False).arg_true()
            yield from (row for row in same if body.row(row) == header)


def _is_column_numbers(row: tuple[str | None, ...]) -> bool:
    """Whether a row counts the columns: 甲, 乙, 1, 2, 3."""
    texts = [text.strip() for text in row if text and text.strip() not in COLUMN_NUMBERS]
    return len(texts) >= FEWEST_HEADINGS and texts == [str(n) for n in range(1, len(texts) + 1)]
