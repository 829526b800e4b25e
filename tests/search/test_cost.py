"""What a search costs, counted and not timed: calls and statements of SQL are the same on every machine."""

import cProfile
import pstats

import pytest

from backissue.search import Archive

QUESTION = "what does North Korea get in return for its shells"


@pytest.fixture
def warm(small_index):
    with Archive.open(small_index) as archive:
        for options in ({}, {"rerank": "off"}):
            archive.search(QUESTION, **options)
        yield archive


def calls(archive, **options):
    profile = cProfile.Profile()
    profile.enable()
    archive.search(QUESTION, **options)
    profile.disable()
    return pstats.Stats(profile).total_calls


def test_a_search_takes_no_more_calls_than_it_did(warm):
    # Measured: 3,500 and 6,600. What makes these grow by a third costs every user as much.
    assert calls(warm, rerank="off", answers=False, explain=False) < 4_700
    assert calls(warm) < 8_800


def test_the_archive_is_asked_once_for_all_that_a_page_shows(warm):
    statements = []
    warm._store._connection().set_trace_callback(statements.append)
    results = warm.search(QUESTION)
    warm._store._connection().set_trace_callback(None)
    selects = [one for one in statements if one.startswith("SELECT") and "FROM meta" not in one]
    assert results.hits
    assert len(selects) <= 2  # passages and heads of articles, however many hits
