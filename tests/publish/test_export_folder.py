"""The folder of exports: whole or not there, the newest one pointed at, whatever was killed on the way."""

import csv
import os
import shutil

import pytest
from workbench import things


def test_latest_points_to_the_newest_and_the_old_one_stays(small):
    exports = small.home / "exports" / "thing"
    for day in (1, 2):
        things(small, day, f"n,a,{day},,")
        small.run()
        assert (exports / "latest").readlink().name == f"run-{day:06}"
        assert not (exports / "latest").readlink().is_absolute()  # the exports can be moved as a whole
    for day in (1, 2):
        with open(exports / f"run-{day:06}" / "thing.csv") as text:
            assert [row["size"] for row in csv.DictReader(text)] == [str(day)]
    assert sorted(path.name for path in exports.iterdir()) == ["latest", "run-000001", "run-000002"]


def test_what_a_killed_process_left_does_no_harm(small):
    exports = small.home / "exports" / "thing"
    for pid in (os.getpid(), 99999999):  # the same number may come again
        aside = exports / f".run-000001.{pid}"
        aside.mkdir(parents=True)
        (aside / "thing.csv").write_text("half a fi")
    (exports / f".latest.{os.getpid()}").symlink_to("nowhere")
    things(small, 1, "n,a,1,,")
    small.run()
    assert (exports / "latest" / "manifest.json").is_file()
    assert (exports / "latest" / "thing.csv").read_text().count("\n") == 2
    assert not (exports / f".run-000001.{os.getpid()}").exists()


@pytest.mark.parametrize("lost", ["run-000001", "latest"])
def test_an_export_that_was_not_finished_is_made_up_for(small, lost):
    """Killed between the publication and its export, or between the export and its pointer."""
    exports = small.home / "exports" / "thing"
    things(small, 1, "n,a,1,,")
    small.run()
    (exports / "latest").unlink()
    if lost != "latest":
        shutil.rmtree(exports / lost)
    assert small.run().merged[0].run is None
    assert (exports / "latest" / "thing.csv").is_file()
