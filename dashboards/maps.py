"""The approved map of an office: district shapes with the approval number (审图号) that must stand beside them.

No map comes with the project. An office puts its own into the data folder, `maps/map.yml`:

    geojson: districts.geojson       # beside it; one feature a district, polygons or multipolygons, degrees
    code_property: adcode            # the property that holds the area code (6, 9 or 12 digits)
    approval_number: 鄂S（2024）001号
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import cos, radians
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from pipelines import catalogue
from pipelines.catalogue import Declared
from pipelines.settings import UserError, data_root

Ring = Sequence[tuple[float, float]]


class MapFile(Declared):
    """The map an office has had approved."""

    geojson: str
    code_property: str
    approval_number: str = Field(min_length=1)


class ApprovedMap(NamedTuple):
    """Rings of each area by 12-digit code, and the number under which the map was approved."""

    rings: Mapping[str, Sequence[Ring]]
    approval_number: str


def approved_map() -> ApprovedMap | None:
    """The office's map; None where there is none. Raises `UserError` when it cannot be read."""
    path = data_root() / "maps" / "map.yml"
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=2)
def _read(path: Path, _: int) -> ApprovedMap:
    about: MapFile = catalogue.load_declared(MapFile, path)
    shapes = path.parent / about.geojson
    try:
        features = json.loads(shapes.read_text(encoding="utf-8"))["features"]
        rings = {
            catalogue.padded(str(feature["properties"][about.code_property])): [*_rings(feature["geometry"])]
            for feature in features
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{shapes} cannot be read as GeoJSON with property {about.code_property} ({type(error).__name__})."
        ) from None
    return ApprovedMap(rings, about.approval_number)


def _rings(geometry: Mapping[str, Any]) -> Iterator[Ring]:
    """All rings of a polygon or multipolygon, outer ones clockwise and holes the other way, as a filled path needs them."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for polygon in polygons:
        for place, ring in enumerate(polygon):
            points = [(float(x), float(y)) for x, y, *_ in ring]
            yield points if _is_clockwise(points) == (place == 0) else points[::-1]


def _is_clockwise(ring: Ring) -> bool:
    """By the shoelace formula: twice the signed area is negative."""
    closed = [*ring, ring[0]]
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairwise(closed)) < 0


def stretch(rings: Sequence[Ring]) -> float:
    """How much longer a degree of latitude is than one of longitude in the middle of these rings."""
    latitudes = [y for ring in rings for _, y in ring]
    return 1 / cos(radians((min(latitudes) + max(latitudes)) / 2))
