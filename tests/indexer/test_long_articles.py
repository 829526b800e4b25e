from backissue.indexer import Indexer
from backissue.search import Archive, Article

SENTENCES = 9_000


def test_every_part_of_a_very_long_article_is_analysed_as_it_stands(tmp_path):
    text = "Zażółć: " + " ".join(f"The {n}th barge, number b{n}x, passed the lock at dawn." for n in range(SENTENCES))
    assert len(text) > 400_000
    Indexer(tmp_path / "index").rebuild([Article(id="long", text=text, lang="en"), Article(id="b", text="A quay.")])
    with Archive.open(tmp_path / "index") as archive:
        for number in (0, 1_200, 1_300, 5_000, SENTENCES - 1):
            (hit,) = archive.search(f'"b{number}x"', mode="lexical").hits
            passage = hit.passages[0]
            assert hit.article.id == "long"
            assert f"b{number}x" in passage.text == text[passage.start : passage.end]
