"""API keys: how they are written, and whom they let in."""

import pytest

from backissue.api.http.auth import ApiKey, Scope, authorise, hashed
from backissue.api.http.problems import ApiError
from backissue.search.errors import InvalidArgumentError

WRITER = ApiKey("desk", Scope.WRITE, hashed("the-secret-of-a-writer"))
ADMIN = ApiKey("chief", Scope.ADMIN, hashed("the-secret-of-an-admin"))
KEYS = (WRITER, ADMIN)


def refusal(keys: tuple[ApiKey, ...], secret: str | None, scope: Scope) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        authorise(keys, secret, scope)
    return caught.value.status_code, caught.value.code


def test_the_hash_is_plain_sha256():
    # printf %s abc | sha256sum
    assert hashed("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_key_opens_what_its_scope_reaches():
    assert authorise(KEYS, "the-secret-of-a-writer", Scope.WRITE) is WRITER
    assert authorise(KEYS, "the-secret-of-an-admin", Scope.WRITE) is ADMIN
    assert authorise(KEYS, "the-secret-of-an-admin", Scope.ADMIN) is ADMIN
    assert refusal(KEYS, "the-secret-of-a-writer", Scope.ADMIN) == (403, "forbidden")


@pytest.mark.parametrize("secret", [None, "", "the-secret-of-a-write", "the-secret-of-a-writer ", WRITER.sha256])
def test_anything_else_is_refused(secret: str | None):
    assert refusal(KEYS, secret, Scope.WRITE) == (401, "unauthorized")


def test_without_keys_writing_is_off_for_every_secret():
    assert refusal((), "the-secret-of-a-writer", Scope.WRITE) == (403, "writing_disabled")


def test_two_keys_of_one_name_let_a_secret_be_changed_without_a_gap():
    keys = (ApiKey("desk", Scope.WRITE, hashed("old-secret-of-desk")), ApiKey("desk", Scope.WRITE, hashed("new-one")))
    assert [authorise(keys, secret, Scope.WRITE).name for secret in ("old-secret-of-desk", "new-one")] == ["desk"] * 2


def test_a_plain_secret_is_kept_as_its_hash_only():
    key = ApiKey.from_text("sixteen-letters!", 2)
    assert key == ApiKey("key-2", Scope.ADMIN, hashed("sixteen-letters!"))
    assert "sixteen" not in repr(key)
    assert key.sha256 not in repr(key)


def test_a_key_is_written_as_it_is_read():
    assert ApiKey.from_text(WRITER.to_text()) == WRITER
    assert ApiKey.from_text(WRITER.to_text().upper().replace("DESK", "desk")) == WRITER


@pytest.mark.parametrize(
    "text",
    [
        "too-short",
        "desk:write",
        "desk:write:too-few-digits",
        f"desk:owner:{hashed('s3cret')}",
        f":write:{hashed('s3cret')}",
        f"desk:write:{hashed('s3cret')}:more",
    ],
)
def test_what_is_not_a_key_is_refused_without_being_repeated(text: str):
    with pytest.raises(InvalidArgumentError, match="API key 3") as caught:
        ApiKey.from_text(text, 3)
    assert text not in str(caught.value)
    assert hashed("s3cret") not in str(caught.value)
