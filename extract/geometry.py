"""Shapes: what a text says of the earth's surface, in one reference system, or why it says nothing.

Each distinct text is read once, into the dictionary `staging.geometries`; mappings join it (macro `geometry`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy import Connection, text

from extract.feeds import Feed
from warehouse.connection import driver, transaction

BATCH = 5_000  # texts at a time; a conservation area's outline has 10-100 kB
DECIMALS = 6  # of a degree: 0.11 m
GEOCENTRIC = 3_000_000  # metres from the centre of the earth: no projected coordinate of our areas is as large

Shapes = NDArray[Any]


@dataclass(frozen=True)
class Area:
    """Where shapes are expected: degrees of WGS84, and the national grid that is used there (`grid` may be None)."""

    name: str
    west: float
    south: float
    east: float
    north: float
    grid: str | None = None

    def holds(self, bounds: Shapes) -> Shapes:
        """Which of (n, 4) bounds lie within."""
        west, south, east, north = bounds.T
        within = (west >= self.west) & (south >= self.south) & (east <= self.east) & (north <= self.north)
        return np.asarray(within)


@dataclass(frozen=True)
class Read:
    """What became of texts, one array element each: `wkt` or `problem`, and `repairs` beside the first."""

    wkt: list[str | None]
    repairs: list[str | None]
    problem: list[str | None]


def read(texts: list[str], area: Area) -> Read:
    """Read well-known text (also with `SRID=...;`) or GeoJSON into well-known text of WGS84, longitude first.

    Polygons come out as multipolygons, valid, in two dimensions. The reference system is told by where the coordinates
    lie: in the area, in its grid, or in either with the axes swapped; a declared one is often wrong (a register
    wrote OSGB36 beside degrees).
    """
    shapes = _parsed(texts)
    repairs: list[list[str]] = [[] for _ in texts]
    problems = np.full(len(texts), None, dtype=object)
    problems[shapely.is_missing(shapes)] = "not well-known text or GeoJSON of a point, line or polygon"
    problems[shapely.is_empty(shapes)] = "an empty shape"
    shapes = _flattened(shapes, repairs)
    shapes = _placed(shapes, area, repairs, problems)
    shapes = _valid(shapes, repairs, problems)
    good = [problem is None for problem in problems]
    wkt = shapely.to_wkt(shapes, rounding_precision=DECIMALS)
    return Read(
        [str(w) if g else None for w, g in zip(wkt, good, strict=True)],
        [", ".join(r) or None if g else None for r, g in zip(repairs, good, strict=True)],
        list(problems),
    )


def _parsed(texts: list[str]) -> Shapes:
    stripped = np.array([t.strip() for t in texts], dtype=object)
    is_json = np.array([t.startswith("{") for t in stripped], dtype=bool)
    bare = np.array([t.partition(";")[2] if t[:5].upper() == "SRID=" else t for t in stripped], dtype=object)
    shapes = np.full(len(texts), None, dtype=object)
    shapes[~is_json] = shapely.from_wkt(bare[~is_json], on_invalid="ignore")
    shapes[is_json] = shapely.from_geojson(stripped[is_json], on_invalid="ignore")
    return shapes


def _flattened(shapes: Shapes, repairs: list[list[str]]) -> Shapes:
    _note(repairs, shapely.has_z(shapes), "third dimension dropped")
    return np.asarray(shapely.force_2d(shapes))


def _placed(shapes: Shapes, area: Area, repairs: list[list[str]], problems: Shapes) -> Shapes:
    shapes, pending = shapes.copy(), problems == None  # noqa: E711  (of an array)
    bounds = shapely.bounds(shapes)
    for frame, from_grid in _frames(area):
        for swapped in (False, True):
            fits = pending & frame.holds(bounds[:, [1, 0, 3, 2]] if swapped else bounds)
            pending &= ~fits
            if swapped:
                _note(repairs, fits, "axes swapped")
                shapes[fits] = shapely.transform(shapes[fits], lambda xy: xy[:, ::-1])
            if from_grid:
                _note(repairs, fits, f"brought from {from_grid.source_crs.name if from_grid.source_crs else area.grid}")
                shapes[fits] = shapely.transform(shapes[fits], _move(from_grid))
    far = np.abs(np.nan_to_num(bounds)).max(axis=1, initial=0) > GEOCENTRIC
    pending |= (problems == None) & ~area.holds(shapely.bounds(shapes))  # noqa: E711  (a grid's box is wider)
    problems[pending & far] = "metres from the centre of the earth; longitude and latitude in degrees are needed"
    problems[pending & ~far] = f"outside of {area.name.replace('_', ' ')}"
    return shapes


def _frames(area: Area) -> Iterator[tuple[Area, pyproj.Transformer | None]]:
    yield area, None
    if area.grid:
        grid = pyproj.CRS(area.grid)
        corners = pyproj.Transformer.from_crs("EPSG:4326", grid, always_xy=True)
        bounds = corners.transform_bounds(area.west, area.south, area.east, area.north)
        yield Area(area.name, *bounds), pyproj.Transformer.from_crs(grid, "EPSG:4326", always_xy=True)


def _move(transformer: pyproj.Transformer) -> Any:
    return lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))


def _valid(shapes: Shapes, repairs: list[list[str]], problems: Shapes) -> Shapes:
    broken = (problems == None) & ~shapely.is_valid(shapes)  # noqa: E711
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    problems[broken & shapely.is_empty(shapes)] = "an outline that encloses nothing"
    _note(repairs, broken, "made valid")
    polygons = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    shapes[polygons] = [shapely.MultiPolygon([shape]) for shape in shapes[polygons]]
    return shapes


def _note(repairs: list[list[str]], which: Shapes, what: str) -> None:
    for position in np.flatnonzero(which):
        repairs[position].append(what)


def read_delivery(feed: Feed, delivery_id: int, amended: str | None = None) -> int:
    """Read the texts of a staged delivery's geometry columns that the dictionary lacks; gives their number.

    `amended`: a query that gives the delivery's rows as they are mapped, where a shape's cells are amended before."""
    staged: sql.Composable = sql.Identifier("staging", f"delivery_{delivery_id}")
    rows = sql.SQL("({})").format(sql.SQL(amended)) if amended else staged
    found = 0
    for column in feed.columns:
        if column.geometry:
            found += _read_column(_areas()[column.geometry.area], rows, _spelling(column.name, column.geometry.y))
    return found


def _spelling(column: str, y: str | None) -> sql.Composable:
    cell = sql.Identifier(column)
    return sql.SQL("staging.point_text({}, {})").format(cell, sql.Identifier(y)) if y else cell


def _read_column(area: Area, rows: sql.Composable, spelling: sql.Composable) -> int:
    unknown = sql.SQL(
        "select distinct {spelling} from {rows} as staged where {spelling} <> '' and not exists ("
        " select from staging.geometries where geometry_key = staging.geometry_key({area}, {spelling}))"
    ).format(
        spelling=spelling,
        rows=rows,
        area=sql.Literal(area.name),
    )
    found = 0
    with transaction() as reading, driver(reading).cursor(name="spellings") as cursor:
        cursor.itersize = BATCH
        cursor.execute(unknown)
        while texts := [spelled for (spelled,) in cursor.fetchmany(BATCH)]:
            with transaction() as writing:
                _keep(writing, area, texts, read(texts, area))
            found += len(texts)
    return found


def _keep(connection: Connection, area: Area, texts: list[str], shapes: Read) -> None:
    statement = text(
        "insert into staging.geometries (geometry_key, wkt, repairs, problem)"
        " select staging.geometry_key(:area, spelling), wkt, repairs, problem"
        " from unnest(cast(:texts as text[]), cast(:wkt as text[]), cast(:repairs as text[]), cast(:problem as text[]))"
        " as shape (spelling, wkt, repairs, problem) on conflict do nothing"
    )
    values = {
        "area": area.name,
        "texts": texts,
        "wkt": shapes.wkt,
        "repairs": shapes.repairs,
        "problem": shapes.problem,
    }
    connection.execute(statement, values)


@cache
def _areas() -> dict[str, Area]:
    with transaction() as connection:
        rows = connection.execute(text("select area, west, south, east, north, grid from reference.geometry_areas"))
        return {
            r.area: Area(r.area, float(r.west), float(r.south), float(r.east), float(r.north), r.grid) for r in rows
        }
