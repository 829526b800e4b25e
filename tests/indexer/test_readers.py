import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backissue.indexer.clean import clean
from backissue.indexer.readers import Problem, read, streams
from backissue.search.errors import InvalidArgumentError
from backissue.search.types import Article

TEXT = (
    "The harbour of Lesna was closed on Tuesday evening. Two ferries waited outside until the wind dropped.\n\n"
    "Nobody was hurt, the harbour master said, but a crane lost its arm and fell across the northern quay."
)
POLISH = (
    "Port w Leśnej został zamknięty we wtorek wieczorem. Dwa promy czekały na redzie, aż wiatr osłabnie.\n\n"
    "Nikt nie ucierpiał, powiedział kapitan portu, ale dźwig stracił ramię i runął na północne nabrzeże."
)


def articles(*paths: Path, **options: dict[str, str]) -> list[Article]:
    found = list(read(paths, mapping=options.get("mapping")))
    problems = [str(each) for each in found if isinstance(each, Problem)]
    assert problems == []
    return [each for each in found if isinstance(each, Article)]


def problem(*paths: Path, mapping: dict[str, str] | None = None) -> Problem:
    problems = [each for each in read(paths, mapping=mapping) if isinstance(each, Problem)]
    assert len(problems) == 1, problems
    assert "\n" not in str(problems[0])
    return problems[0]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# ---- .txt ----


def test_a_text_file_with_a_title_line(tmp_path: Path) -> None:
    [article] = articles(write(tmp_path / "4711_0a5f.txt", f"Storm closes the harbour of Lesna\n\n{TEXT}\n"))
    assert article.title == "Storm closes the harbour of Lesna"
    assert article.text == TEXT
    assert article.lang == "en"
    assert (article.published, article.source, article.author, article.section, article.url) == (None,) * 5
    assert len(article.id) == 16


def test_a_title_line_above_a_shorter_lead(tmp_path: Path) -> None:
    [article] = articles(
        write(tmp_path / "1.txt", f"Storm closes the harbour of Lesna\nFerries wait outside.\n\n{TEXT}")
    )
    assert article.title == "Storm closes the harbour of Lesna"
    assert article.text == f"Ferries wait outside.\n\n{TEXT}"


def test_contents_above_the_title(tmp_path: Path) -> None:
    source = f"Table of contents 1. The storm 2. The crane\n\nStorm closes the harbour\n\n{TEXT}"
    [article] = articles(write(tmp_path / "1.txt", source))
    assert (article.title, article.text) == ("Storm closes the harbour", TEXT)


def test_a_text_file_that_begins_with_its_lead(tmp_path: Path) -> None:
    [article] = articles(write(tmp_path / "1.txt", POLISH))
    assert article.text == POLISH
    assert article.title == "Port w Leśnej został zamknięty we wtorek wieczorem"
    assert article.lang == "pl"


def test_a_hard_wrapped_text_file(tmp_path: Path) -> None:
    wrapped = (
        "The harbour of Lesna was closed on Tuesday evening. Two\nferries waited outside until the wind dropped and "
        "the\nharbour master came back from his dinner.\n"
    )
    [article] = articles(write(tmp_path / "1.txt", wrapped))
    assert article.text == wrapped.replace("\n", " ").strip()


def test_the_name_of_a_file_may_tell_the_day_and_nothing_else(tmp_path: Path) -> None:
    [first] = articles(write(tmp_path / "a" / "2023-09-13_storm.txt", TEXT))
    [second] = articles(write(tmp_path / "b" / "other.txt", TEXT))
    assert first.published == "2023-09-13"
    assert second.published is None
    assert first.id == second.id


def test_ids_of_other_contents_differ(tmp_path: Path) -> None:
    lines = [
        {"text": TEXT},
        {"text": TEXT, "source": "Daily"},
        {"text": TEXT, "source": "Weekly"},
        {"text": TEXT, "url": "https://www.daily.example/1"},
        {"text": TEXT, "source": "Daily", "date": "2023-09-13"},
        {"text": TEXT, "title": "Storm"},
        {"text": f"{TEXT} More."},
    ]
    file = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    assert len({article.id for article in articles(file)}) == len(lines)
    assert articles(file) == articles(file)


def test_a_file_without_a_suffix_is_read_by_its_content(tmp_path: Path) -> None:
    write(tmp_path / "4711_0a5f", TEXT)
    write(tmp_path / "4712.20230913", TEXT)
    write(tmp_path / "page", f"<!DOCTYPE html><html><body><article><p>{TEXT}</p></article></body></html>")
    write(tmp_path / "records", json.dumps({"text": TEXT}) + "\n" + json.dumps({"text": POLISH}))
    assert [article.lang for article in articles(tmp_path)] == ["en", "en", "en", "en", "pl"]


# ---- .md ----


def test_markdown_with_front_matter(tmp_path: Path) -> None:
    source = f"""---
title: "Burza zamknęła port"
date: 13 września 2023
author:
  - Anna Nowak
  - Jan Kowalski
source: Kurier Leśny   # the local daily
section: [Region, Pogoda]
lang: pl
id: kl-17
url: https://kurier.example/17
---

# Burza zamknęła port

{POLISH.replace("dwa promy", "**dwa** [promy](https://promy.example)")}

> Nikt się tego *nie* spodziewał.

- dźwig
- nabrzeże

![zdjęcie](p.jpg)
"""
    [article] = articles(write(tmp_path / "a.md", source))
    paragraphs = article.text.split("\n\n")
    assert article == Article(
        id="kl-17",
        text=article.text,
        title="Burza zamknęła port",
        lang="pl",
        published="2023-09-13",
        source="Kurier Leśny",
        author="Anna Nowak, Jan Kowalski",
        section="Region",
        url="https://kurier.example/17",
    )
    assert "\n\n".join(paragraphs[:2]) == POLISH
    assert paragraphs[2:] == ["Nikt się tego nie spodziewał.", "- dźwig", "- nabrzeże"]


def test_markdown_without_front_matter(tmp_path: Path) -> None:
    [article] = articles(write(tmp_path / "a.md", f"# Storm closes harbour\n\n{TEXT}"))
    assert (article.title, article.text) == ("Storm closes harbour", TEXT)


def test_front_matter_is_never_evaluated(tmp_path: Path) -> None:
    source = f"---\ntitle: !!python/object/apply:os.system ['true']\n---\n{TEXT}"
    [article] = articles(write(tmp_path / "a.md", source))
    assert article.title == "!!python/object/apply:os.system ['true']"


# ---- .html ----

PAGE = """<!DOCTYPE html>
<html lang="pl-PL"><head><meta charset="{charset}"><title>Burza zamknęła port | Kurier Leśny</title>
<meta property="og:title" content="Burza zamknęła port"><meta property="og:site_name" content="Kurier Leśny">
<meta property="article:published_time" content="2023-09-13T10:00:00+02:00">
<meta property="article:section" content="Region"><meta name="author" content="Anna Nowak">
<link rel="canonical" href="https://kurier.example/17"></head>
<body><nav><a href="/">Strona główna</a><a href="/sport">Sport</a></nav>
<article><h1>Burza zamknęła port</h1>
<p>Port w Leśnej został zamknięty we wtorek wieczorem. Dwa promy czekały na redzie, aż wiatr osłabnie.</p>
<p>Nikt nie ucierpiał, powiedział kapitan portu, ale dźwig stracił ramię i runął na północne nabrzeże.</p>
<p>Zobacz także: <a href="/18">Promy czekają</a></p></article>
<footer>&copy; 2023 Kurier Leśny. Wszelkie prawa zastrzeżone.</footer></body></html>"""


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-2", "windows-1250"])
def test_a_web_page(tmp_path: Path, charset: str) -> None:
    [article] = articles(write(tmp_path / "a.html", PAGE.format(charset=charset).encode(charset)))
    assert article == Article(
        id=article.id,
        text=POLISH,
        title="Burza zamknęła port",
        lang="pl",
        published="2023-09-13T10:00:00+02:00",
        source="Kurier Leśny",
        author="Anna Nowak",
        section="Region",
        url="https://kurier.example/17",
    )


def test_the_language_of_a_template_gives_way_to_that_of_the_text(tmp_path: Path) -> None:
    page = PAGE.format(charset="utf-8").replace('lang="pl-PL"', 'lang="en-US"')
    assert articles(write(tmp_path / "a.html", page))[0].lang == "pl"


def test_a_broken_page(tmp_path: Path) -> None:
    page = f"<html><body><div><p>{TEXT.split(chr(10))[0]}<p>Nobody was <b>hurt</div></i></table></body>"
    [article] = articles(write(tmp_path / "a.htm", page))
    assert article.text.startswith("The harbour of Lesna was closed")
    assert "Nobody was hurt" in article.text


def test_entities_of_a_page_are_not_expanded(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside" / "secret", "s3cret")
    page = (
        f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]>'
        f"<html><body><article><p>{TEXT} &x;</p></article></body></html>"
    )
    [article] = articles(write(tmp_path / "a.html", page))
    assert "s3cret" not in article.text


# ---- records ----

RECORD = {
    "Headline": "Storm &amp; crane",
    "Summary": "A storm closed the harbour.",
    "Body": f"<p>{TEXT.replace(chr(10) * 2, '</p><p>')}</p>",
    "pubDate": "Wed, 13 Sep 2023 10:00:00 +0200",
    "Outlet": {"name": "Harbour Daily"},
    "Authors": [{"name": "Anna Nowak"}, {"name": "John Smith"}],
    "topics": ["Sea", "Weather"],
    "link": "https://daily.example/17",
    "_id": {"$oid": "64f1"},
    "language": "English",
}
READ = Article(
    id="64f1",
    text=f"A storm closed the harbour.\n\n{TEXT}",
    title="Storm & crane",
    lang="en",
    published="2023-09-13T10:00:00+02:00",
    source="Harbour Daily",
    author="Anna Nowak, John Smith",
    section="Sea",
    url="https://daily.example/17",
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", json.dumps(RECORD)),
        ("a.ndjson", json.dumps(RECORD) + "\n\n"),
        ("a.json", json.dumps(RECORD, indent=2)),
        ("a.json", json.dumps([RECORD])),
        ("a.json", json.dumps({"total": 1, "articles": [RECORD], "next": None}, indent=1)),
        ("a.json", json.dumps(RECORD) + "\n"),
    ],
)
def test_usual_names_of_fields(tmp_path: Path, name: str, content: str) -> None:
    assert articles(write(tmp_path / name, content)) == [READ]


def test_a_polish_export(tmp_path: Path) -> None:
    table = (
        "﻿Tytuł;Treść;Data;Autor;Rubryka;Język;Link\n"
        f'Burza;"{POLISH}";13.09.2023;Anna Nowak;Region;pl;https://www.kurier.example/17\n'
        f'"Cisza; po burzy";"Kapitan: ""Nikt nie ucierpiał""; tak mówił.";2023-09-14;;;;\n'
    )
    first, second = articles(write(tmp_path / "a.csv", table))
    assert (first.title, first.text, first.published) == ("Burza", POLISH, "2023-09-13")
    assert (first.source, first.section, first.author) == ("kurier.example", "Region", "Anna Nowak")
    assert (second.title, second.text) == ("Cisza; po burzy", 'Kapitan: "Nikt nie ucierpiał"; tak mówił.')


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1250"])
def test_tables(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = [["id", "title", "text"], ["1", "Burza", f'"{POLISH}"'], ["2", "Cisza", f'"{POLISH} Więcej."']]
    content = "\r\n".join(separator.join(row) for row in rows)
    suffix = "tsv" if separator == "\t" else "csv"
    found = articles(write(tmp_path / f"a.{suffix}", content.encode(encoding)))
    assert [(article.id, article.title, article.text) for article in found] == [
        ("1", "Burza", POLISH),
        ("2", "Cisza", f"{POLISH} Więcej."),
    ]


def test_a_table_whose_lines_end_in_carriage_returns(tmp_path: Path) -> None:
    found = articles(write(tmp_path / "a.csv", f'id,text\r1,"{TEXT}"\r2,"{POLISH}"\r'))
    assert [(article.id, article.text) for article in found] == [("1", TEXT), ("2", POLISH)]


def test_a_mapping_names_unusual_fields(tmp_path: Path) -> None:
    record = {"naglowek": "Storm", "content": {"plain": TEXT, "lang": "xx"}, "title": "not this", "when": "13.09.2023"}
    mapping = {"title": "naglowek", "text": "content.plain", "published": "when"}
    [article] = articles(write(tmp_path / "a.jsonl", json.dumps(record)), mapping=mapping)
    assert (article.title, article.text, article.published) == ("Storm", TEXT, "2023-09-13")


def test_a_mapping_to_an_unknown_field_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match=r"no field 'headline'.*title"):
        read([], mapping={"headline": "x"})


def test_a_mapped_field_that_is_absent_is_a_problem(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", f'title,body\nStorm,"{TEXT}"\n')
    assert problem(table, mapping={"text": "tresc"}).reason == "no column 'tresc'; the columns are title, body"
    records = write(tmp_path / "a.jsonl", json.dumps({"title": "Storm", "body": TEXT}))
    assert "'naglowek' mapped to title (title, body)" in problem(records, mapping={"title": "naglowek"}).reason
    [found] = [each for each in read(records, mapping={"title": "naglowek"}) if isinstance(each, Article)]
    assert found.text == TEXT


def test_records_without_text_say_what_they_have(tmp_path: Path) -> None:
    found = problem(write(tmp_path / "a.jsonl", '{"foo": 1, "bar": "x"}'))
    assert (found.kind, found.where) == ("malformed", "line 1")
    assert "foo, bar" in found.reason
    assert problem(write(tmp_path / "a.jsonl", '{"title": "x", "text": " "}')).kind == "empty"


def test_a_lead_that_opens_the_text_is_not_said_twice(tmp_path: Path) -> None:
    record = {"lead": TEXT.split(".")[0] + "...", "text": TEXT}
    assert articles(write(tmp_path / "a.jsonl", json.dumps(record)))[0].text == TEXT


def test_a_json_array_is_read_element_by_element(tmp_path: Path) -> None:
    records = [{"id": n, "text": f"{TEXT} Number {n}. {'é' * (n % 977)}"} for n in range(1500)]
    file = write(tmp_path / "a.json", json.dumps(records, ensure_ascii=False))
    first = next(iter(read(file)))
    assert isinstance(first, Article)
    assert first.id == "0"
    found = articles(file)
    assert [article.id for article in found] == [str(n) for n in range(1500)]
    assert all(f"Number {n}." in article.text for n, article in enumerate(found))


# ---- compression and archives ----


@pytest.mark.parametrize(
    ("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)]
)
def test_compressed_files(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    write(tmp_path / f"1.txt{suffix}", compress(TEXT.encode()))
    write(tmp_path / f"2.jsonl{suffix}", compress(json.dumps({"text": TEXT}).encode()))
    write(tmp_path / f"3.html{suffix}", compress(PAGE.format(charset="utf-8").encode()))
    write(tmp_path / f"4.csv{suffix}", compress(f'text\n"{TEXT}"'.encode()))
    assert [article.text for article in articles(tmp_path)] == [TEXT, TEXT, POLISH, TEXT]


def test_members_of_zip_and_tar(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("day/1.txt", TEXT)
        archive.writestr("day/2.jsonl", json.dumps({"text": POLISH}))
        archive.writestr("__MACOSX/._1.txt", "x")
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        for name, text in (("1.txt", TEXT), ("day/2.txt", POLISH)):
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    assert [article.text for article in articles(tmp_path)] == [TEXT, POLISH, TEXT, POLISH]


def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../../etc/1.txt", TEXT)
    assert problem(tmp_path / "a.zip").kind == "unsupported"
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        link = tarfile.TarInfo("1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert problem(tmp_path / "b.tar").kind == "empty"


def test_a_decompression_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_BOMB_BYTES", 2_000_000)
    bomb = write(tmp_path / "a.txt.gz", gzip.compress(b" " * 3_000_000))
    assert problem(bomb).kind == "too_large"
    lines = io.BytesIO()
    with gzip.GzipFile(fileobj=lines, mode="wb") as stream:
        for _ in range(3):
            stream.write(b" " * 999_999 + b"\n")
    assert problem(write(tmp_path / "b.jsonl.gz", lines.getvalue())).kind == "too_large"


# ---- what cannot be read ----


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\n ", "empty"),
        ("a.md", b"---\ntitle: x\n---\n", "empty"),
        ("a.html", b"<html><body></body></html>", "empty"),
        ("a.jsonl", b"", "empty"),
        ("a.json", b"[]", "empty"),
        ("a.csv", b"title,text\n", "empty"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        ("a.txt", b"%PDF-1.4 ...", "binary"),
        ("a.jsonl", bytes(range(256)) * 10, "binary"),
        ("a.txt", b"x " + bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D, 0xFF, 0xFE, 0xC0] * 40), "encoding"),
        ("a.jpg", b"\xff\xd8\xff", "unsupported"),
        ("a.docx", b"PK", "unsupported"),
        ("a.txt.gz", gzip.compress(TEXT.encode())[:-30], "truncated"),
        ("a.jsonl.xz", lzma.compress(json.dumps({"text": TEXT}).encode())[:-30], "truncated"),
        ("a.txt.gz", b"no gzip at all", "malformed"),
        ("a.txt.xz", b"no xz at all", "malformed"),
        ("a.txt.bz2", b"no bzip2 at all", "malformed"),
        ("a.zip", b"no zip at all", "malformed"),
        ("a.tar", b"no tar at all" * 100, "malformed"),
        ("a.json", b'[{"text": "The harb', "truncated"),
        ("a.json", b'{"articles": [{"text": "x"} "', "malformed"),
        ("a.jsonl", b'{"text": "The harb', "truncated"),
        ("a.jsonl", b'{"text": }\n', "malformed"),
        ("a.jsonl", b'["text"]\n', "malformed"),
        ("a.jsonl", b"[" * 100_000 + b"\n", "malformed"),
        ("a.csv", b'title,text\n"Storm,not closed\n', "malformed"),
        ("a.csv", b"title,text\nStorm,a,b,c\n", "malformed"),
    ],
)
def test_each_kind_of_problem(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    found = [each for each in read(write(tmp_path / name, content)) if isinstance(each, Problem)]
    assert [each.kind for each in found] == [kind]
    assert str(found[0]).startswith(str(tmp_path / name))


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    assert problem(tmp_path / "nowhere").kind == "missing"
    assert problem(Path("nul\0byte")).kind == "missing"


def test_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    good = json.dumps({"text": TEXT}).encode()
    file = write(tmp_path / "a.jsonl", b"\n".join([good, b"{broken", good.replace(b"Two", b"Tw\xff"), b"", good]))
    found = list(read(file))
    assert [type(each).__name__ for each in found] == ["Article", "Problem", "Article", "Article"]
    assert isinstance(found[1], Problem)
    assert found[1].where == "line 2"


def test_what_was_read_before_a_cut_is_kept(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"id": n, "text": f"{TEXT} {os.urandom(40).hex()}"}) for n in range(3000))
    cut = gzip.compress(lines.encode())
    found = list(read(write(tmp_path / "a.jsonl.gz", cut[: len(cut) // 2])))
    assert len(found) > 1000
    assert isinstance(found[-1], Problem)
    assert found[-1].kind == "truncated"
    records = json.dumps([{"id": n, "text": TEXT} for n in range(100)], indent=1)
    found = list(read(write(tmp_path / "b.json", records[: len(records) // 2])))
    assert 40 < len(found) < 60
    assert isinstance(found[-1], Problem)
    line_count = records[: len(records) // 2].count("\n") + 1
    assert (found[-1].kind, found[-1].where) == ("truncated", f"line {line_count}")


def test_gigantic_articles_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    giant = "x" * 50_000_001
    write(tmp_path / "a.txt", giant)
    write(tmp_path / "b.jsonl", json.dumps({"text": giant}) + "\n" + json.dumps({"text": TEXT}))
    write(tmp_path / "c.html", "<html><body><p>" + "x " * 5_000_001)
    found = list(read(tmp_path))
    assert [each.kind for each in found if isinstance(each, Problem)] == ["too_large"] * 3
    assert [each.text for each in found if isinstance(each, Article)] == [TEXT]


# ---- folders ----


def test_folders_are_read_to_their_depths_in_order(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/10.txt", "a.txt", "c/d/e/f.txt", ".hidden/x.txt", ".x.txt", "README.md", "c/LICENSE"):
        write(tmp_path / "archive" / name, f"{TEXT} {name}")
    found = articles(tmp_path / "archive")
    assert [article.text.rsplit(" ", 1)[1] for article in found] == ["a.txt", "b/10.txt", "b/2.txt", "c/d/e/f.txt"]
    assert articles(tmp_path / "archive" / "README.md")[0].text.endswith("README.md")


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.txt", TEXT)
    inside = write(tmp_path / "archive" / "1.txt", POLISH).parent
    (inside / "2.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (inside / "3").symlink_to(tmp_path / "outside")
    (inside / "4.txt").symlink_to(inside / "1.txt")
    (inside / "5").symlink_to(inside)
    (inside / "6.txt").symlink_to(inside / "6.txt")
    found = list(read(inside))
    assert [each.text for each in found if isinstance(each, Article)] == [POLISH]
    assert {Path(each.path).name for each in found if isinstance(each, Problem)} >= {"2.txt", "3"}
    assert articles(tmp_path / "archive" / "2.txt")[0].text == TEXT  # named by the user himself


def test_other_things_in_a_folder_are_problems(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert problem(tmp_path).kind == "unsupported"


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")).write_bytes(b"{")
    str(problem(tmp_path)).encode("utf-8")


# ---- any bytes ----

SUFFIXES = [
    *(".txt", ".md", ".html", ".jsonl", ".json", ".csv", ".tsv", "", ".zip", ".tar", ".txt.gz", ".csv.xz"),
    *(".json.bz2", ".txt.zst"),
]
MARKS = rb'{"text": "@"}@[@]@{@}@,@"@\@# @<p>@<html lang="x">@<script>@<!--@text,title@text@1e999@NaN@&#xFFFFFF;'
PIECES = st.sampled_from(
    [
        *MARKS.split(b"@"),
        *(rb"\ud800", rb"\u0000", b"\n", b"---\n", b"title: x\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xc5"),
        *(b"\x1f\x8b\x08", b"PK\x03\x04", b"Nobody was hurt. "),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.sampled_from(SUFFIXES), st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=12).map(b"".join)))
def test_no_bytes_raise(tmp_path: Path, suffix: str, content: bytes) -> None:
    file = write(tmp_path / f"any{suffix}", content)
    for each in read(file):
        if isinstance(each, Article):
            assert each.text
            assert each.id
            assert clean(each) == each
            assert not any("\ud800" <= char <= "\udfff" for char in each.title + each.text + each.id)
        else:
            assert "\n" not in str(each)
