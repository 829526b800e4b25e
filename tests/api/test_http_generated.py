"""Requests that are made from the server's own description: none makes it fail, and every answer is as described.

`BACKISSUE_EXAMPLES` asks for more of them for each operation.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backissue.api.http.app import create_app
from backissue.api.http.auth import Scope, new_key
from backissue.api.http.settings import ServerSettings

EXAMPLES = int(os.environ.get("BACKISSUE_EXAMPLES", "12"))
MANY_EXAMPLES = int(os.environ.get("BACKISSUE_MANY_EXAMPLES", "2500"))
SECRET, KEY = new_key("admin", Scope.ADMIN)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


WAYS = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="module")
def operations(press_index: Path, tmp_path_factory: pytest.TempPathFactory) -> list[APIOperation]:
    index = Path(shutil.copytree(press_index, tmp_path_factory.mktemp("generated") / "index"))
    app = create_app(index, ServerSettings(api_keys=(KEY,), max_search_seconds=300))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations()]


def ask_of_each(operations: list[APIOperation], examples: int, *, is_random: bool) -> int:
    asked = 0
    for operation in operations:

        @settings(WAYS, max_examples=examples, derandomize=not is_random)
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            nonlocal asked
            asked += 1
            response = case.call(headers={"X-API-Key": SECRET}, timeout=300)
            case.validate_response(response, checks=list(CHECKS))

        ask()
    return asked


def test_every_answer_is_as_described(operations: list[APIOperation]):
    assert len(operations) >= 12
    assert ask_of_each(operations, EXAMPLES, is_random=False) >= EXAMPLES


@pytest.mark.slow
def test_every_one_of_tens_of_thousands_of_answers_is_as_described(operations: list[APIOperation]):
    asked = ask_of_each(operations, MANY_EXAMPLES, is_random=True)
    print(f"{asked} requests")
    assert asked >= 4 * MANY_EXAMPLES
