"""The pages of the pipelines are what their YAML, contracts and models say today."""

import re

import pytest
from conftest import forget_settings
from samples import FEEDS, loaded

from flows import pages


@pytest.mark.parametrize("pipeline", pages.pipelines(), ids=lambda pipeline: pipeline.name)
def test_a_page_is_what_would_be_written_now(pipeline):
    assert (pages.FOLDER / f"{pipeline.name}.md").read_text() == pages.page(pipeline), "make docs writes it anew"


@pytest.mark.parametrize("pipeline", pages.pipelines(), ids=lambda pipeline: pipeline.name)
def test_a_pipeline_is_made_of_what_is_there(pipeline):
    assert set(pipeline.all) <= {feed.entity for feed in FEEDS.values()}


def test_the_demo_tells_each_pipeline_in_a_line(install):
    from flows import demo_five

    loaded(install)
    for pipeline in pages.pipelines():
        line = demo_five.line(pipeline)
        read, *parts = map(int, re.findall(r"(\d+) (?:records|good|in quarantine|unreadable|blank)", line))
        assert read == sum(parts) > 0
        for entity in pipeline.entities:
            assert re.search(rf"{entity} \d+ rows \(run \d+\)", line)
    forget_settings()
