"""Files that are made to fill memory, to take for ever or to reach out of their folder: told in a line, and passed by.

Each is read in a process with 1 GiB of memory and a minute of time beyond what the library itself takes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import sys
import tarfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from backissue.indexer import Indexer, Problem, read
from backissue.indexer.intake import MAX_PROBLEMS_KEPT
from backissue.search import Archive, Article

MEGABYTE = 1 << 20
SECRET = "the-secret-outside-of-the-folder"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory in the way of Linux")


class Reader:
    def __init__(self) -> None:
        script = Path(__file__).with_name("hostile_child.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def read(self, path: Path) -> dict:
        self.process.stdin.write(f"{path}\n")
        told = json.loads(self.process.stdout.readline())
        assert "died" not in told, f"the process died of it: {told}"
        assert "foreign" not in told, told["foreign"]
        return told

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def reader():
    made = Reader()
    yield made
    made.close()


def zeros(megabytes: int) -> bytes:
    return bytes(megabytes * MEGABYTE)


def compressed(compress: Callable[..., object], path: Path, piece: bytes, times: int) -> None:
    with compress(path, "wb") as file:
        for _ in range(times):
            file.write(piece)


def zipped(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def tarred(path: Path, *members: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w") as archive:
        for info in members:
            content = b'{"text": "A tarred article."}\n' if info.isreg() else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE html [<!ENTITY l0 "ha">{LAUGHS}]><html><body><p>&l11; laughs at the gate.</p></body></html>'
OUTSIDE = '<!DOCTYPE html [<!ENTITY x SYSTEM "{}">]><html><body><p>It says &x; at the gate.</p></body></html>'

# name → (what writes the file, whether an article may come of it, the kinds of problems of which one must come)
BOMBS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "zeros.txt.gz": (lambda p: compressed(gzip.open, p, zeros(50), 5), {"too_large", "binary"}),
    "spaces.jsonl.gz": (lambda p: compressed(gzip.open, p, b" " * 50 * MEGABYTE, 5), {"too_large"}),
    "lines.csv.gz": (lambda p: compressed(gzip.open, p, b"\n" * 50 * MEGABYTE, 5), {"malformed"}),
    "letters.jsonl.xz": (lambda p: compressed(lzma.open, p, b"a" * 50 * MEGABYTE, 5), {"too_large", "malformed"}),
    "letters.txt.bz2": (lambda p: compressed(bz2.open, p, b"a" * 50 * MEGABYTE, 5), {"too_large"}),
    "array.json.gz": (lambda p: compressed(gzip.open, p, b"[" * 50 * MEGABYTE, 5), {"too_large", "malformed"}),
    "zeros.zip": (lambda p: zipped(p, {"a.txt": zeros(210), "b.txt": b"A short article."}), {"too_large", "binary"}),
    "names.zip": (lambda p: zipped(p, {f"{n}.txt": b"" for n in range(3_000)}), {"empty"}),
    "line.txt": (lambda p: p.write_bytes(b"a" * 52 * MEGABYTE), {"too_large"}),
    "line.jsonl": (lambda p: p.write_bytes(b'{"text": "' + b"a" * 52 * MEGABYTE + b'"}\n'), {"too_large"}),
    "line.csv": (lambda p: p.write_bytes(b"text\n" + b"a" * 52 * MEGABYTE), {"too_large"}),
    "quote.csv": (lambda p: p.write_bytes(b'text\n"' + b"a word or two\n" * 3_572_000), {"malformed", "too_large"}),
    "header.csv": (lambda p: p.write_bytes(b"a," * MEGABYTE + b"\n1,2\n"), {"malformed", "too_large"}),
    "columns.tsv": (lambda p: p.write_bytes(b"text\tid\n" + b"a\t" * MEGABYTE), {"malformed", "too_large"}),
    "deep.json": (lambda p: p.write_bytes(b"[" * 4 * MEGABYTE), {"malformed", "truncated", "too_large"}),
    "deep.jsonl": (lambda p: p.write_bytes(b'{"a":' * MEGABYTE + b"\n"), {"malformed"}),
    "digits.json": (lambda p: p.write_bytes(b'[{"text": ' + b"1" * 5 * MEGABYTE + b"}]"), {"malformed", "empty"}),
    "small.json": (lambda p: p.write_bytes(b'{"a": [' + b"[]," * 18 * MEGABYTE + b"[]]}"), {"too_large", "malformed"}),
    "value.json": (lambda p: p.write_bytes(b'[{"text": "' + b"a" * 52 * MEGABYTE + b'"}]'), {"too_large"}),
    "page.html": (lambda p: p.write_bytes(b"<p>" + b"a" * 52 * MEGABYTE), {"too_large"}),
    "cut.gz": (lambda p: p.write_bytes(gzip.compress(os.urandom(MEGABYTE))[:-100]), {"truncated", "binary"}),
    "folder.zip": (lambda p: p.write_bytes(b"PK\x05\x06" + b"\xff" * 18), {"malformed", "truncated", "unsupported"}),
    "size.tar": (lambda p: p.write_bytes(b"\0" * 10 * MEGABYTE), {"empty", "malformed", "truncated"}),
}


QUICK = {"deep.json", "deep.jsonl", "digits.json", "cut.gz", "folder.zip", "size.tar", "names.zip", "columns.tsv"}


@pytest.mark.parametrize("name", [pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow) for one in BOMBS])
def test_a_bomb_is_told_of_and_fills_no_memory(reader: Reader, tmp_path: Path, name: str):
    write, kinds = BOMBS[name]
    write(tmp_path / name)
    told = reader.read(tmp_path / name)
    (tmp_path / name).unlink()
    assert kinds & set(told["kinds"]), told
    assert len(told["first"]) < 1000
    assert name in told["first"]


SLOW: dict[str, bytes] = {
    "tags.html": b"<div>" * 200_000 + b"A deep article.",
    "attributes.html": b"<p " + b" ".join(b"a%d=1" % n for n in range(100_000)) + b">A wide article.</p>",
    "open.html": b"<!--" * 200_000 + b"<p>An article behind comments.</p>",
    "script.html": b"<html><body>" + b"<script" * 200_000 + b"<p>An article.</p>",
    "table.html": b"<html><body>" + b"<table><tr><td>" * 20_000 + b"An article in tables." + b"</table>" * 20_000,
    "quotes.md": b">" * 100_000 + b" An article in quotations.",
    "brackets.md": b"[" * 20_000 + b"An article in brackets" + b"](" * 20_000,
    "stars.md": b"**a_b*c__" * 5_000 + b" An article of stars.",
    "ticks.md": b"".join(b"`" * n + b" " for n in range(1, 1200)) + b"An article of ticks.",
    "lists.md": b"".join(b" " * n + b"- a\n" for n in range(600)) + b"An article of lists.",
    "links.md": b"![](" * 10_000 + b" An article of links.",
    "entities.md": b"&" * 100_000 + b" An article of entities.",
    "front.md": b"---\n" + b"a: b\n" * 50_000 + b"---\nAn article behind a long head.",
    "signs.txt": ("é" + "\u0301" * 500_000 + " An article of accents.").encode(),
    "spaces.txt": b"An article " + b" \t" * 2_000_000 + b"of spaces.",
    "dots.txt": b"An article " + b". " * 1_000_000 + b"of dots.",
    "dashes.txt": b"An article " + b"-" * 1_000_000 + b" of dashes.",
    "brackets.txt": b"An article " + b"<" * 300_000 + b" of brackets.",
    "nulls.txt": b"An article\0 of a few nulls. " * 3 + b"word " * 5000,
    "digits.jsonl": b'{"text": "An article.", "published": "' + b"1" * 1_000_000 + b'"}\n',
    "date.jsonl": b'{"text": "An article.", "published": "' + b"Jan " * 100_000 + b'"}\n',
    "url.jsonl": b'{"text": "An article.", "url": "http://[' + b"a" * 1_000_000 + b'"}\n',
    "names.jsonl": b"{" + b",".join(b'"%d": 1' % n for n in range(20_000)) + b', "text": "An article."}\n',
}


@pytest.mark.parametrize("name", SLOW)
def test_what_is_made_to_take_for_ever_ends(reader: Reader, tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(SLOW[name])
    told = reader.read(tmp_path / name)
    assert told["articles"] + sum(told["kinds"].values()) >= 1
    assert told["cpu_s"] < 30


@pytest.mark.parametrize("suffix", ["html", ""])
def test_entities_are_not_expanded_and_reach_no_file(reader: Reader, tmp_path: Path, suffix: str):
    (tmp_path / "secret").write_text(SECRET)
    name = f"page.{suffix}".rstrip(".")
    for content in (BOMB, *(OUTSIDE.format(where) for where in (f"file://{tmp_path}/secret", f"{tmp_path}/secret"))):
        for declaration in ("", '<?xml version="1.0"?>'):
            (tmp_path / "in").mkdir(exist_ok=True)
            (tmp_path / "in" / name).write_text(declaration + content)
            told = reader.read(tmp_path / "in" / name)
            assert SECRET not in json.dumps(told)
            assert all(len(text) < 5000 for _, _, text in told["seen"])


ESCAPES = ["../out.jsonl", "/abs.jsonl", "a/../../out.jsonl", "..\\out.jsonl", "C:\\..\\out.jsonl"]


def test_archives_cannot_reach_out_of_themselves(reader: Reader, tmp_path: Path):
    (tmp_path / "secret.jsonl").write_text(json.dumps({"text": SECRET}))
    inside = tmp_path / "in"
    inside.mkdir()
    zipped(inside / "slip.zip", dict.fromkeys([*ESCAPES, "fine.jsonl"], b'{"text": "A zipped article."}'))
    links = [
        member("link.jsonl", tarfile.SYMTYPE, "../secret.jsonl"),
        member("hard.jsonl", tarfile.LNKTYPE, str(tmp_path / "secret.jsonl")),
        member("pipe.jsonl", tarfile.FIFOTYPE),
        member("device.jsonl", tarfile.CHRTYPE),
    ]
    tarred(inside / "slip.tar", *map(member, ESCAPES), *links, member("fine.jsonl"))
    before = sorted(tmp_path.rglob("*"))
    told = reader.read(inside)
    assert told["articles"] == 2
    assert told["kinds"]["unsupported"] >= 2 * 4
    assert SECRET not in json.dumps(told)
    assert sorted(tmp_path.rglob("*")) == before, "nothing is unpacked"


def test_a_tar_of_a_great_many_members_fills_no_memory(tmp_path: Path):
    with (tmp_path / "many.tar").open("wb") as file:
        for number in range(20_000):
            file.write(tarfile.TarInfo(f"{number}.bin").tobuf())
        file.write(bytes(1024))
    count = sum(1 for _ in read([tmp_path / "many.tar"]))
    assert count == 20_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read([tmp_path / "many.tar"])) == count
        assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_links_and_devices_in_a_folder_are_not_followed(reader: Reader, tmp_path: Path):
    (tmp_path / "secret.jsonl").write_text(json.dumps({"text": SECRET}))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.txt").write_text(SECRET)
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "file.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (inside / "folder").symlink_to(tmp_path / "secrets")
    (inside / "up").symlink_to("..")
    (inside / "round").symlink_to(inside / "round")
    os.mkfifo(inside / "pipe.txt")
    (inside / "fine.txt").write_text("A fine article stands in its folder.")
    told = reader.read(inside)
    assert told["articles"] == 1
    assert told["kinds"] == {"unsupported": 5}
    assert SECRET not in json.dumps(told)
    assert reader.read(Path("/dev/zero"))["kinds"] == {"unsupported": 1}


def bad_rows(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write("id,text\n")
        for number in range(0, rows, 1000):
            file.writelines(f"{n}\n" for n in range(number, number + 1000))


def test_the_problems_of_a_table_of_bad_rows_are_counted_and_the_first_are_kept(tmp_path: Path):
    bad_rows(tmp_path / "bad.csv", 5_000)
    summary = Indexer(tmp_path / "index").add([Article(id="a", lang="en", text="One."), *read([tmp_path / "bad.csv"])])
    assert (summary.skipped, summary.skipped_by_kind) == (5_000, {"malformed": 5_000})
    assert len(summary.problems) == MAX_PROBLEMS_KEPT


@pytest.mark.slow
def test_ten_million_bad_rows_take_no_memory(reader: Reader, tmp_path: Path):
    bad_rows(tmp_path / "bad.csv", 10_000_000)
    # A minute of processor time is not enough for so many; what is there is read to the limit in bounded memory.
    program = (
        "import resource, sys; from backissue.indexer import Indexer, read\n"
        "s = Indexer(sys.argv[1]).add(read([sys.argv[2]]))\n"
        "print(s.skipped, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "index"), str(tmp_path / "bad.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    skipped, megabytes = map(int, done.stdout.split())
    assert skipped == 10_000_000
    assert megabytes < 700


SCRIPTS = """
Latin:The harbour was closed again last night
Cyrillic:Гавань снова закрыли прошлой ночью
Greek:Το λιμάνι έκλεισε ξανά χθες το βράδυ
Arabic:أُغلق الميناء مرة أخرى الليلة الماضية
Hebrew:הנמל נסגר שוב אתמול בלילה
Devanagari:बंदरगाह कल रात फिर से बंद कर दिया गया
Bengali:বন্দরটি গত রাতে আবার বন্ধ ছিল
Tamil:துறைமுகம் நேற்று இரவு மீண்டும் மூடப்பட்டது
Telugu:నౌకాశ్రయం నిన్న రాత్రి మళ్లీ మూసివేయబడింది
Kannada:ಬಂದರು ನಿನ್ನೆ ರಾತ್ರಿ ಮತ್ತೆ ಮುಚ್ಚಲಾಯಿತು
Malayalam:തുറമുഖം ഇന്നലെ രാത്രി വീണ്ടും അടച്ചു
Gujarati:બંદર ગઈ રાત્રે ફરી બંધ હતું
Gurmukhi:ਬੰਦਰਗਾਹ ਕੱਲ੍ਹ ਰਾਤ ਫਿਰ ਬੰਦ ਸੀ
Sinhala:වරාය ඊයේ රාත්‍රියේ නැවත වසා තිබුණි
Thai:ท่าเรือปิดอีกครั้งเมื่อคืนนี้
Lao:ທ່າເຮືອຖືກປິດອີກເທື່ອຄືນນີ້
Khmer:កំពង់ផែត្រូវបានបិទម្តងទៀតកាលពីយប់មិញ
Myanmar:ဆိပ်ကမ်းကို မနေ့ညက ထပ်ပိတ်ခဲ့သည်
Tibetan:གྲུ་ཁ་མདང་དགོང་ཡང་བསྐྱར་བསྒྲིགས
Georgian:ნავსადგური წუხელ კვლავ დაიკეტა
Armenian:Նավահանգիստը երեկ գիշեր կրկին փակվեց
Ethiopic:ወደቡ ትናንት ማታ እንደገና ተዘግቷል
Hangul:항구는 어젯밤 다시 폐쇄되었다
Han:港口昨晚再次关闭
Hiragana:みなとはさくやまたとじられた
Katakana:ミナトハサクヤマタトジラレタ
Cherokee:ᎠᎹᏱ ᏥᏳ ᎤᏍᏚᏅ ᎡᏒᎢ
Mongolian:ᠪᠣᠭᠣᠮᠲᠠ ᠥᠴᠥᠭᠡᠳᠦᠷ ᠰᠥᠨᠢ
Thaana:ބަނދަރު އިއްޔެ ރޭގަނޑު އަލުން
Syriac:ܠܡܐܢܐ ܐܬܬܚܕ ܬܘܒ ܒܠܠܝܐ
Tifinagh:ⴰⴳⴰⴷⵉⵔ ⵉⵇⵇⵏ ⴷⴰⵖ ⵉⴹ
Canadian:ᑐᓚᒃᑕᕐᕕᒃ ᒪᑐᔭᐅᓚᐅᖅᐳᖅ
Balinese:ᬧᬮᬩᬸᬳᬦ᭄ ᬓᬢᬸᬢᬸᬧ᭄
"""


def scripts() -> dict[str, str]:
    return dict(line.split(":", 1) for line in SCRIPTS.splitlines() if line)


STRANGE = {
    "surrogates": "The harbour \ud800 was \udfff closed \udc80 again",
    "nulls": "The harbour\0 was closed\0again",
    "zero width": "The har\u200bbour\u200d was\u2060 closed\ufeff again",
    "right to left": "The harbour \u202ewas closed\u202c again \u2067and \u2069then",
    "combining flood": "The harbour" + "\u0301\u0328\u0489" * 3000 + " was closed again",
    "private use": "The harbour \ue000\U000f0000 was closed again",
    "noncharacters": "The harbour \ufffe\uffff\U0010ffff was closed again",
    "controls": "The harbour " + "".join(map(chr, range(1, 32))) + " was closed again",
    "emoji": "The harbour 👩‍👩‍👧‍👦🏳️‍🌈 was closed again",
    "one letter": "a",
    "one word": "harbour",
    "no words": "!!! ??? ...",
    "one long word": "harbour" * 100_000,
    "many lines": "harbour\n" * 50_000,
}


def test_texts_in_more_than_thirty_scripts_are_found_and_cut_where_they_say(tmp_path: Path):
    texts = scripts() | STRANGE
    assert len(scripts()) >= 30
    articles = [Article(id=name, lang="", title=text[:50], text=text) for name, text in texts.items()]
    summary = Indexer(tmp_path / "index").add(articles)
    assert summary.added == len(articles), summary.problems
    assert [one for one in Indexer(tmp_path / "index").check(full=True) if one.level != "ok"] == []
    with Archive.open(tmp_path / "index") as archive:
        for name, text in texts.items():
            stored = archive.article(name)
            assert len(stored.text) == len(text)
            for start, end in archive.passage_spans(name):
                assert 0 <= start < end <= len(text)
            for mode in ("hybrid", "lexical", "semantic"):
                results = archive.search(text[:200], k=50, mode=mode)
                json.dumps(results.to_dict())
                for hit in results.hits:
                    whole = archive.article(hit.article.id).text
                    for passage in hit.passages:
                        assert whole[passage.start : passage.end] == passage.text
                        assert all(passage.start <= a < b <= passage.end for a, b in passage.highlights)
                    if hit.answer is not None:
                        assert whole[hit.answer.start : hit.answer.end] == hit.answer.text
        for name, text in scripts().items():
            found = archive.search(text, k=5, mode="lexical", rerank="off").hits
            assert name in [hit.article.id for hit in found], name


def test_any_line_of_any_characters_is_a_question(tmp_path: Path):
    Indexer(tmp_path / "index").add([Article(id="a", lang="en", text="The harbour was closed again.")])
    rng = random.Random(5)
    with Archive.open(tmp_path / "index") as archive:
        for _ in range(60):
            text = "".join(chr(rng.choice([rng.randrange(0x110000), rng.randrange(128)])) for _ in range(30))
            for mode in ("hybrid", "lexical", "semantic"):
                json.dumps(archive.search(text, mode=mode).to_dict(), ensure_ascii=True)
        assert unicodedata.category("\ud800") == "Cs"
        assert len(archive.search("harbour \ud800", mode="lexical").hits) == 1


@pytest.mark.parametrize("texts", [(), ("harbour",), ("a",), ("harbour", "harbour")], ids=len)
def test_an_archive_of_next_to_nothing_answers(tmp_path: Path, texts: tuple[str, ...]):
    Indexer(tmp_path / "index").add([Article(id=str(n), lang="en", text=text) for n, text in enumerate(texts)])
    with Archive.open(tmp_path / "index") as archive:
        for mode in ("hybrid", "lexical", "semantic"):
            assert len(archive.search("harbour", mode=mode, k=5).hits) <= len(texts)
        assert archive.stats()["articles"] == len(texts)
    Indexer(tmp_path / "index").rebuild()
    Indexer(tmp_path / "index").delete([str(n) for n in range(len(texts))])
    Indexer(tmp_path / "index").rebuild()
    with Archive.open(tmp_path / "index") as archive:
        assert archive.search("harbour").hits == ()


def test_an_article_of_fifty_megabytes_is_too_large_or_found(reader: Reader, tmp_path: Path):
    (tmp_path / "large.txt").write_bytes(b"The harbour was closed again. " * (50_000_001 // 30 + 1))
    assert reader.read(tmp_path / "large.txt")["kinds"] == {"too_large": 1}


@pytest.mark.slow
def test_an_article_of_nearly_fifty_megabytes_is_found(tmp_path: Path):
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvwz", k=rng.randint(3, 9))) for _ in range(5000)]
    text = " ".join(" ".join(rng.choices(words, k=12)).capitalize() + "." for _ in range(600_000))[:49_000_000]
    Indexer(tmp_path / "index").add([Article(id="large", lang="en", text=text + " The zeppelin landed.")])
    with Archive.open(tmp_path / "index") as archive:
        assert archive.search("zeppelin", mode="lexical", rerank="off").hits[0].article.id == "large"
        assert archive.search("zeppelin landed").hits[0].article.id == "large"


@pytest.mark.slow
@pytest.mark.parametrize("copies", [int(os.environ.get("BACKISSUE_COPIES", "100000"))])
def test_a_great_many_copies_of_one_article_are_one_hit(tmp_path: Path, copies: int):
    text = " ".join(f"The harbour was closed again by order number {n} of the council." for n in range(3))
    same = (Article(id=str(n), lang="en", title="Harbour closed", text=text) for n in range(copies))
    summary = Indexer(tmp_path / "index").add(same)
    assert summary.added == copies
    with Archive.open(tmp_path / "index") as archive:
        results = archive.search("harbour closed")
        assert (results.total, len(results.hits)) == (1, 1)
        print(f"{copies} copies: {summary.seconds:.0f} s to add, {results.took_ms:.0f} ms to ask")


def test_copies_are_found_among_more_than_are_compared(tmp_path: Path):
    text = " ".join(f"The harbour was closed again by order number {n} of the council." for n in range(3))
    Indexer(tmp_path / "index").add(Article(id=str(n), lang="en", title="Harbour", text=text) for n in range(300))
    with Archive.open(tmp_path / "index") as archive:
        results = archive.search("harbour closed")
        assert len(results.hits) == 1
        assert isinstance(results.hits[0].copies, tuple)


def test_a_problem_says_no_more_than_a_line(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"x" * 1_000_000: 1}))
    (problem,) = [one for one in read([tmp_path / "a.jsonl"]) if isinstance(one, Problem)]
    assert len(str(problem)) < 1000
