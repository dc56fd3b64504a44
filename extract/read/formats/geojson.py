"""GeoJSON: features as records, their properties as columns and their geometry as text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..model import Hints, Limits
from ..source import Source
from ..source_records import RecordSource
from .flatten import DEEPEST, Columns
from .table import Element, NamedTable, no_records
from .text import as_json, text

# Brackets around a geometry's coordinates: how deeply its positions are nested.
DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def is_feature(value: Any) -> bool:
    """Whether a JSON value is a GeoJSON feature."""
    return isinstance(value, Mapping) and value.get("type") == "Feature" and "geometry" in value


def is_geometry(value: Any) -> bool:
    """Whether it is a geometry without properties."""
    return isinstance(value, Mapping) and value.get("type") in DEPTHS and "coordinates" in value


def open_features(
    source: Source, elements: Callable[[], Iterator[Element]], found: dict[str, Any], hints: Hints, limits: Limits
) -> RecordSource:
    """Features as records: `id` and other members of the feature, the properties, then `geometry`.

    hints.geometry: as WKT (the default), as GeoJSON text, or both, the second as `geometry_geojson`.
    """
    way, rule = hints.geometry or "wkt", hints.flatten or "dot"
    features = Features(elements, way)
    columns = Columns(2 if rule == "json" else DEEPEST, skipped=1)
    made = NamedTable(
        source, features, columns, {**found, "format": "geojson", "geometry": way, "flatten": rule}, limits
    )
    if not made.names:
        raise no_records(source, "the list of features")
    return made


class Features:
    """Elements, each a feature in the shape {member: {...}, properties: {...}, geometry: {...}}."""

    def __init__(self, elements: Callable[[], Iterator[Element]], way: str) -> None:
        self.elements, self.way = elements, way

    def __call__(self) -> Iterator[Element]:
        for element in self.elements():
            yield self._feature(element) if not element.code else element

    def _feature(self, element: Element) -> Element:
        feature: Any = {"type": "Feature", "geometry": element.value} if is_geometry(element.value) else element.value
        if not is_feature(feature) or not isinstance(feature.get("properties") or {}, dict):
            return _unplaced(element, "not_a_feature", "a record is not a GeoJSON feature with properties and geometry")
        try:
            shape = self._geometry(feature["geometry"])
        except (TypeError, ValueError, KeyError, RecursionError):
            message = "its geometry is not as GeoJSON has it: a known type, and coordinates nested as that type wants"
            return _unplaced(element, "bad_geometry", message)
        others = {key: item for key, item in feature.items() if key not in ("type", "properties", "geometry")}
        value = {"member": others, "properties": feature.get("properties") or {}, "geometry": shape}
        return element._replace(value={key: item for key, item in value.items() if item})

    def _geometry(self, geometry: Any) -> dict[str, Any]:
        as_text = None if geometry is None else wkt(geometry)  # also where GeoJSON is wanted: it is the check
        as_it_is = None if geometry is None else as_json(geometry)
        if self.way == "both":
            return {"geometry": as_text, "geometry_geojson": as_it_is}
        return {"geometry": as_text if self.way == "wkt" else as_it_is}


def _unplaced(element: Element, code: str, message: str) -> Element:
    return element._replace(value=None, code=code, message=message)


def wkt(geometry: Mapping[str, Any]) -> str:
    """A GeoJSON geometry as well-known text, its numbers in their own spelling; ValueError where it is none."""
    kind = geometry["type"]
    if kind == "GeometryCollection":
        parts = ", ".join(wkt(part) for part in geometry["geometries"])
        return f"GEOMETRYCOLLECTION ({parts})" if parts else "GEOMETRYCOLLECTION EMPTY"
    if kind not in DEPTHS:
        raise ValueError("an unknown type of geometry")
    coordinates, sizes = geometry["coordinates"], set[int]()
    if coordinates == []:
        return f"{kind.upper()} EMPTY"
    body = _nested(coordinates, DEPTHS[kind], sizes)
    if len(sizes) > 1:
        raise ValueError("positions of different length")
    mark = {2: "", 3: "Z ", 4: "ZM "}[sizes.pop()]
    return f"{kind.upper()} {mark}{body}" if DEPTHS[kind] else f"{kind.upper()} {mark}({body})"


def _nested(coordinates: Any, depth: int, sizes: set[int]) -> str:
    if not isinstance(coordinates, list) or not coordinates:
        raise ValueError("coordinates are not nested as the type wants")
    if depth:
        return "(" + ", ".join(_nested(part, depth - 1, sizes) for part in coordinates) + ")"
    numbers = [text(number) for number in coordinates]
    for number in numbers:
        float(number)
    if any(isinstance(number, bool | list | dict) or number is None for number in coordinates):
        raise ValueError("a coordinate is no number")
    sizes.add(len(numbers))
    if len(numbers) not in (2, 3, 4):
        raise ValueError("a position has two, three or four numbers")
    return " ".join(numbers)
