from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.search.proximity import WINDOW_TERMS, best_windows

WORTH = {"a": (1, 2.0), "b": (2, 3.0), "c": (1, 1.0)}


def found(terms):
    return [(place, *WORTH[term]) for place, term in enumerate(terms) if term in WORTH]


def best_of_each(passages, window=WINDOW_TERMS):
    places = [(number, *one) for number, some in enumerate(passages) for one in some]
    passage, place, word, value = np.array(places, dtype=np.float64).reshape(-1, 4).T
    numbers = (some.astype(np.int64) for some in (passage, place, word))
    return best_windows(len(passages), *numbers, value, window).tolist()


def best_window(one, window=WINDOW_TERMS):
    return best_of_each([one], window)[0]


def test_words_far_apart_do_not_add_up():
    assert best_window(found("axb"), window=3) == 2.0 + 3.0
    assert best_window(found("axxb"), window=3) == 3.0


def test_several_terms_of_one_word_count_once():
    assert best_window(found("caa"), window=3) == 2.0


def test_nothing_found_is_worth_nothing():
    assert best_window([]) == 0.0


@given(st.text("abcxy", max_size=30), st.integers(1, 8))
def test_it_is_what_a_plain_loop_over_windows_finds(terms, window):
    def worth(some):
        return sum(
            max((WORTH[t][1] for t in some if t in WORTH and WORTH[t][0] == word), default=0.0) for word in (1, 2)
        )

    windows = [terms[start : start + window] for start in range(len(terms))]
    assert best_window(found(terms), window) == max(map(worth, windows), default=0.0)


@given(st.lists(st.text("abcx", max_size=12), max_size=6), st.integers(1, 8))
def test_passages_do_not_meet(passages, window):
    alone = [best_window(found(one), window) for one in passages]
    assert best_of_each(list(map(found, passages)), window) == pytest.approx(alone)


@given(st.text("abx", max_size=20))
def test_a_wider_window_never_holds_less(terms):
    values = [best_window(found(terms), window) for window in range(1, 10)]
    assert all(narrow <= wide for narrow, wide in pairwise(values))
