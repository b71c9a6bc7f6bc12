"""Cases of ten years, drawn as the exports of their senders or straight into a lake: the parts, and the ledger's entries, that an
intake would have left there.

Everything follows from a case's number, so the same number of cases gives the same lake. A sender's file of a year holds
the cases of that year as they stood at its end, and the cases of the year before that have ended since.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines import catalogue
from pipelines.intake import ledger
from pipelines.intake.lake import lake_schema
from pipelines.settings import data_root, landing

FIRST_YEAR, LAST_YEAR = 2016, 2025
# Of a hundred cases, how many are in which table; the forms come on top.
SHARES: Mapping[str, int] = {
    "mediation_cases": 50,
    "dispute_screenings": 25,
    "petition_matters": 20,
    "reconsideration_cases": 2,
    "service_activities": 3,
}
MACROS = """
create macro chance(number, salt) as (hash(number, salt) % 1000003) / 1000003.0;
create macro pick(number, salt, codes) as codes[cast(1 + hash(number, salt) % len(codes) as bigint)];
create macro listed(name) as (select list(code order by code) from codes where list_id = name);
create macro later(day, number, salt, days) as day + cast(floor(-ln(1 - 0.99999 * chance(number, salt)) * days) as integer);
"""
# What a table's columns say of a case, of its `number`, `area_code`, the days it `began_on` and is seen to have `ended_on`, and
# how often it was corrected (`said`).
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "mediation_cases": {
        "channel": "pick(number, 'channel', listed('channel'))",
        "dispute_type": "pick(number, 'type', listed('dispute_type'))",
        "tier": "pick(number, 'tier', listed('tier'))",
        "is_difficult": "chance(number, 'difficult') < 0.05",
        "accepted_on": "began_on",
        "concluded_on": "ended_on",
        "outcome": "case when ended_on is null then 'pending' else pick(number, said, ['agreed', 'agreed', 'agreed', 'not_agreed']) end",
        "agreement_form": "case when ended_on is not null then pick(number, 'form', ['written', 'oral']) end",
        "agreement_amount": "case when ended_on is not null then cast(chance(number, 'amount') * 1e7 as bigint) end",
        "perform_by": "later(ended_on, number, 'perform', 20)",
        "performance": "case when ended_on is not null then pick(number, 'performed', ['performed', 'partly', 'not_due']) end",
        "confirmation_requested_on": "case when chance(number, 'confirm') < 0.2 then later(ended_on, number, 'confirm', 10) end",
        "confirmation_result": "case when chance(number, 'confirm') < 0.2 and ended_on is not null then 'confirmed' end",
        "is_reopened": "chance(number, 'reopened') < 0.01",
        "record_status": "'approved'",
    },
    "dispute_screenings": {
        "event_type": "pick(number, 'type', listed('event_type'))",
        "method": "pick(number, 'method', listed('screening_method'))",
        "channel": "pick(number, 'channel', listed('channel'))",
        "mechanisms": "case when chance(number, 'mechanism') < 0.2 then pick(number, 'mechanism', listed('mechanism')) end",
        "tier": "pick(number, 'tier', listed('tier'))",
        "found_on": "began_on",
        "resolved_on": "ended_on",
        "screening_status": "case when ended_on is null then 'pending' else pick(number, 's', ['resolved', 'eased', 'resolved']) end",
    },
    "petition_matters": {
        "petition_form": "pick(number, 'form', listed('petition_form'))",
        "persons": "cast(1 + hash(number, 'persons') % 7 as bigint)",
        "registration_area_code": "area_code",
        "first_or_repeat": "pick(number, 'first', ['first', 'first', 'repeat'])",
        "is_first_here": "chance(number, 'here') < 0.5",
        "is_collective": "chance(number, 'collective') < 0.05",
        "registered_on": "began_on",
        "exchanged_on": "later(began_on, number, 'exchanged', 7)",
        "informed_on": "later(began_on, number, 'informed', 14)",
        "due_on": "began_on + 60",
        "concluded_on": "ended_on",
        "route": "pick(number, 'route', listed('petition_route'))",
        "satisfaction_with_office": "case when ended_on is not null then pick(number, 'office', listed('satisfaction')) end",
        "satisfaction_with_unit": "case when ended_on is not null then pick(number, 'unit', listed('satisfaction')) end",
    },
    "reconsideration_cases": {
        "received_on": "began_on - 4",
        "accepted_on": "began_on",
        "procedure": "pick(number, 'procedure', ['ordinary', 'summary'])",
        "concluded_on": "ended_on",
        "decision": "case when ended_on is not null then pick(number, 'decision', ['upheld', 'revoked', 'modified']) end",
    },
    "service_activities": {
        "activity_type": "pick(number, 'type', listed('activity_type'))",
        "audience": "pick(number, 'audience', listed('audience'))",
        "held_on": "began_on",
        "activity_sessions": "cast(1 as bigint)",
        "attendances": "cast(hash(number, 'attendances') % 200 as bigint)",
        "persons_served": "cast(hash(number, 'attendances') % 100 as bigint)",
    },
}


# How a typed value stands in an export, money in ten thousand yuan; all else stands as it is.
WRITTEN: Mapping[str, str] = {"boolean": "if({0}, '是', '否')", "money": "cast(({0}) / 1e6 as decimal(18, 6))"}


@dataclass(frozen=True)
class Sender:
    """Who sends a table of a city: its number among the senders, and the districts and towns it reports on."""

    number: int
    city: str
    districts: tuple[str, ...]
    towns: tuple[str, ...]

    def of(self, table: str) -> str:
        return f"{table}-{self.city[:6]}"


def senders(towns: int) -> list[Sender]:
    """One a city, until so many towns are reported on; of the last city as many districts as it takes."""
    under: dict[str, list[str]] = {}
    for area in catalogue.published_areas():
        under.setdefault(area.parent_code, []).append(area.area_code)
    found: list[Sender] = []
    left = towns
    for city in sorted(area.area_code for area in catalogue.published_areas() if area.level == "city"):
        own: dict[str, list[str]] = {}
        for district in sorted(under.get(city, [])):
            if left > 0 and under.get(district):
                own[district] = sorted(under[district])[:left]
                left -= len(own[district])
        if own:
            found.append(Sender(len(found), city, tuple(own), tuple(town for part in own.values() for town in part)))
    return found


def declare_senders(seeds: Path, towns: int) -> None:
    """Put the senders of the drawn lake in the place of those of a copy of the seeds."""
    path = seeds / "tables" / "senders.csv"
    with path.open(encoding="utf-8") as file:
        heading = file.readline()
    rows = [
        f"{sender.of(table)},{sender.city},{sender.city},{district},district,{table},true,5,{sender.of(table)},,,"
        for sender in senders(towns)
        for table in SHARES
        for district in sender.districts
    ]
    path.write_text(heading + "\n".join(rows) + "\n", encoding="utf-8")


# Puts rows of a sender's table somewhere, told for some months and received on a day; returns how many rows there were.
Delivering = Callable[[duckdb.DuckDBPyConnection, str, Sender, str, tuple[str, str], str], int]


def draw_lake(cases: int, towns: int) -> None:
    """Fill an empty data folder with `cases` cases of ten years, one delivery a sender, table and year."""
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        _draw_year(cases, towns, year, _into_lake)


def draw_exports(cases: int, towns: int, year: int) -> int:
    """Put the same deliveries of one year into the landing folder, a CSV file each. Returns how many rows they have."""
    return _draw_year(cases, towns, year, _as_export)


def _draw_year(cases: int, towns: int, year: int, deliver: Delivering) -> int:
    count = 0
    with _opened() as engine:
        for table in SHARES:
            for sender in senders(towns):
                rows = _new(table, sender, year, cases, towns)
                if year > FIRST_YEAR:
                    rows += f"union all {_ended_since(table, sender, year, cases, towns)}"
                count += deliver(engine, table, sender, rows, (f"{year}-01", f"{year}-12"), f"{year + 1}-01-05")
    return count


def draw_changes(cases: int, towns: int, months: int, rows: int, *, as_export: bool) -> int:
    """One more delivery, into the lake or the landing folder, of mediation cases of the last months that are other than before:
    `rows` of them, or all there are.

    In one month: of those that began and ended in November, with another outcome. In several: of those that began in the last
    months, the open ones concluded in the January after, which is reported with them: what was followed to December is followed
    a month longer. Returns how many rows there were.
    """
    first = date(LAST_YEAR, 12 - months, 1) if months == 1 else date(LAST_YEAR, 13 - months, 1)
    upto = date(LAST_YEAR, 12, 1) if months == 1 else date(LAST_YEAR + 1, 1, 1)
    sender = senders(towns)[0]
    known = _cases("mediation_cases", sender, LAST_YEAR, cases, towns, date(LAST_YEAR, 12, 31))
    chosen = f"began_on >= date '{first}' and began_on < date '{upto}'"
    ended = "ended_on" if months == 1 else f"coalesce(ended_on, date '{LAST_YEAR + 1}-01-31')"
    if months == 1:
        chosen += f" and ended_on < date '{upto}'"
    changed = (
        f"select * replace ({ended} as ended_on, 1 as said) from ({known}) where {chosen} order by number limit {rows}"
    )
    with _opened() as engine:
        months_told = (f"{first:%Y-%m}", f"{first:%Y-%m}" if months == 1 else f"{LAST_YEAR + 1}-01")
        deliver = _as_export if as_export else _into_lake
        return deliver(engine, "mediation_cases", sender, changed, months_told, f"{LAST_YEAR + 1}-02-0{months}")


@contextmanager
def _opened() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute("create table codes (list_id varchar, code varchar)")
        pairs = [(name, code.code) for name, codes in catalogue.code_lists().items() for code in codes]
        engine.executemany("insert into codes values (?, ?)", pairs)
        engine.execute(MACROS)
        yield engine


def _new(table: str, sender: Sender, year: int, cases: int, towns: int) -> str:
    return f"select * from ({_cases(table, sender, year, cases, towns, date(year, 12, 31))}) "


def _ended_since(table: str, sender: Sender, year: int, cases: int, towns: int) -> str:
    """The cases of the year before that were open at its end and have ended in this year."""
    known = _cases(table, sender, year - 1, cases, towns, date(year, 12, 31))
    return f"select * from ({known}) where ended_on > date '{year - 1}-12-31'"


def _cases(table: str, sender: Sender, year: int, cases: int, towns: int, until: date) -> str:
    """The cases of a sender that began in a year, as they are known on a day."""
    everybody = senders(towns)
    of_sender = cases * SHARES[table] // 100 // (LAST_YEAR - FIRST_YEAR + 1) // len(everybody)
    first = ((year - FIRST_YEAR) * len(everybody) + sender.number) * of_sender
    codes = ", ".join(f"'{town}'" for town in sender.towns)
    return f"""
        select number, area_code, began_on, said, case when ends_on <= date '{until}' then ends_on end as ended_on
        from (
            select
                number, 0 as said, began_on, pick(number, 'town', [{codes}]) as area_code,
                case when chance(number, 'ends') < 0.97 then later(began_on, number, 'ends', 20) end as ends_on
            from (
                select range as number, date '{year}-01-01' + cast(hash(range, 'began') % 365 as integer) as began_on
                from range({first}, {first + of_sender})
            )
        )
    """


def _as_export(
    engine: duckdb.DuckDBPyConnection, table: str, sender: Sender, rows: str, _months: tuple[str, str], received: str
) -> int:
    """Write one CSV file of these rows, as the table's contract has them."""
    contract = catalogue.tables()[table]
    said = {contract.key: f"concat('{table}-', number)", "area_code": "area_code", **COLUMNS[table]}
    said |= {contract.updated: f"timestamp '{received} 08:00:00'"}
    columns = ", ".join(
        f'{WRITTEN.get(column.type, "{0}").format(said[column.name])} as "{column.label}"'
        for column in contract.columns
        if column.name in said
    )
    path = landing() / sender.of(table) / f"{sender.of(table)}_{received}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    [count] = engine.execute(f"copy (select {columns} from ({rows})) to '{path}' (header)").fetchone() or (0,)
    return int(count)


def _into_lake(
    engine: duckdb.DuckDBPyConnection, table: str, sender: Sender, rows: str, months: tuple[str, str], received: str
) -> int:
    """Write one part of these rows, and enter it."""
    sequence = ledger.next_sequence()
    sha256 = hashlib.sha256(f"{table}|{sender.city}|{sequence}".encode()).hexdigest()
    folder = f"{sequence:08d}-{sha256[:12]}"
    part = data_root() / "lake" / table / folder / "part-00000.parquet"
    part.parent.mkdir(parents=True)
    said = {
        "ledger_sequence": f"cast({sequence} as bigint)",
        "row_number": "row_number() over ()",
        "sender": f"'{sender.of(table)}'",
        "register": f"'{sender.of(table)}'",
        "case_key": f"unhex(sha256(concat('{table}', number)))",
        "cell_number": "cast(hash(number, 'cell') >> 1 as bigint)",
        "area_code": "area_code",
        **COLUMNS[table],
        "updated_at": f"timestamp '{received} 08:00:00'",
    }
    columns = ", ".join(f"{said[name]} as {name}" for name in lake_schema(table) if name in said)
    written = (
        f"copy (select {columns} from ({rows})) to '{part}' (format parquet, compression zstd, compression_level 1)"
    )
    [count] = engine.execute(written).fetchone() or (0,)
    contract = catalogue.tables()[table]
    ledger.record(
        ledger.Delivery(
            ledger_sequence=sequence,
            sha256=sha256,
            file=f"{table}.csv",
            sender=sender.of(table),
            register=sender.of(table),
            contract=contract.id,
            contract_version=contract.version,
            table_name=table,
            first_month=months[0],
            last_month=months[1],
            received_at=f"{received}T08:00:00+08:00",
            read=count,
            not_data=1,
            accepted=count,
            quarantined=0,
            duplicate=0,
            reasons={},
            warnings={},
            folder=folder,
            columns=tuple(said),
        )
    )
    return count
