"""Passages to families, scored, ordered and cut, against loops over plain objects."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.search.calibration import Judgement
from backissue.search.columns import NO_SECOND, Columns
from backissue.search.groups import DATED_LOG_ODDS, Judgements, collapse, decay, order, page_of
from backissue.search.types import Sort

NEWEST = 1000


class Archive:
    """What `decay` asks of a snapshot."""

    def __init__(self, columns):
        self.columns = columns
        self.newest_day = NEWEST


@st.composite
def judged_archives(draw):
    """Columns of some passages, each with its article, family and day, and a judgement of some of them."""
    families = draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    articles = draw(st.lists(st.integers(0, len(families) - 1), min_size=1, max_size=25))
    days = draw(st.lists(st.sampled_from([0, 1, 900, 990, NEWEST]), min_size=len(families), max_size=len(families)))
    n = len(articles)
    numbers = dict.fromkeys(("lang", "source", "section", "author"), np.zeros(n, dtype=np.int64))
    columns = Columns(
        row=np.arange(1, n + 1),
        article=np.array([100 + one for one in articles]),
        family=np.array([families[one] for one in articles]),
        day=np.array([days[one] for one in articles]),
        published_s=np.array([days[one] * 86_400 or NO_SECOND for one in articles]),
        **numbers,
    )
    found = draw(st.permutations(range(n)))[: draw(st.integers(0, n))]
    log_odds = sorted(draw(st.lists(st.sampled_from([-3.0, 0.0, 0.5, 2.0]), min_size=n, max_size=n)), reverse=True)
    read = draw(st.integers(0, len(found)))
    judged = Judgements(
        np.arange(len(found)),
        np.array(found, dtype=np.int64),
        np.array(log_odds[: len(found)]),
        [Judgement(log_odds[place], {"place": float(place)}) for place in range(read)],
    )
    return columns, judged


def plain(columns, judged, sort, recency_days):
    """(article, places of its passages, copies, score) of each family, in the order of hits."""
    hits = {}
    for place, position in enumerate(judged.positions):
        article = int(columns.article[position])
        best, passages, copies = hits.setdefault(int(columns.family[position]), (article, [], []))
        if article == best:
            passages.append(place)
        elif article not in copies:
            copies.append(article)
    found = []
    for article, passages, copies in hits.values():
        position = judged.positions[passages[0]]
        score = 1 / (1 + np.exp(-judged.log_odds[passages[0]]))
        if recency_days:
            day = int(columns.day[position])
            score *= 0.5 ** ((NEWEST - day) / recency_days) if day > 0 else 0.0
        found.append((article, passages, copies, score, int(columns.published_s[position])))
    if sort is Sort.DATE:
        limit = max((judged.log_odds[one[1][0]] for one in found), default=0.0) - DATED_LOG_ODDS
        found = [one for one in found if judged.log_odds[one[1][0]] >= limit]
        return sorted(found, key=lambda one: -one[4])
    return sorted(found, key=lambda one: -one[3])


@given(judged_archives(), st.sampled_from(Sort), st.sampled_from([None, 30.0]), st.integers(0, 3), st.integers(1, 4))
def test_hits_are_those_of_a_plain_loop(given_archive, sort, recency_days, offset, k):
    columns, judged = given_archive
    found = order(decay(collapse(columns, judged), Archive(columns), recency_days), columns, sort)
    wanted = plain(columns, judged, sort, recency_days)
    assert found.score.tolist() == pytest.approx([one[3] for one in wanted])
    assert columns.article[found.positions].tolist() == [one[0] for one in wanted]
    page = page_of(found, columns, slice(offset, offset + k))
    assert [(group.article, [one.index for one in group.passages], list(group.copies)) for group in page] == [
        one[:3] for one in wanted[offset : offset + k]
    ]
    for group in page:
        for one in group.passages:
            assert one.read == (one.index < len(judged.read))
            assert one.judgement.log_odds == judged.log_odds[one.index]
            assert one.judgement.features == (judged.read[one.index].features if one.read else {})
