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


def test_the_demo_tells_each_pipeline_and_what_they_share_in_a_line(install):
    from flows import demo_five

    loaded(install)
    told = {pipeline.name: pipeline.entities for pipeline in pages.pipelines()} | {"lists": demo_five.shared()}
    for name, entities in told.items():
        line = demo_five.line(name, entities)
        read, *parts = map(int, re.findall(r"(\d+) (?:records|good|in quarantine|unreadable|blank)", line))
        assert read == sum(parts) > 0
        for entity in entities:
            assert re.search(rf"{entity} \d+ rows \(run \d+\)", line)
    assert {entity for entities in told.values() for entity in entities} == {feed.entity for feed in FEEDS.values()}
    forget_settings()
