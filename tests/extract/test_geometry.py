"""Shapes: the same place whatever its spelling, what was repaired said, and what cannot be placed told why."""

import pytest

from extract.geometry import Area, read

UK = Area("united_kingdom", -8.7, 49.8, 1.8, 60.9, "EPSG:27700")
WORLD = Area("world", -180, -90, 180, 90)


def one(text, area=UK):
    found = read([text], area)
    return found.wkt[0], found.repairs[0], found.problem[0]


@pytest.mark.parametrize(
    ("text", "wkt", "repairs"),
    [
        ("POINT (-0.1 51.5)", "POINT (-0.1 51.5)", None),
        ("  point(-0.1 51.5)  ", "POINT (-0.1 51.5)", None),
        ("POINT (51.5 -0.1)", "POINT (-0.1 51.5)", "axes swapped"),
        ("SRID=4326;POINT (-0.1 51.5)", "POINT (-0.1 51.5)", None),
        ("POINT Z (-0.1 51.5 30)", "POINT (-0.1 51.5)", "third dimension dropped"),
        ('{"type": "Point", "coordinates": [-0.1, 51.5]}', "POINT (-0.1 51.5)", None),
        ("POLYGON ((0 51, 1 51, 1 52, 0 51))", "MULTIPOLYGON (((0 51, 1 51, 1 52, 0 51)))", None),
        ("LINESTRING (0 51, 1 52)", "LINESTRING (0 51, 1 52)", None),
    ],
)
def test_a_place_has_one_spelling(text, wkt, repairs):
    assert one(text) == (wkt, repairs, None)


def test_a_grid_is_told_by_where_its_numbers_lie():
    """Caister water tower, the worked example of the Ordnance Survey's guide to coordinate systems: 52 39 28.83 N
    1 42 57.87 E (ETRS89), grid 651409.804 313177.450. Without their file of corrections it is good to some 5 m."""
    for text in ("POINT (651409.804 313177.450)", "SRID=27700;POINT (651409.804 313177.450)"):
        wkt, repairs, problem = one(text)
        longitude, latitude = map(float, wkt.removeprefix("POINT (").removesuffix(")").split())
        assert (longitude, latitude) == pytest.approx((1.716074, 52.658008), abs=1e-4)
        assert (repairs, problem) == ("brought from OSGB36 / British National Grid", None)


def test_an_outline_that_crosses_itself_is_made_valid():
    wkt, repairs, problem = one("POLYGON ((0 51, 1 52, 1 51, 0 52, 0 51))")
    assert wkt.startswith("MULTIPOLYGON")
    assert (repairs, problem) == ("made valid", None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("POLYGON ((-0.2 415 51.6, 0 51))", "not well-known text or GeoJSON of a point, line or polygon"),
        ("POLYGON ((0 51, 1 51, 1 52))", "not well-known text or GeoJSON of a point, line or polygon"),
        ("", "not well-known text or GeoJSON of a point, line or polygon"),
        ("{", "not well-known text or GeoJSON of a point, line or polygon"),
        ("POINT EMPTY", "an empty shape"),
        ("POINT (nan 51)", "outside of united kingdom"),
        ("POINT (2.35 48.85)", "outside of united kingdom"),
        ("POLYGON ((0 51, 1 52, 0 51, 0 51))", "an outline that encloses nothing"),
        (
            "POINT (3975323.664 -7125.8838)",
            "metres from the centre of the earth; longitude and latitude in degrees are needed",
        ),
    ],
)
def test_what_has_no_place_is_told_why(text, problem):
    assert one(text) == (None, None, problem)


def test_an_area_without_a_grid():
    assert one("POINT (530269 179607)", WORLD) == (None, None, "outside of world")
    assert one("POINT (2.35 48.85)", WORLD) == ("POINT (2.35 48.85)", None, None)


def test_texts_do_not_meddle_with_each_other():
    texts = ["POINT (51.5 -0.1)", "x", "POINT (530269 179607)", "POINT (-0.1 51.5)"]
    together = read(texts, UK)
    assert list(zip(together.wkt, together.repairs, together.problem, strict=True)) == [one(text) for text in texts]
