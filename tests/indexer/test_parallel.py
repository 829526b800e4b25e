import os

import pytest

from backissue.indexer import Indexer, parallel
from backissue.indexer.parallel import mapped, workers
from backissue.search import Archive, Article


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(parallel, "_cores", lambda: 2)


def test_the_order_is_kept_and_other_processes_do_the_work(two_cores):
    with workers():
        results = list(mapped(abs, range(-40, 0)))
        groups = set(mapped(os.getpgid, [0] * 10))
    assert results == list(range(40, 0, -1))
    assert os.getpgid(0) not in groups


def test_no_more_is_read_than_is_under_way(two_cores):
    read = []

    def items():
        for number in range(100):
            read.append(number)
            yield number

    with workers():
        results = mapped(abs, items())
        for _ in range(5):
            next(results)
        assert len(read) <= 5 + 2 * parallel.AHEAD + 1
        results.close()


def test_outside_of_the_context_it_is_map():
    assert list(mapped(os.getpgid, [0] * 10)) == [os.getpgid(0)] * 10


def test_an_error_is_raised_where_the_work_was_asked_for(two_cores):
    with workers(), pytest.raises(TypeError):
        list(mapped(abs, [*range(20), "not a number"]))


def test_what_a_process_that_ended_had_to_do_is_done_here(two_cores):
    with workers():
        results = mapped(abs, iter(range(30)))
        taken = [next(results) for _ in range(4)]
        for worker in parallel._pool._workers:
            worker._process.kill()
        assert taken + list(results) == list(range(30))


def test_an_index_is_the_same_however_many_processes_build_it(tmp_path, monkeypatch):
    articles = [
        Article(id=str(n), lang="en", title=f"Ship {n}", text=f"The ship number {n} left port. " * (n % 7 + 1))
        for n in range(1200)
    ]
    found = []
    for cores in (1, 2):
        monkeypatch.setattr(parallel, "_cores", lambda cores=cores: cores)
        Indexer(tmp_path / str(cores)).rebuild(articles)
        with Archive.open(tmp_path / str(cores)) as archive:
            hits = archive.search("ship 77 in port").hits
            found.append([(hit.article.id, round(hit.score, 6), hit.answer) for hit in hits])
    assert found[0] == found[1]
