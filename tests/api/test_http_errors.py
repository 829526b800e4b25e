"""Every origin of failure speaks in the one shape of RFC 9457."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backissue.api.http.app import create_app
from backissue.api.http.auth import ApiKey, Scope, hashed
from backissue.api.http.middleware import SECURITY_HEADERS
from backissue.api.http.problems import CODE_OF_STATUS, KINDS
from backissue.api.http.settings import ServerSettings
from backissue.indexer.lock import locked
from backissue.search import errors
from backissue.search.archive import Archive
from backissue.search.layout import IndexPaths

JSON = {"Content-Type": "application/json"}


def assert_problem(response: Any, code: str, *, detail: str = "") -> dict[str, Any]:
    kind = KINDS[code]
    assert response.status_code == kind.status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code", "instance"}
    assert (body["type"], body["title"], body["status"], body["code"]) == (
        f"/errors/{code}",
        kind.title,
        kind.status,
        code,
    )
    assert body["instance"].startswith("/")
    assert detail in body["detail"]
    assert "Traceback" not in response.text
    assert ("Retry-After" in response.headers) == (kind.status in (429, 503))
    for name in SECURITY_HEADERS:
        assert name in response.headers
    return body


def test_every_error_of_the_library_has_a_kind():
    raised = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.BackissueError)]
    assert {one.code for one in raised} <= set(KINDS)
    assert set(CODE_OF_STATUS.values()) <= set(KINDS)


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("", "q", "Field required"),
        ("q=x&k=0", "k", "greater than or equal to 1"),
        ("q=x&k=101", "k", "less than or equal to 100"),
        ("q=x&k=many", "k", "valid integer"),
        ("q=x&offset=-1", "offset", "greater than or equal to 0"),
        ("q=x&mode=magic", "mode", "'hybrid', 'lexical' or 'semantic'"),
        ("q=x&sort=size", "sort", "'relevance' or 'date'"),
        ("q=x&after=yesterday", "after", "a date like 2023, 2023-09 or 2023-09-13"),
        ("q=x&before=2023-13", "before", "a date like 2023, 2023-09 or 2023-09-13"),
        ("q=x&recency_days=nan", "recency_days", "finite number"),
        ("q=x&recency_days=0", "recency_days", "greater than 0"),
        ("q=x&langs=pl", "langs", "There is no such parameter"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(client: TestClient, query: str, field: str, said: str):
    body = assert_problem(client.get(f"/v1/search?{query}"), "invalid_request", detail=said)
    assert [error["field"] for error in body["errors"]] == [field]
    assert body["errors"][0]["location"] == "query"


def test_all_wrong_parameters_are_told_at_once(client: TestClient):
    response = client.post("/v1/search", json={"q": "x", "k": 0, "lang": "pl", "nonsense": 1})
    body = assert_problem(response, "invalid_request")
    assert {(error["location"], error["field"]) for error in body["errors"]} == {
        ("body", "k"),
        ("body", "lang"),
        ("body", "nonsense"),
    }


@pytest.mark.parametrize("content", [b"{", b"", b"\xff", b'{"q": "x"} and more', b"[" * 50_000])
def test_a_body_that_is_not_json(client: TestClient, content: bytes):
    response = client.post("/v1/search", content=content, headers=JSON)
    assert response.status_code in (400, 422)
    assert_problem(response, response.json()["code"])


@pytest.mark.parametrize("content", [b"[]", b'"x"', b"7", b"null"])
def test_a_body_that_is_no_object(client: TestClient, content: bytes):
    assert_problem(client.post("/v1/search", content=content, headers=JSON), "invalid_request")


def test_a_question_that_is_too_long(client: TestClient):
    assert_problem(client.get("/v1/search", params={"q": "x" * 2001}), "query_too_long", detail="2,001")


def test_a_reranker_that_the_operator_did_not_name_is_never_loaded(client: TestClient):
    response = client.get("/v1/search", params={"q": "x", "rerank": "../../etc/model"})
    assert_problem(response, "invalid_argument", detail="this server offers fast, ")


def test_what_cannot_be_run_here_is_not_offered(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("backissue.search.deep.find_spec", lambda name: None)
    response = client.get("/v1/search", params={"q": "x", "rerank": "deep"})
    assert_problem(response, "invalid_argument", detail="this server offers fast, off, not 'deep'")


def test_an_unknown_address(client: TestClient):
    assert_problem(client.get("/v2/search"), "not_found", detail="/v2/search")
    assert_problem(client.get("/v1/search/"), "not_found")
    assert_problem(client.get("/static/none.js"), "not_found")
    assert_problem(client.get("/docs"), "not_found")


def test_the_instance_is_an_address_whatever_was_asked_for(client: TestClient):
    body = assert_problem(client.get("/v1/%C5%82 %22%3Cb%3E"), "not_found")
    assert body["instance"] == "/v1/%C5%82%20%22%3Cb%3E"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/search"), ("DELETE", "/v1/search"), ("GET", "/v1/rebuild"), ("POST", "/metrics")]
)
def test_a_method_that_is_not_there(client: TestClient, method: str, path: str):
    response = client.request(method, path)
    assert_problem(response, "method_not_allowed", detail=method)
    assert response.headers["Allow"]


def test_an_unknown_article_and_job(client: TestClient):
    assert_problem(client.get("/v1/articles/none"), "article_not_found", detail="'none'")
    assert_problem(client.get("/v1/articles/none/similar"), "article_not_found")
    assert_problem(client.get("/v1/jobs/none"), "job_not_found")
    assert_problem(client.get("/errors/none"), "not_found")


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}, {}])
def test_a_body_of_another_type(client: TestClient, editor: TestClient, headers: dict[str, str]):
    assert_problem(client.post("/v1/search", content=b"{}", headers=headers), "unsupported_media_type")
    assert_problem(editor.post("/v1/articles", content=b"{}", headers=headers), "unsupported_media_type")


def test_a_compressed_body(editor: TestClient):
    headers = JSON | {"Content-Encoding": "gzip"}
    assert_problem(editor.post("/v1/articles", content=b"\x1f\x8b", headers=headers), "unsupported_media_type")


def test_a_body_that_is_too_large_declared_or_not(own_index: Path):
    secret = "secret-of-the-writer"
    settings = ServerSettings(api_keys=(ApiKey("w", Scope.WRITE, hashed(secret)),), max_body_bytes=100)
    with TestClient(create_app(own_index, settings), headers={"X-API-Key": secret} | JSON) as client:
        chunks: Callable[[], Iterator[bytes]] = lambda: iter([b" " * 60, b" " * 60])  # noqa: E731
        assert_problem(client.post("/v1/articles", content=b" " * 101), "body_too_large", detail="100 bytes")
        assert_problem(client.post("/v1/articles", content=chunks()), "body_too_large")
        assert_problem(client.post("/v1/search", content=b" " * 70_000), "body_too_large", detail="65,536")
        assert_problem(client.post("/v1/search", content=iter([b" " * 40_000] * 2)), "body_too_large")


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"{", "malformed_json", "not JSON"),
        (b"\xff", "malformed_json", "byte 0 is not UTF-8"),
        (b"[" * 100_000, "malformed_json", "nested too deeply"),
        (b"[]", "article_rejected", "send several as application/x-ndjson"),
        (b"{}", "article_rejected", "no field holds the text"),
        (b'{"text": " "}', "article_rejected", "no text"),
    ],
)
def test_an_article_that_cannot_be_added(editor: TestClient, body: bytes, code: str, said: str):
    assert_problem(editor.post("/v1/articles", content=body, headers=JSON), code, detail=said)


def test_changes_need_a_key(editor: TestClient, admin: dict[str, str]):
    def without_key(method: str, path: str, **headers: str) -> Any:
        request = editor.build_request(method, path, json={"text": "A zeppelin."})
        del request.headers["Authorization"]
        request.headers.update(headers)
        return editor.send(request)

    changes = (("POST", "/v1/articles"), ("DELETE", "/v1/articles/pl-odra"), ("POST", "/v1/rebuild"))
    for method, path in changes:
        missing = without_key(method, path)
        assert_problem(missing, "unauthorized")
        assert missing.headers["WWW-Authenticate"].startswith("Bearer")
        wrong = without_key(method, path, Authorization="Bearer not-one-of-them")
        assert_problem(wrong, "unauthorized")
        assert "not-one-of-them" not in wrong.text
        assert_problem(without_key(method, path, Authorization="Basic c2VjcmV0"), "unauthorized")
    assert_problem(editor.post("/v1/rebuild"), "forbidden", detail="admin is needed")
    assert without_key("DELETE", "/v1/articles/pl-odra", **admin).status_code == 200


def test_without_a_key_configured_nothing_can_be_changed(client: TestClient):
    assert_problem(client.post("/v1/articles", json={}), "writing_disabled", detail="BACKISSUE_API_KEYS")
    assert_problem(client.delete("/v1/articles/pl-odra"), "writing_disabled")
    response = client.post("/v1/rebuild", headers={"Authorization": "Bearer anything"})
    assert_problem(response, "writing_disabled")


def test_another_writer_at_work(own_index: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("backissue.api.http.service.LOCK_WAIT_SECONDS", 0.0)
    secret = "secret-of-the-writer"
    settings = ServerSettings(api_keys=(ApiKey("w", Scope.WRITE, hashed(secret)),))
    with (
        TestClient(create_app(own_index, settings), headers={"X-API-Key": secret}) as client,
        locked(IndexPaths(own_index).lock, "rebuild", 0.0),
    ):
        assert_problem(client.post("/v1/articles", json={"text": "A zeppelin."}), "index_locked", detail="rebuild")
        assert client.get("/v1/search", params={"q": "Odra"}).status_code == 200


def test_no_index_is_said_without_saying_where(tmp_path: Path):
    with TestClient(create_app(tmp_path / "nowhere")) as client:
        for path in ("/v1/search?q=x", "/v1/articles/x", "/v1/articles/x/similar", "/v1/stats"):
            response = client.get(path)
            assert_problem(response, "index_not_found")
            assert "nowhere" not in response.text


def test_a_damaged_index_is_said_without_saying_where(own_index: Path, caplog: pytest.LogCaptureFixture):
    for manifest in own_index.glob("generations/*/manifest.json"):
        manifest.write_text("{}", encoding="utf-8")
    with TestClient(create_app(own_index)) as client:
        response = client.get("/v1/search?q=x")
        assert_problem(response, "index_corrupt", detail="log")
    assert str(own_index) not in response.text
    assert "manifest.json" in caplog.text


def test_an_index_of_another_version(own_index: Path):
    for path in own_index.glob("generations/*/manifest.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 999}))
    with TestClient(create_app(own_index)) as client:
        assert_problem(client.get("/v1/search?q=x"), "format_version")


def test_what_nobody_expected(own_index: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the server")

    monkeypatch.setattr(Archive, "article", fail)
    with TestClient(create_app(own_index)) as client:
        response = client.get("/v1/articles/pl-odra")
        assert_problem(response, "internal_error")
        assert client.get("/v1/search?q=Odra").status_code == 200, "the server goes on"
    assert "secret" not in response.text
    assert "a secret of the server" in caplog.text


def test_a_full_queue_and_a_search_that_takes_too_long(own_index: Path, monkeypatch: pytest.MonkeyPatch):
    release = threading.Event()
    monkeypatch.setattr(Archive, "article", lambda *_: release.wait(5))
    settings = ServerSettings(max_concurrent_searches=1, max_queued_searches=0, max_search_seconds=0.05)
    with TestClient(create_app(own_index, settings)) as client:
        assert_problem(client.get("/v1/articles/slow"), "timed_out", detail="0.05 seconds")
        assert_problem(client.get("/v1/search?q=x"), "overloaded", detail="Come back")
        assert_problem(client.get("/health/ready"), "not_ready")
        assert client.get("/health/live").status_code == 200
        release.set()


def test_an_index_that_vanishes_makes_the_server_not_ready(own_index: Path):
    with TestClient(create_app(own_index)) as client:
        assert client.get("/health/ready").status_code == 200
        shutil.rmtree(own_index)
        assert_problem(client.get("/health/ready"), "not_ready", detail="index_not_found")
        assert client.get("/health/live").status_code == 200


def test_a_database_that_is_not_one(own_index: Path):
    with TestClient(create_app(own_index)) as client:
        for path in own_index.glob("archive.db*"):
            path.unlink()
        (own_index / "archive.db").write_bytes(b"not a database" * 100)
        with pytest.raises(sqlite3.DatabaseError):
            sqlite3.connect(own_index / "archive.db").execute("SELECT * FROM articles")
        assert_problem(client.get("/v1/search?q=x"), "index_corrupt")
