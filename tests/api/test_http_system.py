"""The server about itself: health, jobs, metrics, statistics, its description and its headers."""

import gc
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from backissue.api.http.app import create_app
from backissue.api.http.problems import KINDS
from backissue.api.http.schemas import StatsShape
from backissue.search.archive import Archive


def finished(client: TestClient, address: str) -> dict[str, Any]:
    until_s = time.monotonic() + 20
    while (job := client.get(address).json())["ended"] is None:
        assert time.monotonic() < until_s, job
        time.sleep(0.01)
    return dict(job)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health(client: TestClient, press: Archive):
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = client.get("/health/ready").json()
    assert ready == {"status": "ready", "generation": press.stats()["generation"]}


def test_a_server_without_an_index_lives_and_becomes_ready_when_there_is_one(tmp_path: Path, press_index: Path):
    with TestClient(create_app(tmp_path / "index")) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        (tmp_path / "index").symlink_to(press_index)
        assert client.get("/health/ready").status_code == 200
        assert client.get("/v1/search", params={"q": "Odra"}).json()["total"] >= 1


def test_a_server_that_warms_up_starts_with_or_without_an_index(
    tmp_path: Path, press_index: Path, caplog: pytest.LogCaptureFixture
):
    with TestClient(create_app(press_index, warm_up=True)) as client:
        until_s = time.monotonic() + 20
        while (ready := client.get("/health/ready")).status_code == 503:
            assert ready.json()["detail"] == "The server is starting."
            assert time.monotonic() < until_s
        assert ready.status_code == 200
        assert gc.get_freeze_count() > 0
    assert not caplog.records
    with TestClient(create_app(tmp_path / "nowhere", warm_up=True)) as client:
        assert client.get("/health/live").status_code == 200
    assert "cannot be searched yet" in caplog.text


def test_stats_are_those_of_the_library_without_the_path(client: TestClient, press: Archive, press_index: Path):
    response = client.get("/v1/stats")
    StatsShape.model_validate_json(response.content)
    assert response.json() == {name: value for name, value in press.stats().items() if name != "path"}
    assert str(press_index) not in response.text
    assert response.json()["languages"] == {"de": 2, "en": 2, "pl": 2}


def test_a_rebuild_is_a_job_that_publishes_a_new_generation(editor: TestClient, admin: dict[str, str]):
    before = editor.get("/health/ready").json()["generation"]
    editor.headers.pop("Authorization")
    started = editor.post("/v1/rebuild", headers=admin)
    assert started.status_code == 202
    assert started.headers["Location"] == f"/v1/jobs/{started.json()['id']}"
    job = finished(editor, started.headers["Location"])
    assert (job["state"], job["error"], job["kind"]) == ("succeeded", None, "rebuild")
    after = editor.get("/health/ready").json()["generation"]
    assert after != before
    assert job["summary"]["generation"] == after
    assert editor.get("/v1/search", params={"q": "Odra"}).json()["hits"][0]["article"]["id"] == "pl-odra"


def test_a_rebuild_that_fails_says_so_in_the_job(editor: TestClient, admin: dict[str, str], own_index: Path):
    (own_index / "archive.db").unlink()
    editor.headers.pop("Authorization")
    job = finished(editor, editor.post("/v1/rebuild", headers=admin).headers["Location"])
    assert (job["state"], job["error"]["code"]) == ("failed", "index_not_found")
    assert str(own_index) not in job["error"]["detail"]


def test_metrics_count_requests_by_route_and_searches_by_mode(press_index: Path):
    with TestClient(create_app(press_index)) as client:
        client.get("/v1/articles/pl-odra")
        client.get("/v1/articles/pl/kim-1")
        client.get("/v1/articles/none")
        client.get("/v1/search", params={"q": "Odra", "mode": "lexical", "rerank": "off"})
        client.request("BREW", "/teapot")
        response = client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    found = samples(response.text)

    def requests(route: str, status: int, method: str = "GET") -> float:
        labels = (("method", method), ("route", route), ("status", str(status)))
        return found[("backissue_http_requests_total", labels)]

    assert requests("/v1/articles/{article_id:path}", 200) == 2
    assert requests("/v1/articles/{article_id:path}", 404) == 1
    assert requests("/v1/search", 200) == 1
    assert requests("unmatched", 404, "other") == 1
    assert found[("backissue_search_seconds_count", (("mode", "lexical"), ("rerank", "off")))] == 1
    assert found[("backissue_index_articles", ())] == 6
    assert found[("backissue_index_up", ())] == 1
    assert found[("backissue_index_bytes", (("part", "archive"),))] > 0


def test_metrics_are_there_when_the_index_is_not(tmp_path: Path):
    with TestClient(create_app(tmp_path / "nowhere")) as client:
        found = samples(client.get("/metrics").text)
    assert found[("backissue_index_up", ())] == 0
    assert ("backissue_index_articles", ()) not in found


def test_two_apps_in_one_process_count_apart(press_index: Path):
    with TestClient(create_app(press_index)) as one, TestClient(create_app(press_index)) as other:
        one.get("/health/live")
        labels = (("method", "GET"), ("route", "/health/live"), ("status", "200"))
        assert ("backissue_http_requests_total", labels) in samples(one.get("/metrics").text)
        assert ("backissue_http_requests_total", labels) not in samples(other.get("/metrics").text)


@pytest.mark.parametrize("code", sorted(KINDS))
def test_the_type_of_every_failure_leads_to_its_description(client: TestClient, code: str):
    body = client.get(f"/errors/{code}").json()
    assert body == {
        "type": f"/errors/{code}",
        "code": code,
        "status": KINDS[code].status,
        "title": KINDS[code].title,
    }


@pytest.mark.parametrize("path", ["/v1/search?q=Odra", "/health/live", "/openapi.json", "/none", "/"])
def test_every_response_has_the_security_headers(client: TestClient, path: str):
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers


def test_another_origin_is_given_nothing(client: TestClient):
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    response = client.options("/v1/articles", headers=headers)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


class TestOpenApi:
    """The description of the interface."""

    def test_every_route_is_described_with_a_tag_and_a_summary(self, client: TestClient):
        schema = client.get("/openapi.json").json()
        operations = {
            f"{method.upper()} {path}": operation
            for path, methods in schema["paths"].items()
            for method, operation in methods.items()
        }
        assert set(operations) == {
            "GET /v1/search",
            "POST /v1/search",
            "POST /v1/articles",
            "GET /v1/articles/{article_id}",
            "DELETE /v1/articles/{article_id}",
            "GET /v1/articles/{article_id}/similar",
            "POST /v1/rebuild",
            "GET /v1/jobs/{job_id}",
            "GET /v1/stats",
            "GET /health/live",
            "GET /health/ready",
            "GET /metrics",
            "GET /errors/{code}",
        }
        for operation in operations.values():
            assert operation["tags"]
            assert operation["description"]

    def test_failures_are_described_in_the_one_shape_only(self, client: TestClient):
        schema = client.get("/openapi.json").json()
        assert "HTTPValidationError" not in schema["components"]["schemas"]
        for methods in schema["paths"].values():
            for operation in methods.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        content = response["content"]["application/problem+json"]
                        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}

    def test_every_reference_leads_somewhere(self, client: TestClient):
        schema = client.get("/openapi.json").json()

        def references(node: Any) -> set[str]:
            if isinstance(node, dict):
                own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
                return own.union(*map(references, node.values()))
            return set().union(*map(references, node)) if isinstance(node, list) else set()

        schemas = schema["components"]["schemas"]
        for reference in references(schema):
            assert reference.removeprefix("#/components/schemas/") in schemas

    def test_changes_are_marked_as_needing_a_key_and_reading_is_not(self, client: TestClient):
        paths = client.get("/openapi.json").json()["paths"]
        assert paths["/v1/articles"]["post"]["security"] == [{"bearer": []}, {"key": []}]
        assert "security" not in paths["/v1/search"]["get"]

    def test_examples_are_requests_that_work(self, client: TestClient, editor: TestClient):
        paths = client.get("/openapi.json").json()["paths"]
        for example in paths["/v1/search"]["post"]["requestBody"]["content"]["application/json"]["examples"].values():
            assert client.post("/v1/search", json=example["value"]).status_code == 200
        bodies = paths["/v1/articles"]["post"]["requestBody"]["content"]
        assert editor.post("/v1/articles", json=bodies["application/json"]["example"]).status_code == 201
        lines = bodies["application/x-ndjson"]["example"].encode()
        response = editor.post("/v1/articles", content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert response.status_code == 200
