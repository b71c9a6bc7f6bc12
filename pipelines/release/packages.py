"""A release as other tools expect it: a Frictionless data package (`datapackage.json`) and a DCAT record (`dcat.jsonld`).

Both say what `release.json` says, in their own words, and name every file with its size and digest.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.release.tables import column_words, table_words

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
MEDIA = {
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".duckdb": "application/vnd.duckdb",
    ".json": "application/json",
    ".md": "text/markdown",
}
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "spdx": "http://spdx.org/rdf/terms#",
    "adms": "http://www.w3.org/ns/adms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def write_packages(folder: Path, said: Mapping[str, Any]) -> None:
    """`datapackage.json` and `dcat.jsonld` of a release whose data files are written. `said`: its metadata."""
    resources = list(_resources(folder, said["edition"]))
    for name, content in (("datapackage.json", _package(resources, said)), ("dcat.jsonld", _record(resources, said))):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _package(resources: list[dict[str, Any]], said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "$schema": PROFILE,
        "name": said["dataset_id"],
        "id": said["permalink"],
        "title": f"{said['title_zh']} {said['title_en']}",
        "description": f"{said['population_zh']}。{said['population_en']}.",
        "version": f"{said['version']}.0",
        "created": said["issued"],
        "homepage": said["permalink"],
        "licenses": [{"name": said["licence"], "title": said["licence"]}],
        "contributors": [{"title": f"{said['publisher_zh']} {said['publisher_en']}", "roles": ["publisher"]}],
        "release": {key: said[key] for key in ("release_id", "edition", "reference_period", "vintage", "supersedes")},
        "resources": resources,
    }


def _resources(folder: Path, edition: str) -> Iterator[dict[str, Any]]:
    """Tables as Parquet (files with a schema of their own), tables as CSV, the workbook, and what else a reader may want."""
    tables, titles = sorted(folder.glob("*.parquet")), table_words(edition)
    types = _types(tables)
    for path in tables:
        words = column_words(path.stem, edition)
        fields = [_field(name, kind, words) for name, kind in _types([path]).items()]
        told = {"title": titles[path.stem], "schema": {"fields": fields}}
        yield {**_file(folder, path), "type": "file", "format": "parquet", **told}
    for path in sorted((folder / "csv").glob("*.csv")):
        words = column_words(path.stem if path.stem in titles else "figures", edition)
        with path.open(encoding="utf-8-sig", newline="") as file:
            fields = [_field(name, types.get(name, "string"), words) for name in next(csv.reader(file))]
        yield {
            **_file(folder, path),
            "type": "table",
            "format": "csv",
            "encoding": "utf-8",
            "schema": {"fields": fields},
        }
    for path in (*folder.glob("*.xlsx"), *(folder / name for name in ("fengqiao.duckdb", "cards.json", "CHANGES.md"))):
        yield {**_file(folder, path), "type": "file", "format": path.suffix.removeprefix(".")}


def _file(folder: Path, path: Path) -> dict[str, Any]:
    place = path.relative_to(folder).as_posix()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "name": place.lower().replace("/", "-").replace(".", "-").replace("_", "-"),
        "path": place,
        "mediatype": MEDIA[path.suffix],
        "bytes": path.stat().st_size,
        "hash": f"sha256:{digest}",
    }


def _types(tables: Iterable[Path]) -> dict[str, str]:
    """Column -> type of a table schema, over some tables. A name has one type in all of them, but that a public measure is
    whole and a figure of the same column is not: then it is a number."""
    found: dict[str, str] = {}
    for field in (field for path in tables for field in pq.read_schema(path)):
        kind = _type(field.type)
        whole_or_not = {found.get(field.name, kind), kind} == {"integer", "number"}
        found[field.name] = "number" if whole_or_not else kind
    return found


def _type(kind: pa.DataType) -> str:
    known = {pa.types.is_integer: "integer", pa.types.is_floating: "number", pa.types.is_decimal: "number"}
    known |= {pa.types.is_date: "date", pa.types.is_boolean: "boolean", pa.types.is_timestamp: "datetime"}
    return next((name for is_of, name in known.items() if is_of(kind)), "string")


def _field(name: str, kind: str, words: Mapping[str, str]) -> dict[str, str]:
    said = {"name": name, "type": kind}
    return said | ({"description": words[name]} if name in words else {})


def _record(resources: list[dict[str, Any]], said: Mapping[str, Any]) -> dict[str, Any]:
    """The release as a `dcat:Dataset` (DCAT 3) with one distribution a file."""
    place = said["permalink"]
    return {
        "@context": CONTEXT,
        "@id": place,
        "@type": "dcat:Dataset",
        "dct:identifier": f"{said['dataset_id']}/{said['edition']}/{said['release_id']}",
        "dct:title": _both(said, "title"),
        "dct:description": _both(said, "population"),
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": _both(said, "publisher")},
        "dcat:contactPoint": {"@type": "vcard:Organization", "vcard:hasEmail": f"mailto:{said['contact']}"},
        "dct:issued": {"@value": said["issued"], "@type": "xsd:dateTime"},
        "dct:accrualPeriodicity": said["frequency"],
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": {"@value": f"{said['first_month']}-01", "@type": "xsd:date"},
            "dcat:endDate": {"@value": said["data_cutoff"], "@type": "xsd:date"},
        },
        "dct:spatial": {"@type": "dct:Location", "dct:identifier": said["area_code_list"]},
        "dct:license": said["licence"],
        "dct:provenance": _both(said, "legal_basis"),
        "dcat:version": said["version"],
        "adms:status": said["vintage"],
        "dcat:previousVersion": None
        if said["supersedes"] is None
        else place.rpartition("/")[0] + f"/{said['supersedes']}",
        "dcat:distribution": [_distribution(resource, place) for resource in resources],
    }


def _both(said: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    return [{"@value": said[f"{name}_{language}"], "@language": language} for language in ("zh", "en")]


def _distribution(resource: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {
        "@type": "dcat:Distribution",
        "dct:title": resource["path"],
        "dcat:downloadURL": {"@id": f"{place}/{resource['path']}"},
        "dcat:mediaType": resource["mediatype"],
        "dcat:byteSize": resource["bytes"],
        "spdx:checksum": {"@type": "spdx:Checksum", "spdx:checksumValue": resource["hash"].removeprefix("sha256:")},
    }
