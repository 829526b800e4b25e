import numpy as np
import pytest

from backissue.indexer.forward import ForwardWriter
from backissue.search.analysis import hash_of_term
from backissue.search.errors import IndexCorruptError
from backissue.search.forward import HASH_BITS, Forward

KEYS = [["pl:rakiet", "pl:most", "pl:rakiet"], [], ["en:bridg"]]


@pytest.fixture
def folder(tmp_path):
    with ForwardWriter(tmp_path / "forward", vocabulary=1 << 16) as forward:
        for keys in KEYS:
            terms = np.array([hash_of_term(key) for key in keys], dtype=np.uint32)
            tokens = np.arange(2 * len(keys), dtype=np.int32)
            forward.append(terms, tokens, np.array([[len(keys), min(len(keys), 1), len(tokens)]]))
    return tmp_path / "forward"


def test_passages_read_back_as_they_were_written(folder):
    forward = Forward.open(folder, 3)
    starts = forward.term_starts
    for number, keys in enumerate(KEYS):
        kept = forward.terms[starts[number] : starts[number + 1]] & HASH_BITS
        assert kept.tolist() == [hash_of_term(key) for key in keys]
    assert forward.title_terms.tolist() == [1, 0, 1]
    assert (folder / "terms.npy").stat().st_size == 128 + 4 * 3 + 1  # one is read with the last


def test_an_empty_index_and_a_cut_one(tmp_path, folder):
    with ForwardWriter(tmp_path / "empty", vocabulary=1 << 16):
        pass
    assert len(Forward.open(tmp_path / "empty", 0).terms) == 0
    np.save(folder / "terms.npy", np.zeros(4, dtype=np.uint8))
    with pytest.raises(IndexCorruptError, match="not of 3 passages"):
        Forward.open(folder, 3)
