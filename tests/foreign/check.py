"""Load New York City's 311 animal requests of 2025, release, and compare every figure with a plain recount of the file.

    python -m tests.foreign.check FILE

Then a copy with fifty damaged rows: exactly those fifty must be in quarantine, with their lines. Exits 1 on a difference.
"""

import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("fengqiao")
AREAS = {
    "MANHATTAN": "990001",
    "BRONX": "990002",
    "BROOKLYN": "990003",
    "QUEENS": "990004",
    "STATEN ISLAND": "990005",
    "Unspecified": "990000999000",
}
INDICATORS = ("petition_matters", "petition_concluded", "petition_open", "petition_days_to_conclude_median")
DAMAGED = 50


def fengqiao(folder: Path, *arguments: str) -> Any:
    environment = {**os.environ, "FENGQIAO_DATA": str(folder / "data"), "FENGQIAO_KEYS": str(folder / "keys")}
    done = subprocess.run([str(COMMAND), *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"fengqiao {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def intake(folder: Path, file: Path) -> dict[str, Any]:
    fengqiao(folder, "keys", "init")
    options = ("--contract", str(HERE / "nyc311.yml"), "--areas", str(HERE / "nyc311_areas.csv"))
    return fengqiao(folder, "intake", str(file), *options, "--json")["files"][0]


def day(text: str) -> date | None:
    return datetime.strptime(text, "%m/%d/%Y %H:%M").date() if text else None


def recount(rows: list[dict[str, str]], borough: str, month: date) -> tuple[int, int, int, float | None]:
    """Accepted, concluded, open at month end and median days of one borough and month, straight from the rows."""
    spans = [(day(row["Created Date"]), day(row["Closed Date"])) for row in rows if row["Borough"] == borough]
    following = (month + timedelta(days=32)).replace(day=1)
    known = [(made, closed) for made, closed in spans if made is not None]
    days = [(closed - made).days for made, closed in known if closed is not None and month <= closed < following]
    accepted = sum(month <= made < following for made, _ in known)
    still_open = sum(made < following and (closed is None or closed >= following) for made, closed in known)
    return accepted, len(days), still_open, statistics.median(days) if days else None


def differences(folder: Path, file: Path) -> Iterator[str]:
    """One line a figure that is not the recount's."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    months = sorted({made.replace(day=1) for row in rows if (made := day(row["Created Date"])) is not None})
    for borough, area in AREAS.items():
        for month in months:
            for indicator, expected in zip(INDICATORS, recount(rows, borough, month), strict=True):
                asked = ("--indicator", indicator, "--area", area, "--period", f"{month:%Y-%m}")
                (figure,) = fengqiao(folder, "figures", *asked, "--json")
                if figure["value"] != expected:
                    yield f"{indicator} {borough} {month:%Y-%m}: {figure['value']} instead of {expected}"


def damaged_copy(file: Path, copy: Path) -> list[int]:
    """Write a copy with fifty damaged rows of five kinds; return their lines."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = list(csv.reader(lines))
    columns = {name: header.index(name) for name in ("Unique Key", "Created Date", "Closed Date", "Borough")}
    spoilt = sorted(random.Random(311).sample(range(len(rows)), DAMAGED))
    for number, index in enumerate(spoilt):
        row = rows[index]
        match number % 5:
            case 0:
                row[columns["Created Date"]] = "2/30/2025 9:00"
            case 1:
                row[columns["Borough"]] = "ATLANTIS"
            case 2:
                row[columns["Unique Key"]] = ""
            case 3:
                rows[index] = row[:-3]
            case _:
                row[columns["Closed Date"]] = "1/1/2020 0:00"
    with copy.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return [index + 2 for index in spoilt]


def main(file: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        whole, damaged = Path(name) / "whole", Path(name) / "damaged"
        taken = intake(whole, file)
        print(
            f"{taken['read']} read, {taken['accepted']} accepted, {taken['quarantined']} quarantined, {taken['duplicate']} duplicate"
        )
        fengqiao(whole, "build")
        release = fengqiao(whole, "release", "--json")["release"]
        fengqiao(whole, "approve", release, "--name", "foreign register check")
        fengqiao(whole, "publish", release)
        found = list(differences(whole, file))
        copy = Path(name) / "damaged.csv"
        lines = damaged_copy(file, copy)
        refused = intake(damaged, copy)
        quarantine = pl.read_parquet(damaged / "data" / "quarantine" / "*.parquet").filter(
            pl.col("severity") == "refuse"
        )
        if sorted(set(quarantine["row_number"])) != lines or refused["quarantined"] != DAMAGED:
            found.append(f"the quarantine holds {refused['quarantined']} rows, not exactly the {DAMAGED} damaged ones")
    print(f"damaged copy: {refused['quarantined']} quarantined {refused['reasons']}")
    print("\n".join(found) or "Every figure equals the recount; exactly the damaged rows are in quarantine.")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.foreign.check FILE")
    sys.exit(main(Path(sys.argv[1])))
