import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.indexer.copies import BANDS, PERMUTATIONS, bands, resemblance, signature

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "rstvwz"]


def story(seed: int, words: int = 400) -> list[str]:
    chosen = random.Random(seed)
    return [chosen.choice(WORDS) for _ in range(words)]


def changed(words: list[str], share: float, seed: int = 7) -> list[str]:
    chosen = random.Random(seed)
    return [f"new{index}" if chosen.random() < share else word for index, word in enumerate(words)]


def true_resemblance(a: list[str], b: list[str]) -> float:
    shingles_a, shingles_b = ({tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (a, b))
    return len(shingles_a & shingles_b) / len(shingles_a | shingles_b)


def share_a_key(a: list[str], b: list[str]) -> bool:
    return bool(set(bands(signature(" ".join(a)))) & set(bands(signature(" ".join(b)))))


def test_the_estimate_is_the_share_of_common_shingles() -> None:
    errors = []
    for seed in range(40):
        original = story(seed)
        copy = changed(original, share=0.01 * (seed % 10), seed=seed)
        estimate = resemblance(signature(" ".join(original)), signature(" ".join(copy)))
        errors.append(estimate - true_resemblance(original, copy))
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 1.3 * 0.5 / PERMUTATIONS**0.5  # the standard error of a mean of 96 coin tosses


def test_case_punctuation_and_layout_make_no_difference() -> None:
    words = story(1)
    loud = "\n\n".join(words).upper() + "!"
    assert resemblance(signature(" ".join(words)), signature(loud)) == 1.0


def test_a_copy_with_another_ending_shares_a_key_and_another_story_does_not() -> None:
    original = story(1)
    assert all(share_a_key(story(n), story(n)[:-25] + story(n + 500, 25)) for n in range(30))
    assert sum(share_a_key(original, story(n)) for n in range(2, 40)) == 0


def test_a_short_text_has_no_copies() -> None:
    short = signature("Correction: the mayor is called Anna Nowak and not Anna Nowakowska.")
    assert bands(short) == []
    assert resemblance(short, short) == 0.0
    assert bands(signature("")) == []


def test_scripts_without_spaces_are_compared_by_character() -> None:
    text = "市长昨天宣布将在河上修建一座新桥工程将于明年春天开始预计耗时三年左右完成"
    other = "気象庁によると台風は週末にかけて北上し沿岸部では強い風と高い波に警戒が必要です"
    assert resemblance(signature(text), signature(text + "记者报道")) > 0.7
    assert resemblance(signature(text), signature(other)) < 0.1


def test_keys_are_31_bits_and_the_same_in_another_process() -> None:
    text = " ".join(story(3))
    keys = bands(signature(text))
    assert len(keys) == BANDS
    assert all(0 <= key < 2**31 for key in keys)
    code = f"from backissue.indexer.copies import *; print(bands(signature({text!r})))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(keys)


@given(st.text())
def test_any_text_has_a_signature(text: str) -> None:
    found = signature(text)
    assert found.shape == (PERMUTATIONS,)
    assert found.dtype == np.uint8
    assert resemblance(found, found) in (0.0, 1.0)


@pytest.mark.parametrize("words", [20, 21, 5000, 30_000])
def test_any_length(words: int) -> None:
    assert len(bands(signature(" ".join(f"w{n}" for n in range(words))))) == BANDS
