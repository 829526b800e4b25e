"""Asking over HTTP gives what the library gives."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from backissue.api.http.app import create_app
from backissue.api.http.problems import ApiError
from backissue.api.http.schemas import ResultsShape
from backissue.api.http.service import Service
from backissue.api.http.settings import ServerSettings
from backissue.search.archive import Archive
from backissue.search.errors import SearchCancelledError
from backissue.search.types import Filter, Results

QUESTION = "what does North Korea get in return"


def untimed(results: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in results.items() if name != "took_ms"}


def same(response: Any, results: Results) -> bool:
    assert response.status_code == 200, response.text
    assert untimed(response.json()) == untimed(results.to_dict())
    return True


def found(response: Any) -> set[str]:
    assert response.status_code == 200, response.text
    return {hit["article"]["id"] for hit in response.json()["hits"]}


@pytest.mark.parametrize(
    ("params", "arguments"),
    [
        ({}, {}),
        ({"k": 2, "offset": 1}, {"k": 2, "offset": 1}),
        ({"mode": "lexical", "rerank": "off"}, {"mode": "lexical", "rerank": "off"}),
        ({"mode": "semantic", "passages": 1}, {"mode": "semantic", "passages": 1}),
        ({"sort": "date", "recency_days": 30.5}, {"sort": "date", "recency_days": 30.5}),
        ({"lang": ["pl", "de"]}, {"filter": Filter(langs=("pl", "de"))}),
        ({"source": "elbkurier", "section": "welt"}, {"filter": Filter(sources=("elbkurier",), sections=("welt",))}),
        ({"author": "lis"}, {"filter": Filter(authors=("lis",))}),
        ({"after": "2023", "before": "2024"}, {"filter": Filter(after=date(2023, 1, 1), before=date(2024, 1, 1))}),
        ({"after": "2023-11"}, {"filter": Filter(after=date(2023, 11, 1))}),
        ({"before": "2023-09-19"}, {"filter": Filter(before=date(2023, 9, 19))}),
        ({"explain": False}, {"explain": False}),
    ],
)
def test_every_parameter_does_what_it_does_in_the_library(
    client: TestClient, press: Archive, params: dict[str, Any], arguments: dict[str, Any]
):
    expected = press.search(QUESTION, **arguments)
    assert same(client.get("/v1/search", params={"q": QUESTION, **params}), expected)
    lists = {name: [value] for name, value in params.items() if name in ("source", "section", "author")}
    assert same(client.post("/v1/search", json={"q": QUESTION, **params, **lists}), expected)


def test_the_answer_comes_from_another_language(client: TestClient):
    first = client.get("/v1/search", params={"q": QUESTION, "lang": "pl"}).json()["hits"][0]
    assert first["article"]["id"] == "pl/kim-1"
    assert "W zamian" in first["answer"]["text"]


def test_filters_keep_what_they_say(client: TestClient):
    def ask(**params: Any) -> set[str]:
        return found(client.get("/v1/search", params={"q": QUESTION, "mode": "semantic", **params}))

    assert ask(lang="pl") <= {"pl/kim-1", "pl-odra"}
    assert "pl/kim-1" in ask(author="anna lis")
    assert ask(author="anna lis") == {"pl/kim-1"}
    assert ask(after="2023-11", before="2023-12") == {"de-satellit"}


def test_the_parameters_agree_with_the_query_syntax(client: TestClient):
    by_syntax = client.get("/v1/search", params={"q": f"{QUESTION} lang:pl after:2023-09"}).json()
    by_parameter = client.get("/v1/search", params={"q": QUESTION, "lang": "pl", "after": "2023-09"}).json()
    assert by_syntax["hits"] == by_parameter["hits"]
    assert by_syntax["facets"] == by_parameter["facets"]


def test_the_response_is_as_documented(client: TestClient):
    response = client.get("/v1/search", params={"q": QUESTION})
    shape = ResultsShape.model_validate_json(response.content, strict=False)
    assert shape.hits
    assert shape.query == QUESTION


@pytest.mark.parametrize(
    "question",
    ["", " ", "?!*", '"', "-", "AND OR NOT", "a:b:c", "\x00", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x" * 2000, "(" * 500],
)
def test_no_question_is_an_error(client: TestClient, question: str):
    assert client.get("/v1/search", params={"q": question}).status_code == 200
    assert client.post("/v1/search", json={"q": question}).status_code == 200


def test_half_a_surrogate_pair_is_an_error_of_the_client_and_not_of_the_server(client: TestClient):
    response = client.post("/v1/search", content=b'{"q": "\\ud800"}', headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 422)


def test_json_of_any_declared_charset_parameter_is_taken(client: TestClient):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/search", content=b'{"q": "Odra"}', headers=headers).status_code == 200


@pytest.mark.parametrize("budget", [0, -1, "nan", "inf", "soon", 1e9])
def test_a_budget_that_is_none_is_an_error_of_the_client(client: TestClient, budget: object):
    response = client.get("/v1/search", params={"q": QUESTION, "budget_ms": budget})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "budget_ms"


def test_what_there_is_no_time_for_is_left_out_and_named(client: TestClient):
    late = client.get("/v1/search", params={"q": QUESTION, "budget_ms": 1e-6}).json()
    assert late["left_out"] == ["rerank", "answers"]
    assert late["hits"]
    assert not any(hit["answer"] for hit in late["hits"])
    assert ResultsShape.model_validate(late).left_out == late["left_out"]
    assert "left_out" not in client.get("/v1/search", params={"q": QUESTION, "budget_ms": 60_000}).json()


def test_the_servers_budget_bounds_that_of_the_client_and_the_page_says_what_is_missing(press_index: Path):
    with TestClient(create_app(press_index, ServerSettings(search_budget_ms=1e-6))) as busy:
        for asked in ({}, {"budget_ms": 60_000}):
            assert busy.get("/v1/search", params={"q": QUESTION, **asked}).json()["left_out"] == ["rerank", "answers"]
        page = busy.get("/", params={"q": QUESTION}).text
        assert "There was no time to reread the best passages and to find the answers in them." in page
        assert "no time" not in busy.get("/", params={"lang": "pl"}).text


def test_a_search_whose_client_has_gone_stops_and_gives_its_place_back(press_index: Path, tmp_path: Path):
    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def scenario() -> list[str]:
        service = Service(press_index, ServerSettings(), tmp_path)
        await service.warm_up()
        outcomes = []
        for _ in range(3):
            request = Request({"type": "http"}, receive=leaves)
            try:
                await service.search(request, " ".join([QUESTION] * 50))
            except (ApiError, SearchCancelledError) as error:
                outcomes.append(error.code)
        while service.searches_inside:
            await asyncio.sleep(0.001)
        service.close()
        return outcomes

    assert asyncio.run(scenario()) == ["cancelled"] * 3
