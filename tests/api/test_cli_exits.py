from __future__ import annotations

import pytest

from backissue.api.cli.exits import MEANINGS, Exit, exit_of, exits_help
from backissue.search import errors


def _all_errors() -> list[type[errors.BackissueError]]:
    return errors.BackissueError.__subclasses__()


def test_each_error_has_an_exit_code_of_its_own_meaning() -> None:
    assert {error.code: exit_of(error.code).value for error in _all_errors()} == {
        "index_not_found": 3,
        "index_corrupt": 3,
        "format_version": 3,
        "model_mismatch": 3,
        "index_locked": 3,
        "storage": 3,
        "cancelled": 130,
        "article_not_found": 1,
        "invalid_argument": 2,
        "unreadable": 4,
        "missing_extra": 5,
    }


@pytest.mark.parametrize("code", ["error", "something_new"])
def test_other_errors_are_unexpected(code: str) -> None:
    assert exit_of(code) is Exit.UNEXPECTED


def test_each_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(Exit)
    lines = exits_help().splitlines()
    assert lines[1] == "    0  done, or found"
    assert lines[-1] == "  141  the reader of the output went away"
