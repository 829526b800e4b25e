from pathlib import Path

import numpy as np
import pytest

from backissue.search.errors import IndexCorruptError
from backissue.search.vectors import VectorFiles, decode_vectors, encode_vectors, place_of


def unit(rows: int) -> np.ndarray:
    vectors = np.random.default_rng(4).normal(size=(rows, 256)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_vectors_come_back_with_an_error_below_a_step():
    vectors = unit(200)
    codes = encode_vectors(vectors)
    assert codes.dtype == np.int8
    assert (np.abs(codes).max(axis=1) == 127).all()
    kept = decode_vectors(codes)
    assert np.allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-6)
    # A step is a 127th of the greatest number; rounding changes the length as well, so half of one is not all.
    assert (np.abs(kept - vectors).max(axis=1) <= 0.7 * np.abs(vectors).max(axis=1) / 127).all()


def test_the_nearest_stay_the_nearest():
    vectors, asked = unit(5000), unit(5040)[5000:]
    kept = decode_vectors(encode_vectors(vectors))
    exact, found = (np.argsort(-(asked @ some.T), axis=1)[:, :100] for some in (vectors, kept))
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True)]) >= 98


def test_the_zero_vector_stays_zero_beside_vectors_in_half_precision():
    zero, one = np.zeros((1, 4), np.float32), np.array([[0.6, 0.0, -0.8, 0.0]], np.float32)
    blobs = [encode_vectors(zero)[0].tobytes(), one.astype("<f2").tobytes(), encode_vectors(one)[0].tobytes()]
    kept = decode_vectors(VectorFiles(Path("none")).codes(blobs, 4))
    assert (kept[0] == 0).all()
    assert np.allclose(kept[1], one, atol=2e-3)
    assert np.allclose(kept[2], one, atol=0.004)
    assert decode_vectors(VectorFiles(Path("none")).codes([], 4)).shape == (0, 4)


@pytest.mark.parametrize("kept", [[b"short"], [None], [0.5], ["text"], [7 << 32], [-1], [1 << 70], [b"four", 7 << 32]])
def test_what_is_no_vector_is_said_to_be_none(tmp_path, kept):
    with pytest.raises(IndexCorruptError, match="doctor --repair"):
        VectorFiles(tmp_path).codes(kept, 4)


def test_places_behind_the_end_and_vectors_of_another_length_are_refused(tmp_path):
    files = VectorFiles(tmp_path)
    np.save(files.path(3), np.arange(8, dtype=np.int8).reshape(2, 4))
    assert files.codes([place_of(3, 1), b"abcd"], 4).tolist() == [[4, 5, 6, 7], [97, 98, 99, 100]]
    for place, dimension in ((2, 4), (0, 5)):
        with pytest.raises(IndexCorruptError, match="doctor --repair"):
            files.codes([place_of(3, place)], dimension)
