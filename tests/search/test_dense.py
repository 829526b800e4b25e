import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.indexer.dense import build_dense
from backissue.search.dense import DenseIndex
from backissue.search.errors import IndexCorruptError

DIMENSION = 16


def unit(rng: np.random.Generator, n: int) -> np.ndarray:
    vectors = rng.normal(size=(n, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)  # as the archive keeps them


def brute_force(vectors, query, k, mask=None):
    allowed = [i for i in range(len(vectors)) if mask is None or mask[i]]
    return sorted(allowed, key=lambda i: (-float(np.dot(vectors[i], query)), i))[:k]


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    vectors = unit(np.random.default_rng(1), 300)
    path = tmp_path_factory.mktemp("dense") / "dense.faiss"
    assert build_dense(vectors[:250], path)["kind"] == "Flat"
    return vectors, DenseIndex.open(path, {}, DIMENSION).with_tail(vectors[250:])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 320), share=st.sampled_from([None, 0.0, 0.01, 0.1, 0.5, 1.0]))
def test_base_and_tail_together_are_the_brute_force_order(flat, seed, k, share):
    vectors, index = flat
    rng = np.random.default_rng(seed)
    query = unit(rng, 1)[0]
    mask = None if share is None else rng.random(len(vectors)) < share
    hits = index.search(query, k, mask)
    assert hits.positions.tolist() == brute_force(vectors, query, k, mask)
    assert hits.scores == pytest.approx(vectors[hits.positions] @ query, abs=1e-5)


def test_an_inverted_file_finds_the_wanted_part_under_every_filter(tmp_path, monkeypatch):
    monkeypatch.setattr("backissue.indexer.dense.EXACT_UP_TO", 1000)
    monkeypatch.setattr("backissue.search.dense.COMPARED_ONE_BY_ONE", 100)
    rng = np.random.default_rng(3)
    centres = unit(rng, 40)
    vectors = centres[rng.integers(0, 40, 6000)] + 0.3 * unit(rng, 6000)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    record = build_dense(vectors, tmp_path / "dense.faiss")
    index = DenseIndex.open(tmp_path / "dense.faiss", record, DIMENSION)
    assert isinstance(index.base, faiss.IndexIVF)
    assert record["recall_at_100"] >= 0.95
    for share in (0.001, 0.01, 0.1, 0.5):
        mask = rng.random(len(vectors)) < share
        found = wanted = 0
        for query in vectors[:40]:
            exact = brute_force(vectors, query, 100, mask)
            hits = index.search(query, 100, mask).positions.tolist()
            assert mask[hits].all()
            found += len(set(exact) & set(hits))
            wanted += len(exact)
        assert found >= 0.95 * wanted, share


def test_a_file_that_is_no_index_is_named(tmp_path):
    path = tmp_path / "dense.faiss"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(IndexCorruptError, match=str(path)):
        DenseIndex.open(path, {}, DIMENSION)


def test_vectors_of_another_dimension_are_refused(tmp_path):
    build_dense(unit(np.random.default_rng(0), 5), tmp_path / "dense.faiss")
    with pytest.raises(IndexCorruptError, match="dimension 16"):
        DenseIndex.open(tmp_path / "dense.faiss", {}, 32)


def test_an_empty_index_finds_nothing(tmp_path):
    build_dense(np.zeros((0, DIMENSION), dtype=np.float32), tmp_path / "dense.faiss")
    index = DenseIndex.open(tmp_path / "dense.faiss", {}, DIMENSION)
    assert len(index.search(np.ones(DIMENSION, dtype=np.float32), 5)) == 0


def test_vectors_are_given_back_by_position(flat):
    vectors, index = flat
    positions = np.array([299, 0, 249, 250, 7])
    assert index.vectors(positions) == pytest.approx(vectors[positions])


def test_an_inverted_file_gives_vectors_back_as_its_codes_have_them(tmp_path, monkeypatch):
    monkeypatch.setattr("backissue.indexer.dense.EXACT_UP_TO", 100)
    vectors = unit(np.random.default_rng(2), 800)
    build_dense(vectors[:700], tmp_path / "dense.faiss")
    index = DenseIndex.open(tmp_path / "dense.faiss", {"probes": 8}, DIMENSION).with_tail(vectors[700:])
    positions = np.array([699, 700, 3, 799])
    assert index.vectors(positions) == pytest.approx(vectors[positions], abs=0.01)


@pytest.mark.parametrize("different", [1, 3, 700])
def test_copies_in_any_number_are_found(tmp_path, monkeypatch, different):
    monkeypatch.setattr("backissue.indexer.dense.EXACT_UP_TO", 1000)
    rng = np.random.default_rng(4)
    vectors = unit(rng, different)
    record = build_dense(vectors[rng.integers(0, different, 6000)], tmp_path / "dense.faiss")
    index = DenseIndex.open(tmp_path / "dense.faiss", record, DIMENSION)
    for query in unit(rng, 30):
        hits = index.search(query, 200)
        assert len(hits) == 200
        assert hits.scores[0] >= (vectors @ query).max() - 0.05
