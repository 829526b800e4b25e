import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backissue.search.calibration import Calibration, LogisticModel
from backissue.search.fusion import fuse, fusion_features
from backissue.search.types import Mode

MODEL = LogisticModel(-1.0, {"words": 4.0, "cosine": 2.0, "foreign": 0.5, "foreign_words": 1.0, "foreign_cosine": 3.0})


def test_each_side_of_the_language_border_has_weights_of_its_own():
    fused = fuse(np.array([0.5, 0.5]), np.array([0.3, 0.3]), np.array([True, False]), MODEL)
    assert fused == pytest.approx([-1 + 4 * 0.5 + 2 * 0.3, -1 + 0.5 + 1 * 0.5 + 3 * 0.3])


def test_a_leg_that_is_off_leaves_the_decision_to_the_other():
    nothing = np.full(2, np.nan)
    readable = np.array([True, True])
    assert fuse(nothing, np.array([0.1, 0.3]), readable, MODEL) == pytest.approx([-1 + 0.2, -1 + 0.6])
    assert fuse(np.array([0.1, 0.3]), nothing, readable, MODEL) == pytest.approx([-1 + 0.4, -1 + 1.2])


def test_no_candidates_have_no_scores():
    assert len(fuse(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool), MODEL)) == 0


def test_features_are_on_one_side_only():
    features = fusion_features(np.array([0.5, 0.5]), np.array([0.2, 0.2]), np.array([True, False]))
    assert {name: values.tolist() for name, values in features.items()} == {
        "words": [0.5, 0.0],
        "cosine": [0.2, 0.0],
        "foreign": [0.0, 1.0],
        "foreign_words": [0.0, 0.5],
        "foreign_cosine": [0.0, 0.2],
    }


shares = hnp.arrays(np.float64, 6, elements=st.floats(0, 1, allow_nan=False))
cosines = hnp.arrays(np.float64, 6, elements=st.floats(-1, 1, allow_nan=False))


@given(shares, cosines, hnp.arrays(np.bool_, 6))
def test_being_better_in_both_legs_is_never_worse(words, semantic, readable):
    fused = fuse(words, semantic, readable, Calibration.bundled().fusion[Mode.HYBRID])
    for i in range(6):
        for j in range(6):
            if readable[i] == readable[j] and words[i] >= words[j] and semantic[i] >= semantic[j]:
                assert fused[i] >= fused[j] - 1e-9
