"""Pseudonyms and cell numbers. Keys enter expressions only here, and no expression leaves this module."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray

from pipelines.catalogue import Contract, contracts
from pipelines.intake.keys import CELL_NUMBER, Key, Keys

SEPARATOR = "\x1f"
KEY_HEX_DIGITS = 32
CELL_BITS = 2**63 - 1
DIGEST_BYTES = 32
# Two hexadecimal digits, read as one number of 16 bits -> the byte they stand for.
BYTE_OF_PAIR = np.zeros(1 << 16, np.uint8)
BYTE_OF_PAIR[[int.from_bytes(f"{byte:02x}".encode(), "little") for byte in range(256)]] = np.arange(256)


def keyed_rows(clean: pl.DataFrame, contract: Contract, keys: Keys, register: str) -> pl.DataFrame:
    """Case rows with `case_key` (16 bytes, HMAC-SHA256 under the system's key) and `cell_number` (63 bits) in place of
    what is keyed, and `<name>_key` for each case of another table that a row names.

    The key of a case is (register, number), so it stays itself when it moves between areas or senders.
    """
    keyed = [column.name for column in contract.columns if column.personal == "keyed"]
    texts = {c.pseudonym: _identity(c.references, register, contracts()[c.references])
             for c in contract.columns if c.pseudonym and c.references}  # fmt: skip
    named = clean.with_columns(
        _identity(contract.table, register, contract).alias("_identity"),
        *(text.alias(name) for name, text in texts.items()),
    )
    chain = keys.chain(contract.system)
    pseudonyms = (_pseudonyms(named, name, chain).alias(name) for name in texts)
    return _with_keys(named.with_columns(*pseudonyms).drop(keyed), chain, keys[CELL_NUMBER])


def _identity(table: str, register: str, contract: Contract) -> pl.Expr:
    """What a case of a table is known by: table, register and the columns of its key; the same from whichever row."""
    parts = (pl.col(name).cast(pl.String) for name in contract.key_columns)
    return pl.concat_str(pl.lit(table), pl.lit(register), *parts, separator=SEPARATOR)


def form_rows(clean: pl.DataFrame, contract: Contract, keys: Keys, sender: str) -> pl.DataFrame:
    """A monthly form turned long: one row an item and category, keyed by sender, table, area, month, item, category."""
    items = [column for column in contract.columns if column.item is not None]
    kept = [name for name in ("_record", "row_number", "area_code", "month", "reported_on") if name in clean.columns]
    long = pl.concat(
        clean.select(
            *kept,
            pl.lit(c.item, pl.Categorical).alias("item"),
            pl.lit(c.category, pl.Categorical).alias("category"),
            pl.col(c.name).alias("value"),
        )
        for c in items
    ).drop_nulls("value")
    parts = (pl.col(name).cast(pl.String) for name in ("area_code", "month", "item", "category"))
    text = pl.concat_str(pl.lit(sender), pl.lit(contract.table), *parts, separator=SEPARATOR)
    return _with_keys(
        long.with_columns(text.alias("_identity")).sort("row_number", maintain_order=True),
        keys.chain(contract.system),
        keys[CELL_NUMBER],
    )


def _with_keys(rows: pl.DataFrame, chain: Sequence[Key], cell_key: Key) -> pl.DataFrame:
    digits = rows.select(_hmac(plh.col("_identity"), cell_key)).to_series()
    # the digits' first 8 bytes, the highest first
    cells = _bytes_of(digits, 8).view(">u8").ravel() & np.uint64(CELL_BITS)
    return rows.with_columns(
        _pseudonyms(rows, "_identity", chain).alias("case_key"),
        pl.Series("cell_number", cells.astype(np.int64), pl.Int64),
    ).drop("_identity")


def _pseudonyms(rows: pl.DataFrame, name: str, chain: Sequence[Key]) -> pl.Series:
    """16 bytes of the HMAC of a text column under a key, then of their digits under each later link of it; nothing of
    nothing."""
    text: pl.Expr = plh.col(name)
    for number, key in enumerate(chain):
        text = _hmac(text.str.head(KEY_HEX_DIGITS) if number else text, key)
    digits = rows.select(text).to_series()
    if digits.null_count():
        return digits.str.head(KEY_HEX_DIGITS).str.decode("hex")
    return pl.Series(_bytes_of(digits, KEY_HEX_DIGITS // 2)).cast(pl.List(pl.UInt8)).cast(pl.Binary)


def _bytes_of(digits: pl.Series, size: int) -> NDArray[np.uint8]:
    """The first bytes that hexadecimal digits of a digest stand for, a row each; four times as fast as `str.decode`."""
    pairs = pl.Array(pl.UInt16, DIGEST_BYTES)
    codes = digits.cast(pl.Binary).bin.reinterpret(dtype=pairs, endianness="little").to_numpy()
    return np.take(BYTE_OF_PAIR, codes.reshape(-1, DIGEST_BYTES)[:, :size])


def _hmac(text: pl.Expr, key: Key) -> pl.Expr:
    """The expression holds the key, also where it is serialised: it is used up in this module."""
    return text.chash.hmac_sha256(key=str(key))  # type: ignore[attr-defined]


def rekeyed(rows: pl.DataFrame, pseudonyms: Mapping[str, str], links: Mapping[str, Key]) -> pl.DataFrame:
    """Rows whose pseudonyms went through one more link of their system's key; the result is what `keyed_rows` gives.

    `pseudonyms`: column -> column that names the system of each row. `links`: system -> the new link; pseudonyms of
    other systems stay.
    """
    changed = []
    for name, system in pseudonyms.items():
        value = pl.col(name)
        for other, key in links.items():
            digits = _hmac(pl.col(name).bin.encode("hex"), key).str.head(KEY_HEX_DIGITS)
            value = pl.when(pl.col(system) == other).then(digits.str.decode("hex")).otherwise(value)
        changed.append(value.alias(name))
    return rows.with_columns(changed)
