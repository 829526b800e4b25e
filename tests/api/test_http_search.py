"""Asking over HTTP gives what the library gives."""

from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backissue.api.http.schemas import ResultsShape
from backissue.search.archive import Archive
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
