import threading

import numpy as np

from backissue.search.columns import COLUMN_NAMES, Columns, GrowingColumns
from backissue.search.growing import Growing


def test_what_is_put_behind_an_array_leaves_it_as_it_was():
    first = Growing(np.arange(3, dtype=np.int32))
    second = first.followed_by(np.array([3, 4], dtype=np.int32))
    third = second.followed_by(np.array([5], dtype=np.int32))
    assert first.values.tolist() == [0, 1, 2]
    assert second.values.tolist() == [0, 1, 2, 3, 4]
    assert third.values.tolist() == [0, 1, 2, 3, 4, 5]
    assert third.followed_by(np.zeros(0, dtype=np.int32)) is third


def test_nothing_is_copied_while_there_is_room():
    grown = Growing(np.zeros((0, 4), dtype=np.float32)).followed_by(np.ones((1, 4), dtype=np.float32))
    longer = grown.followed_by(np.full((9, 4), 2, dtype=np.float32))
    assert np.shares_memory(grown.values, longer.values)
    assert longer.values[:, 0].tolist() == [1] + 9 * [2]


def test_two_that_go_on_from_one_do_not_meet():
    first = Growing(np.zeros(0, dtype=np.int64)).followed_by(np.array([7]))
    one, other = first.followed_by(np.array([1, 2])), first.followed_by(np.array([3]))
    assert one.values.tolist() == [7, 1, 2]
    assert other.values.tolist() == [7, 3]
    assert not np.shares_memory(one.values, other.values)


def test_threads_that_go_on_from_one_get_what_is_theirs():
    first = Growing(np.zeros(0, dtype=np.int64)).followed_by(np.array([-1]))
    found: dict[int, list[int]] = {}

    def go_on(own: int) -> None:
        mine = first
        for _ in range(200):
            mine = mine.followed_by(np.array([own, own]))
        found[own] = mine.values.tolist()

    threads = [threading.Thread(target=go_on, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {own: [-1] + 400 * [own] for own in range(4)}


def test_a_type_that_is_too_narrow_is_left():
    narrow = Growing(np.array([1, 2], dtype=np.int16))
    assert narrow.followed_by(np.array([3], dtype=np.int16)).values.dtype == np.int16
    wide = narrow.followed_by(np.array([70_000], dtype=np.int32))
    assert wide.values.dtype == np.int32
    assert wide.values.tolist() == [1, 2, 70_000]


def columns(first: int, count: int) -> Columns:
    return Columns(*(np.arange(first, first + count, dtype=np.int64) for _ in COLUMN_NAMES))


def test_columns_keep_the_types_of_their_files(tmp_path):
    columns(0, 10).save(tmp_path)
    grown = GrowingColumns(Columns.open(tmp_path)).followed_by(columns(10, 5)).followed_by(columns(15, 1))
    assert len(grown.columns) == 16
    for name in COLUMN_NAMES:
        assert getattr(grown.columns, name).dtype == np.int16
        assert getattr(grown.columns, name).tolist() == list(range(16))
    assert grown.columns.positions(np.array([12, 99])).tolist() == [12, -1]
