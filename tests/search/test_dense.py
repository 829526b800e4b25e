import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.indexer.dense import build_lists, write_vectors
from backissue.search.dense import LISTS_FILE, SCALES_FILE, VECTORS_FILE, DenseIndex
from backissue.search.errors import IndexCorruptError
from backissue.search.vectors import decode_vectors, encode_vectors

DIMENSION = 16


def unit(rng: np.random.Generator, n: int) -> np.ndarray:
    vectors = rng.normal(size=(n, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return kept(vectors)


def kept(vectors: np.ndarray) -> np.ndarray:
    """As the archive keeps them."""
    return decode_vectors(encode_vectors(vectors))


def build(vectors: np.ndarray, folder) -> dict:
    return build_lists(write_vectors([encode_vectors(vectors)], *vectors.shape, folder), folder)


def brute_force(vectors, query, k, mask=None):
    allowed = [i for i in range(len(vectors)) if mask is None or mask[i]]
    return sorted(allowed, key=lambda i: (-float(np.dot(vectors[i], query)), i))[:k]


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    vectors = unit(np.random.default_rng(1), 300)
    folder = tmp_path_factory.mktemp("dense")
    assert build(vectors[:250], folder)["kind"] == "Flat"
    assert not (folder / LISTS_FILE).exists()
    return vectors, DenseIndex.open(folder, {}, DIMENSION).with_tail(vectors[250:])


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
    rng = np.random.default_rng(3)
    centres = unit(rng, 40)
    vectors = centres[rng.integers(0, 40, 6000)] + 0.3 * unit(rng, 6000)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    record = build(vectors, tmp_path)
    index = DenseIndex.open(tmp_path, record, DIMENSION)
    assert index.lists is not None
    assert record["recall_at_100"] >= 0.95
    for share, least in ((0.001, 0.98), (0.01, 0.98), (0.1, 0.98), (0.5, 0.95)):
        mask = rng.random(len(vectors)) < share
        found = wanted = 0
        for query in vectors[:40]:
            exact = brute_force(vectors, query, 100, mask)
            hits = index.search(query, 100, mask).positions.tolist()
            assert mask[hits].all()
            found += len(set(exact) & set(hits))
            wanted += len(exact)
        assert found >= least * wanted, share


@pytest.fixture
def inverted(tmp_path, monkeypatch):
    monkeypatch.setattr("backissue.indexer.dense.EXACT_UP_TO", 100)
    return tmp_path, build(unit(np.random.default_rng(2), 800), tmp_path)


@pytest.mark.parametrize("name", [VECTORS_FILE, SCALES_FILE, LISTS_FILE])
def test_a_file_that_is_missing_or_cut_or_none_is_named(inverted, name):
    folder, record = inverted
    content = (folder / name).read_bytes()
    for damaged in (b"nothing of the kind", content[:20], content[: len(content) // 2], b""):
        (folder / name).write_bytes(damaged)
        with pytest.raises(IndexCorruptError, match=name):
            DenseIndex.open(folder, record, DIMENSION)
    (folder / name).unlink()
    with pytest.raises(IndexCorruptError, match=name):
        DenseIndex.open(folder, record, DIMENSION)


def test_an_inverted_file_of_other_vectors_is_refused(inverted, tmp_path):
    folder, record = inverted
    write_vectors([encode_vectors(unit(np.random.default_rng(3), 700))], 700, DIMENSION, folder)
    with pytest.raises(IndexCorruptError, match="800 vectors"):
        DenseIndex.open(folder, record, DIMENSION)


def test_vectors_of_another_dimension_are_refused(tmp_path):
    build(unit(np.random.default_rng(0), 5), tmp_path)
    with pytest.raises(IndexCorruptError, match="dimension 32"):
        DenseIndex.open(tmp_path, {}, 32)


def test_an_empty_index_finds_nothing(tmp_path):
    build(np.zeros((0, DIMENSION), dtype=np.float32), tmp_path)
    index = DenseIndex.open(tmp_path, {}, DIMENSION)
    assert len(index.search(np.ones(DIMENSION, dtype=np.float32), 5)) == 0


def test_vectors_are_given_back_by_position(flat):
    vectors, index = flat
    positions = np.array([299, 0, 249, 250, 7])
    assert index.vectors(positions) == pytest.approx(vectors[positions])


def test_an_inverted_file_gives_the_scores_of_the_vectors_themselves(inverted):
    folder, record = inverted
    vectors = unit(np.random.default_rng(2), 800)
    index = DenseIndex.open(folder, record, DIMENSION).with_tail(vectors[:50])
    positions = np.array([799, 800, 3, 849])
    assert index.vectors(positions) == pytest.approx(np.concatenate([vectors, vectors[:50]])[positions], abs=1e-6)
    hits = index.search(vectors[7], 100)
    assert {*hits.positions[:2].tolist()} == {7, 807}
    assert hits.scores == pytest.approx(index.vectors(hits.positions) @ vectors[7], abs=1e-6)


def test_a_vector_of_zeros_is_like_nothing(tmp_path):
    vectors = unit(np.random.default_rng(0), 5)
    vectors[2] = 0
    build(vectors, tmp_path)
    hits = DenseIndex.open(tmp_path, {}, DIMENSION).search(vectors[0], 5)
    assert hits.scores[hits.positions == 2] == 0


@pytest.mark.parametrize("different", [1, 3, 700])
def test_copies_in_any_number_are_found(tmp_path, monkeypatch, different):
    monkeypatch.setattr("backissue.indexer.dense.EXACT_UP_TO", 1000)
    rng = np.random.default_rng(4)
    vectors = unit(rng, different)
    record = build(vectors[rng.integers(0, different, 6000)], tmp_path)
    index = DenseIndex.open(tmp_path, record, DIMENSION)
    for query in unit(rng, 30):
        hits = index.search(query, 200)
        assert len(hits) == 200
        assert hits.scores[0] >= (vectors @ query).max() - 0.05
