from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backissue.search.proximity import best_window

WORTH = {"a": ("alpha", 2.0), "b": ("beta", 3.0), "a2": ("alpha", 1.0)}


def test_words_far_apart_do_not_add_up():
    assert best_window(["a", "x", "b"], WORTH, window=3) == 2.0 + 3.0
    assert best_window(["a", "x", "x", "b"], WORTH, window=3) == 3.0


def test_several_terms_of_one_word_count_once():
    assert best_window(["a2", "a", "a"], WORTH, window=3) == 2.0


def test_nothing_found_is_worth_nothing():
    assert best_window(["x", "y"], WORTH) == best_window([], WORTH) == best_window(["a"], {}) == 0.0


@given(st.lists(st.sampled_from(["a", "b", "a2", "x", "y"]), max_size=30), st.integers(1, 8))
def test_it_is_what_a_plain_loop_over_windows_finds(terms, window):
    def worth(some):
        return sum(
            max((value for term in some if term in WORTH for w, value in [WORTH[term]] if w == word), default=0.0)
            for word in ("alpha", "beta")
        )

    windows = [terms[start : start + window] for start in range(len(terms))]
    assert best_window(terms, WORTH, window) == max(map(worth, windows), default=0.0)


@given(st.lists(st.sampled_from(["a", "b", "x"]), max_size=20))
def test_a_wider_window_never_holds_less(terms):
    values = [best_window(terms, WORTH, window) for window in range(1, 10)]
    assert all(narrow <= wide for narrow, wide in pairwise(values))
