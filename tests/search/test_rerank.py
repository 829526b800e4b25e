import numpy as np
import pytest

from backissue.search.calibration import Calibration, Judgement, LogisticModel
from backissue.search.embedding import TokenVectors
from backissue.search.rerank import Evidence, FastReranker, interaction


def tokens(*vectors):
    array = np.array(vectors, dtype=np.float32).reshape(len(vectors), 2)
    n = len(vectors)
    return TokenVectors(ids=np.arange(n, dtype=np.int32), spans=np.zeros((n, 2), dtype=np.int64), vectors=array)


EAST, NORTH, NORTH_EAST = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)


def test_interaction_is_the_mean_of_best_cosines_weighted_by_norms():
    query = tokens((3.0, 0.0), NORTH)  # norms 3 and 1
    # Against a passage of EAST alone: 3/4 · 1 + 1/4 · 0. Against NORTH_EAST: both cosines are 1/√2.
    assert interaction(query, [tokens(EAST), tokens(NORTH_EAST), tokens(EAST, NORTH)]) == pytest.approx(
        [3 / 4, 2**-0.5, 1.0]
    )


def test_an_opposite_token_counts_nothing_rather_than_against():
    assert interaction(tokens(EAST), [tokens((-1.0, 0.0))]) == pytest.approx([0.0])


def test_empty_texts_score_nothing():
    assert interaction(tokens(EAST), [tokens(), tokens(EAST)]) == pytest.approx([0.0, 1.0])
    assert interaction(tokens(), [tokens(EAST)]) == pytest.approx([0.0])
    assert len(interaction(tokens(EAST), [])) == 0


def test_a_logistic_model_adds_its_weighted_features():
    model = LogisticModel(-1.0, {"a": 2.0, "b": 0.5})
    assert model.log_odds({"a": np.array([1.0, 0.0]), "c": np.array([9.0, 9.0])}) == pytest.approx([1.0, -1.0])
    assert Judgement(1.0, {}).probability == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert 0.0 <= Judgement(-1e9, {}).probability < Judgement(1e9, {}).probability <= 1.0


def test_a_foreign_passage_has_features_of_its_own(embedder):
    def features(readable):
        evidence = [Evidence("Harbour", "The harbour froze.", 0.4, 0.5, readable)]
        return FastReranker(embedder, Calibration.bundled().reranker).features("frozen harbour", evidence)

    near, far = features(True), features(False)
    assert near["interaction"] == far["foreign_interaction"] > 0
    assert near["title"] == far["foreign_title"] > 0
    assert near["foreign_interaction"] == far["interaction"] == 0
    assert (near["foreign"], far["foreign"]) == (0.0, 1.0)


def test_the_fast_reranker_prefers_the_passage_that_answers(embedder):
    question = "What does North Korea get for its shells?"
    answers = Evidence("", "W zamian za pociski Korea Północna dostaje żywność i ropę.", 0.0, 0.5, False)
    beside = Evidence("", "Piłkarze wygrali mecz po rzutach karnych.", 0.0, 0.5, False)
    first, second = FastReranker(embedder, Calibration.bundled().reranker).judge(question, [answers, beside])
    assert first.log_odds > second.log_odds
