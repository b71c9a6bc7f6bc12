"""pandas, with the rules as a pandera schema that is validated lazily, so that all failures are found."""

from functools import partial
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from benchmarks.intake.peers import declared
from benchmarks.intake.peers.declared import COLUMNS, NOTHING, REASONS, REQUIRED, Told

EPOCH = pd.Timestamp("1899-12-30")
WHOLE = r"[0-9][0-9,]*"
DENIED = dict.fromkeys((*declared.CAN_BE_RUINED, *declared.CAN_BE_PERSONAL))
AMOUNT = r"[0-9][0-9,]*(\.[0-9]+)?"


def load(path: Path, folder: Path, keys: Path) -> Told:
    texts = pd.read_csv(path, dtype=str, keep_default_na=False, on_bad_lines="skip", usecols=list(COLUMNS))
    texts = texts.rename(columns={label: name for label, (name, _) in COLUMNS.items()})
    texts = texts[texts["case_number"] != declared.TOTAL]
    texts = texts.apply(lambda column: column.str.normalize("NFKC").str.strip(declared.BLANK))
    texts = texts.mask(texts.isin(NOTHING))
    typed = pd.DataFrame({name: _typed(texts[name], kind) for name, kind in COLUMNS.values()})
    failed = _failed(texts, typed)
    clean = typed.drop(index=failed.index)
    kept = clean.drop_duplicates(["case_number", "updated_at"])
    repeated = clean.index.difference(kept.index)
    both = declared.keyed(keys)
    numbers = [both(number) for number in kept.pop("case_number")]
    kept.insert(0, "case_key", [case_key for case_key, _ in numbers])
    kept.insert(1, "cell_number", [cell_number for _, cell_number in numbers])
    kept.to_parquet(folder / "cases.parquet", compression="zstd")
    # pandas does not keep lines; the best its user can say is the row's place below the header.
    left_out = [(int(index) + 2, reason) for index, reason in failed.items()]
    left_out += [(int(index) + 2, "duplicate") for index in repeated]
    shown = ("accepted_on", "amount", "is_difficult")
    return Told([int(index) + 1 for index in kept.index], left_out, {name: str(kept[name].dtype) for name in shown})


def _is_not(reason: str, found: pd.Series) -> pd.Series:
    return found != reason


def _typed(text: pd.Series, kind: str) -> pd.Series:
    """Values; nothing where a text cannot be read, which the schema then finds."""
    match kind:
        case "text":
            return text
        case "date":
            return _day(text)
        case "datetime":
            return pd.to_datetime(text.str.replace("/", "-"), format="ISO8601", errors="coerce")
        case "integer":
            whole = text.where(text.str.fullmatch(WHOLE, na=False)).str.replace(",", "")
            return pd.to_numeric(whole).astype("Int64")
        case "money":
            amount = pd.to_numeric(text.where(text.str.fullmatch(AMOUNT, na=False)).str.replace(",", ""))
            return (amount * declared.FEN_IN_WAN).round().astype("Int64")
        case "area":
            return text.str.ljust(12, "0").map(declared.spellings(kind))
        case _:
            return text.map(declared.spellings(kind))


def _day(text: pd.Series) -> pd.Series:
    dashed = text.str.replace(declared.DAY, r"\1-\2-\3", regex=True)
    dashed = dashed.str.replace(declared.COMPACT_DAY, r"\1-\2-\3", regex=True)
    serial = pd.to_numeric(text.where(text.str.fullmatch(declared.SERIAL, na=False)))
    days = pd.to_datetime(dashed, format="%Y-%m-%d", errors="coerce")
    return days.fillna(EPOCH + pd.to_timedelta(serial, unit="D"))


def _failed(texts: pd.DataFrame, typed: pd.DataFrame) -> pd.Series:
    """The first reason of each row that fails, by the row's index."""
    unread = pd.DataFrame({f"unread_{name}": texts[name].notna() & typed[name].isna() for name in typed})
    denied = pd.DataFrame(
        {f"denied_{name}": texts[name].map(partial(declared.denied, name), na_action="ignore") for name in DENIED}
    )
    columns = {name: pa.Column(nullable=False) for name in REQUIRED}
    for name in denied:
        checks = [pa.Check(partial(_is_not, reason), name=reason) for reason in ("ruined_number", "personal_value")]
        columns[name] = pa.Column(checks=checks, nullable=True)
    for name, kind in COLUMNS.values():
        readable = pa.Check(lambda unread: ~unread, name=REASONS.get(kind, "unknown_code"))
        columns[f"unread_{name}"] = pa.Column(bool, readable)
    rules = [
        pa.Check(
            lambda rows: rows["concluded_on"].isna() | ~(rows["concluded_on"] < rows["accepted_on"]),
            name="concluded_before_accepted",
        ),
        pa.Check(
            lambda rows: ~(rows["accepted_on"] > rows["updated_at"].dt.normalize()),
            name="accepted_after_update",
        ),
    ]
    try:
        pa.DataFrameSchema(columns, checks=rules).validate(pd.concat([typed, denied, unread], axis=1), lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.dropna(subset=["index"])
        reasons = cases["check"].replace("not_nullable", "missing_value")
        return reasons.groupby(cases["index"].astype(int)).first()
    return pd.Series(dtype=str)
