"""A feed's schedule says when it is collected, or says what is wrong with it."""

from datetime import timedelta

import pytest
import yaml
from conftest import PROJECT

from extract.feeds import FeedError, load
from extract.schedule import Schedule


@pytest.mark.parametrize(
    "line",
    ["10 6 * * *", "*/15 * * * *", "0 7 * * mon-fri", "0 0 1,15 * *", "5-20/5 8-18 * jan-jun 0", "  0  0 * *  sun "],
)
def test_a_cron_line_is_taken(line):
    assert Schedule(cron=line).cron == " ".join(line.split())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"cron": "10 6 * *"}, "five fields"),
        ({"cron": "61 6 * * *"}, "the field minute"),
        ({"cron": "0 6 * * someday"}, "the field weekday"),
        ({"cron": "0 24 * * *"}, "the field hour"),
        ({"cron": "0 0 0 * *"}, "the field day"),
        ({"every": "0 minutes"}, "every: 30 minutes"),
        ({"every": "10 seconds"}, "Input should be a valid timedelta"),
        ({}, "either cron"),
        ({"cron": "0 6 * * *", "every": "1 day"}, "either cron"),
        ({"cron": "0 6 * * *", "timezone": "Mars/Olympus"}, "no time zone"),
        ({"cron": "0 6 * * *", "pause": True}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(said, told):
    with pytest.raises(ValueError, match=told):
        Schedule(**said)


def test_a_period_is_said_in_words():
    assert Schedule(every="30 minutes").every == timedelta(minutes=30)
    assert Schedule(every="1 day").every == timedelta(days=1)


def test_the_error_names_file_key_and_remedy(small_project, tmp_path):
    import shutil

    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    file = project / "models" / "staging" / "acme" / "_acme.yml"
    document = yaml.safe_load(file.read_text())
    document["sources"][0]["tables"][0]["config"]["meta"]["schedule"] = {"cron": "0 25 * * *"}
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(FeedError, match=r"_acme\.yml: .*things\.config\.meta\.schedule\.cron: .*the field hour"):
        load(project)


def test_another_schedule_is_not_another_declaration():
    """A file that was refused is tried again when its feed is declared otherwise: not when it comes at another hour."""
    feed = load(PROJECT / "dbt_project").feed("nevada.licences")
    assert feed.schedule is not None
    assert feed.version == feed.model_copy(update={"schedule": None}).version
