"""Who is let in, how often, and from where: keys that come and go, closed archives, rates and other origins."""

from __future__ import annotations

import base64
import logging
import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from backissue.api.http.app import create_app
from backissue.api.http.auth import ApiKey, Scope, keys_in, new_key
from backissue.api.http.limiting import address_of
from backissue.api.http.settings import ServerSettings
from backissue.search.errors import InvalidArgumentError

READER_SECRET, READER = new_key("reader", Scope.READ)
WRITER_SECRET, WRITER = new_key("writer", Scope.WRITE)
CLOSED = ServerSettings(api_keys=(READER, WRITER), public_reading=False)
READING = ("/v1/search?q=Odra", "/v1/articles/pl-odra", "/v1/articles/pl-odra/similar", "/v1/stats", "/metrics", "/",
           "/?q=Odra", "/article/pl-odra")  # fmt: skip
OPEN = ("/health/live", "/health/ready", "/openapi.json", "/errors/not_found", "/static/page.css")


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


def change_file(path: Path, text: str, seconds: int) -> None:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (seconds, seconds))


class TestAClosedArchive:
    @pytest.fixture
    def closed(self, press_index: Path):
        with TestClient(create_app(press_index, CLOSED)) as client:
            yield client

    @pytest.mark.parametrize("address", READING)
    def test_reading_needs_a_key(self, closed: TestClient, address: str):
        refused = closed.get(address)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        assert "Kurier" not in refused.text
        for secret in (READER_SECRET, WRITER_SECRET):
            assert closed.get(address, headers=bearer(secret)).status_code == 200
            assert closed.get(address, headers={"X-API-Key": secret}).status_code == 200
            assert closed.get(address, headers=basic(secret)).status_code == 200
        for headers in (bearer("wrong-secret"), basic("wrong-secret"), {"Authorization": "Basic %%%"}):
            assert closed.get(address, headers=headers).status_code == 401

    @pytest.mark.parametrize("address", OPEN)
    def test_what_tells_nothing_of_the_archive_is_open(self, closed: TestClient, address: str):
        assert closed.get(address).status_code == 200

    def test_a_password_that_a_browser_keeps_changes_nothing(self, closed: TestClient):
        # Another page can make a browser send it along with a form.
        assert closed.post("/v1/articles", json={"text": "a"}, headers=basic(WRITER_SECRET)).status_code == 401
        assert closed.delete("/v1/articles/pl-odra", headers=basic(WRITER_SECRET)).status_code == 401

    def test_a_reader_cannot_write(self, closed: TestClient):
        refused = closed.post("/v1/articles", json={"text": "a"}, headers=bearer(READER_SECRET))
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")

    def test_without_any_key_a_closed_archive_is_closed_to_all(self, press_index: Path):
        with TestClient(create_app(press_index, ServerSettings(public_reading=False))) as client:
            assert client.get("/v1/stats", headers=bearer("anything-at-all")).status_code == 401


class TestAFileOfKeys:
    def test_keys_come_and_go_without_a_restart(self, press_index: Path, tmp_path: Path):
        path = tmp_path / "keys"
        old_secret, old = new_key("desk", Scope.READ)
        new_secret, new = new_key("desk", Scope.READ)
        change_file(path, f"# of the desk\n{old.to_text()}\n\n", 1000)
        settings = ServerSettings(public_reading=False, api_keys_file=str(path))

        def let_in(client: TestClient) -> list[bool]:
            return [client.get("/v1/stats", headers=bearer(one)).status_code == 200 for one in (old_secret, new_secret)]

        with TestClient(create_app(press_index, settings)) as client:
            assert let_in(client) == [True, False]
            change_file(path, f"{old.to_text()}\n{new.to_text()}\n", 2000)
            assert let_in(client) == [True, True]
            change_file(path, f"{new.to_text()}\n", 3000)
            assert let_in(client) == [False, True]

    @pytest.mark.parametrize("content", [b"too-short\n", b"desk:owner:00\n", b"\xff\xfe"])
    def test_a_file_that_went_wrong_lets_nobody_in_and_tells_the_log(
        self, press_index: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
    ):
        path = tmp_path / "keys"
        change_file(path, READER.to_text(), 1000)
        with TestClient(
            create_app(press_index, ServerSettings(public_reading=False, api_keys_file=str(path)))
        ) as client:
            assert client.get("/v1/stats", headers=bearer(READER_SECRET)).status_code == 200
            path.write_bytes(content)
            refused = client.get("/v1/stats", headers=bearer(READER_SECRET))
            assert refused.status_code == 503
            assert str(tmp_path) not in refused.text
            path.unlink()
            assert client.get("/v1/stats", headers=bearer(READER_SECRET)).status_code == 503
        assert "keys" in caplog.text

    def test_a_file_that_is_not_there_is_told_at_the_start(self, tmp_path: Path):
        with pytest.raises(
            InvalidArgumentError, match=r"BACKISSUE_API_KEYS_FILE: The file of API keys .*cannot be read"
        ):
            ServerSettings.from_env({"BACKISSUE_API_KEYS_FILE": str(tmp_path / "nowhere")})

    def test_a_new_key_is_written_as_it_is_read(self, tmp_path: Path):
        secret, key = new_key("desk-2@paper.example", Scope.ADMIN)
        (tmp_path / "keys").write_text(key.to_text())
        assert keys_in(tmp_path / "keys") == (key,)
        assert len(secret) >= 43
        assert ApiKey.from_text(key.to_text()).name == "desk-2@paper.example"
        for name in ("", "a:b", "a,b", "a b", "ą" * 61):
            with pytest.raises(InvalidArgumentError, match="no name"):
                new_key(name, Scope.READ)


class TestRates:
    def statuses(self, client: TestClient, count: int, **headers: str) -> list[int]:
        return [client.get("/v1/stats", headers=headers).status_code for _ in range(count)]

    def test_an_address_and_a_key_have_rates_of_their_own(self, press_index: Path):
        settings = ServerSettings(api_keys=(READER, WRITER), rate_per_address="2/hour", rate_per_key="3/hour")
        with TestClient(create_app(press_index, settings)) as client:
            assert self.statuses(client, 3) == [200, 200, 429]
            assert self.statuses(client, 4, **bearer(READER_SECRET)) == [200, 200, 200, 429]
            assert self.statuses(client, 1, **bearer(WRITER_SECRET)) == [200]
            assert self.statuses(client, 1, **bearer("a-key-that-is-none")) == [429], "a wrong key buys nothing"
            refused = client.get("/v1/search?q=a")
            assert (refused.json()["code"], refused.headers["Content-Type"]) == (
                "too_many_requests", "application/problem+json")  # fmt: skip
            assert 1 <= int(refused.headers["Retry-After"]) <= 3600
            assert "Content-Security-Policy" in refused.headers
            assert client.get("/health/live").status_code == 200

    def test_keys_cannot_be_guessed_at_will(self, press_index: Path):
        settings = ServerSettings(api_keys=(WRITER,), rate_of_wrong_keys="3/hour")
        with TestClient(create_app(press_index, settings)) as client:

            def guess(secret: str) -> int:
                return client.delete("/v1/articles/nothing", headers=bearer(secret)).status_code

            assert [guess(f"guess-{n}") for n in range(5)] == [401, 401, 401, 429, 429]
            assert guess(WRITER_SECRET) == 429, "not even the right one, or guessing would go on"
            assert client.get("/v1/stats").status_code == 200

    def test_keys_cannot_be_guessed_where_everyone_may_read(self, press_index: Path):
        settings = ServerSettings(api_keys=(WRITER,), rate_of_wrong_keys="3/hour")
        with TestClient(create_app(press_index, settings)) as client:
            for address in ("/v1/stats", "/", "/openapi.json"):
                assert client.get(address, headers=bearer("a-guess")).status_code == 200
            for secret in ("another-guess", WRITER_SECRET):
                refused = client.get("/v1/stats", headers=bearer(secret))
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
            assert client.get("/v1/stats").status_code == 200

    @pytest.mark.parametrize("rate", ["many", "10", "10/fortnight", "-1/minute"])
    def test_what_is_no_rate_is_told(self, rate: str):
        with pytest.raises(InvalidArgumentError, match=r"BACKISSUE_RATE_PER_KEY: .*no rate"):
            ServerSettings.from_env({"BACKISSUE_RATE_PER_KEY": rate})


def test_an_address_of_ipv6_is_that_of_its_network():
    def of(host: str) -> str:
        return address_of(HTTPConnection({"type": "http", "client": (host, 1), "headers": []}))

    assert of("2001:db8:1:2:3:4:5:6") == of("2001:db8:1:2:ffff::1") != of("2001:db8:1:3::1")
    assert of("::ffff:192.0.2.7") == of("192.0.2.7") != of("192.0.2.8")
    assert of("testclient") == "testclient"


class TestOtherOrigins:
    def test_none_may_read_answers_unless_it_is_named(self, press_index: Path):
        origin = {"Origin": "https://news.example"}
        asking = origin | {"Access-Control-Request-Method": "DELETE"}
        for settings in (ServerSettings(), ServerSettings(cors_origins=("https://other.example",))):
            with TestClient(create_app(press_index, settings)) as client:
                assert "access-control-allow-origin" not in client.get("/v1/stats", headers=origin).headers
                assert "access-control-allow-origin" not in client.options("/v1/articles/a", headers=asking).headers
        with TestClient(create_app(press_index, ServerSettings(cors_origins=("https://news.example",)))) as client:
            allowed = client.get("/v1/stats", headers=origin).headers
            assert allowed["access-control-allow-origin"] == "https://news.example"
            assert "access-control-allow-credentials" not in allowed


def test_no_key_is_logged(press_index: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with TestClient(create_app(press_index, CLOSED)) as client:
        for secret in (READER_SECRET, WRITER_SECRET, "a-secret-that-is-wrong"):
            for headers in (bearer(secret), basic(secret), {"X-API-Key": secret}):
                client.get("/v1/stats", headers=headers)
                client.post("/v1/articles", content=b"{", headers=headers)
    for secret in (READER_SECRET, WRITER_SECRET, "a-secret-that-is-wrong", READER.sha256, WRITER.sha256):
        assert secret not in caplog.text


def test_bodies_together_do_not_fill_the_memory(press_index: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("backissue.api.http.app.BODIES_AT_ONCE", 0.5)
    settings = ServerSettings(api_keys=(WRITER,), max_body_bytes=1000)
    headers = bearer(WRITER_SECRET) | {"Content-Type": "application/json"}
    with TestClient(create_app(press_index, settings)) as client:
        for _ in range(3):  # what a refused body held is free again
            refused = client.post("/v1/articles", content=b"x" * 800, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert client.post("/v1/articles", content=b"x" * 400, headers=headers).status_code == 400
