"""Reading, adding and deleting articles over HTTP."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi.testclient import TestClient

from backissue.api.http.schemas import ResultsShape
from backissue.indexer.readers import read
from backissue.search.archive import Archive
from backissue.search.types import Article, article_to_dict

NDJSON = {"Content-Type": "application/x-ndjson"}


def address(article_id: str) -> str:
    return f"/v1/articles/{quote(article_id, safe='')}"


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def top(client: TestClient, question: str) -> str | None:
    hits = client.get("/v1/search", params={"q": question, "mode": "lexical"}).json()["hits"]
    return hits[0]["article"]["id"] if hits else None


def test_every_article_is_read_as_the_library_reads_it(
    client: TestClient, press: Archive, press_articles: tuple[Article, ...]
):
    for article in press_articles:
        response = client.get(address(article.id))
        assert response.status_code == 200
        assert response.json() == article_to_dict(press.article(article.id)) == article_to_dict(article)


def test_a_slash_in_an_id_needs_no_encoding(client: TestClient):
    assert client.get("/v1/articles/pl/kim-1").json()["id"] == "pl/kim-1"


def test_similar_articles_are_those_of_the_library(client: TestClient, press: Archive):
    response = client.get("/v1/articles/pl/kim-1/similar", params={"k": 3, "lang": ["en", "de"]})
    assert response.status_code == 200
    ResultsShape.model_validate_json(response.content)
    hits = response.json()["hits"]
    assert {hit["article"]["lang"] for hit in hits} <= {"en", "de"}
    everywhere = client.get(address("pl/kim-1") + "/similar").json()
    assert everywhere["hits"] == press.similar("pl/kim-1").to_dict()["hits"]
    assert everywhere["query"] == "Kim wraca z Rosji. Co dostanie w zamian"


def test_an_id_may_itself_end_in_similar(editor: TestClient):
    for article_id in ("a", "a/similar"):
        editor.post("/v1/articles", json={"id": article_id, "text": f"Article {article_id} about zeppelins."})
    assert editor.get("/v1/articles/a%2Fsimilar").json()["id"] == "a/similar"
    assert "hits" in editor.get("/v1/articles/a/similar").json()
    assert "hits" in editor.get("/v1/articles/a%2Fsimilar/similar").json()


def test_an_added_article_is_found_at_once(editor: TestClient):
    assert top(editor, "zeppelin") is None
    response = editor.post("/v1/articles", json={"id": "z 1/2", "title": "Air", "text": "A zeppelin crossed the sea."})
    assert response.status_code == 201
    assert response.json()["ids"] == ["z 1/2"]
    assert response.json()["added"] == 1
    assert response.headers["Location"] == "/v1/articles/z%201%2F2"
    assert editor.get(response.headers["Location"]).json()["title"] == "Air"
    assert top(editor, "zeppelin") == "z 1/2"


def test_the_same_again_changes_nothing_and_another_text_replaces(editor: TestClient):
    record = {"id": "z", "text": "A zeppelin crossed the sea."}
    statuses = [editor.post("/v1/articles", json=record).status_code for _ in range(2)]
    assert statuses == [201, 200]
    changed = editor.post("/v1/articles", json=record | {"text": "A submarine crossed the sea."})
    assert (changed.status_code, changed.json()["updated"]) == (200, 1)
    assert top(editor, "zeppelin") is None
    assert top(editor, "submarine") == "z"


def test_an_article_without_id_gets_one_from_its_content(editor: TestClient):
    first, second = (editor.post("/v1/articles", json={"text": "A zeppelin crossed the sea."}).json() for _ in range(2))
    assert first["ids"] == second["ids"] != [""]
    assert (first["added"], second["unchanged"]) == (1, 1)


def test_a_posted_article_is_what_the_same_record_in_a_file_is(editor: TestClient, tmp_path: Path):
    record = {
        "headline": "  Statek   powietrzny ",
        "body": "Sterowiec przeleciał\u00ad nad morzem.  Pasażerowie machali.\n\n\n\nCzytaj też: Inny tekst",
        "date": "13.09.2023",
        "authors": ["Anna Lis", "Jan Wilk"],
        "link": "https://www.example.pl/a/1",
    }
    path = tmp_path / "one.jsonl"
    path.write_bytes(lines(record))
    (expected,) = read([path])
    article_id = editor.post("/v1/articles", json=record).json()["ids"][0]
    assert editor.get(address(article_id)).json() == article_to_dict(expected)


def test_many_articles_come_as_lines_and_bad_lines_are_told_one_by_one(editor: TestClient):
    body = (
        lines({"id": "one", "text": "The first zeppelin."})
        + b"\n{not json}\n"
        + lines(["an array"], {"id": "three", "title": "no text"}, {"id": "four", "text": "The second zeppelin."})
        + b'{"id": "five", "text": "\xff"}\n'
        + b"[" * 100_000
    )
    response = editor.post("/v1/articles", content=body, headers=NDJSON)
    assert response.status_code == 207
    summary = response.json()
    assert (summary["ids"], summary["added"], summary["skipped"]) == (["one", "four"], 2, 5)
    assert [problem.split(": ")[:2] for problem in summary["problems"]] == [
        ["body, line 3", "malformed"],
        ["body, line 4", "malformed"],
        ["body, line 5", "malformed"],
        ["body, line 7", "malformed"],
        ["body, line 8", "malformed"],
    ]
    assert editor.get("/v1/articles/four").status_code == 200


def test_lines_that_are_all_good_are_a_plain_success(editor: TestClient):
    body = lines({"id": "one", "text": "The first zeppelin."}, {"id": "two", "text": "The second zeppelin."})
    response = editor.post("/v1/articles", content=body, headers=NDJSON)
    assert (response.status_code, response.json()["added"], response.json()["problems"]) == (200, 2, [])
    empty = editor.post("/v1/articles", content=b"\n", headers=NDJSON)
    assert (empty.status_code, empty.json()["ids"]) == (200, [])


def test_lines_may_come_in_chunks_without_a_declared_length(editor: TestClient):
    body = lines({"id": "one", "text": "The first zeppelin."}, {"id": "two", "text": "The second zeppelin."})
    response = editor.post("/v1/articles", content=iter([body[:10], body[10:]]), headers=NDJSON)
    assert response.json()["ids"] == ["one", "two"]


def test_half_a_surrogate_pair_in_an_article_breaks_nothing(editor: TestClient):
    body = b'{"id": "half\\ud800", "title": "\\udfff", "text": "A zeppelin \\ud83d crossed."}'
    response = editor.post("/v1/articles", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (201, 422)
    assert editor.get("/v1/search", params={"q": "zeppelin"}).status_code == 200


def test_a_deleted_article_is_found_no_more(editor: TestClient):
    assert top(editor, "Odra") == "pl-odra"
    response = editor.delete("/v1/articles/pl-odra")
    assert (response.status_code, response.json()["deleted"]) == (200, 1)
    assert top(editor, "Odra") is None
    assert editor.get("/v1/articles/pl-odra").status_code == 404
    assert editor.delete("/v1/articles/pl-odra").json()["code"] == "article_not_found"


def test_an_article_of_any_id_can_be_deleted(editor: TestClient, press_articles: tuple[Article, ...]):
    for article in press_articles:
        assert editor.delete(address(article.id)).status_code == 200
    assert editor.get("/v1/stats").json()["articles"] == 0
