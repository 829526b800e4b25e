"""The server's settings: one table that environment, defaults and documentation agree on."""

from dataclasses import fields

import pytest

from backissue.api.http.auth import ApiKey, Scope, hashed
from backissue.api.http.settings import ServerSettings, reference, variable
from backissue.search.errors import InvalidArgumentError

SECRET = "a-secret-of-enough-characters"


def test_an_empty_environment_gives_the_defaults():
    assert ServerSettings.from_env({}) == ServerSettings()


def test_every_setting_is_read_from_its_variable(tmp_path):
    key_file = tmp_path / "keys"
    key_file.write_text(f"desk:read:{hashed(SECRET)}\n")
    environ = {
        "BACKISSUE_API_KEYS": f"desk:write:{hashed(SECRET)}",
        "BACKISSUE_API_KEYS_FILE": str(key_file),
        "BACKISSUE_PUBLIC_READING": "no",
        "BACKISSUE_RATE_PER_KEY": "100/minute",
        "BACKISSUE_RATE_PER_ADDRESS": "10/second",
        "BACKISSUE_RATE_OF_WRONG_KEYS": "5/hour",
        "BACKISSUE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
        "BACKISSUE_CORS_ORIGINS": "https://news.example",
        "BACKISSUE_MAX_CONNECTIONS": "9",
        "BACKISSUE_CLIENT_SECONDS": "3",
        "BACKISSUE_UPLOAD_SECONDS": "33",
        "BACKISSUE_RERANKERS": "big-reranker, other/reranker",
        "BACKISSUE_MAX_CONCURRENT_SEARCHES": "2",
        "BACKISSUE_MAX_QUEUED_SEARCHES": "0",
        "BACKISSUE_MAX_SEARCH_SECONDS": "0.5",
        "BACKISSUE_SEARCH_BUDGET_MS": "250",
        "BACKISSUE_MAX_QUERY_CHARS": "100",
        "BACKISSUE_MAX_BODY_BYTES": "1000",
        "BACKISSUE_SHUTDOWN_SECONDS": "0",
    }
    assert set(environ) == {variable(field.name) for field in fields(ServerSettings)}
    assert ServerSettings.from_env(environ) == ServerSettings(
        api_keys=(ApiKey("desk", Scope.WRITE, hashed(SECRET)),),
        api_keys_file=str(key_file),
        public_reading=False,
        rate_per_key="100/minute",
        rate_per_address="10/second",
        rate_of_wrong_keys="5/hour",
        trusted_proxies=("127.0.0.1", "10.0.0.0/8"),
        cors_origins=("https://news.example",),
        max_connections=9,
        client_seconds=3.0,
        upload_seconds=33.0,
        rerankers=("big-reranker", "other/reranker"),
        max_concurrent_searches=2,
        max_queued_searches=0,
        max_search_seconds=0.5,
        search_budget_ms=250.0,
        max_query_chars=100,
        max_body_bytes=1000,
        shutdown_seconds=0,
    )


def test_settings_travel_to_workers_through_the_environment_without_secrets():
    settings = ServerSettings.from_env({"BACKISSUE_API_KEYS": SECRET, "BACKISSUE_MAX_QUERY_CHARS": "7"})
    environ = settings.to_env()
    assert ServerSettings.from_env(environ) == settings
    assert SECRET not in str(environ)


def test_the_reference_names_every_setting_with_its_default_and_help():
    documented = reference()
    assert [name for name, _, _ in documented] == [variable(field.name) for field in fields(ServerSettings)]
    assert {name: default for name, default, _ in documented}["BACKISSUE_MAX_QUERY_CHARS"] == "2000"
    assert all(text.endswith(".") for _, _, text in documented)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BACKISSUE_MAX_BODY_BYTES", "32 MB", "BACKISSUE_MAX_BODY_BYTES is '32 MB'; it must be a whole number."),
        ("BACKISSUE_MAX_SEARCH_SECONDS", "soon", "BACKISSUE_MAX_SEARCH_SECONDS is 'soon'; it must be a number."),
        ("BACKISSUE_MAX_SEARCH_SECONDS", "nan", "BACKISSUE_MAX_SEARCH_SECONDS is nan; it must be 0.001 or more."),
        ("BACKISSUE_MAX_CONCURRENT_SEARCHES", "0", "BACKISSUE_MAX_CONCURRENT_SEARCHES is 0; it must be 1 or more."),
        ("BACKISSUE_API_KEY", SECRET, "BACKISSUE_API_KEY is not a setting. Did you mean BACKISSUE_API_KEYS?"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_do(name: str, value: str, said: str):
    with pytest.raises(InvalidArgumentError) as caught:
        ServerSettings.from_env({name: value})
    assert str(caught.value) == said


def test_variables_of_other_parts_are_not_this_ones_business():
    assert ServerSettings.from_env({"BACKISSUE_INDEX": "/somewhere", "PATH": "/bin"}) == ServerSettings()
