"""A column that is declared optional loses a value that cannot be parsed, and not its row."""

import shutil

import pytest
from conftest import TEST_PROJECT, forget_settings
from workbench import reasons, things


@pytest.fixture
def graceful(install, small_project, tmp_path):
    folder = shutil.copytree(small_project, tmp_path / "graceful")
    model = folder / "models" / "judged" / "judged_thing.yml"
    model.write_text(
        model.read_text().replace(
            "name: size, data_type: integer, config: {meta: {pii: none}}",
            "name: size, data_type: integer, config: {meta: {pii: none, optional: true}}",
        )
    )
    yield install(folder, TEST_PROJECT / "checks")
    forget_settings()


def test_an_optional_value_is_left_out_and_told(graceful):
    things(graceful, 1, "n,a,much,,", "n,b,-1,,", "n,c,3,,", ",d,many,,")
    graceful.run()
    assert reasons(graceful) == {(1, 2): ["size_negative"], (1, 4): ["region_missing"]}
    assert graceful.sql("select code, size from published.thing order by 1") == [("a", None), ("c", 3)]
    assert graceful.sql("select row_number, code, severity, value, message from ledger.issues") == [
        (1, "size_unparsed", "warning", "much", "The size is a whole number.")
    ]


def test_without_it_the_row_is_held_back(small):
    things(small, 1, "n,a,much,,")
    small.run()
    assert reasons(small) == {(1, 1): ["size_unparsed"]}
