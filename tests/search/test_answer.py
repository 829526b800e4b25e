import numpy as np
import pytest

from backissue.search.answer import Reader, _telling
from backissue.search.asked import AskedTokens
from backissue.search.embedding import StaticEmbedder
from backissue.search.query import parse
from backissue.search.question import understand
from backissue.search.translations import Translations


def reader(question, langs):
    embedder = StaticEmbedder.bundled()
    understood = understand(parse(question), langs, embedder, Translations.bundled())
    return Reader(understood, AskedTokens(understood.text, embedder))


def marked(question, text, lang):
    span = reader(question, [lang]).answer(text, lang)
    return None if span is None else text[slice(*span)]


PORT = (
    "The port of Rajin has three piers. Ships bring coal to it from the north. "
    "Its cranes were bought in 2014 for eleven million dollars. Fishermen still use the old quay."
)


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("How much did the cranes of the port cost?", "Its cranes"),
        ("How many piers has Rajin?", "The port"),
        ("Who uses the old quay?", "Fishermen"),
        ("What do ships bring?", "Ships"),
    ],
)
def test_the_sentence_that_answers_is_marked(question, begins):
    assert marked(question, PORT, "en").startswith(begins)


def test_the_answer_is_found_across_languages():
    text = "Rozmowy trwały dwa dni. W zamian za amunicję Korea Północna dostaje ropę i żywność. Pogoda była dobra."
    assert marked("what does North Korea get in return", text, "pl").startswith("W zamian")


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_a_passage_without_sentences_has_no_answer(text):
    assert marked("who", text, "en") is None


@pytest.mark.parametrize("question", ["?", "🙂", "of the"])
def test_a_question_without_words_still_has_an_answer(question):
    assert marked(question, "One sentence. Another one.", "en") in ("One sentence.", "Another one.")


def test_what_every_sentence_covers_tells_nothing():
    covered = np.array([[1.0, 0.0], [1.0, 1.0]])
    # The first word counts 1 - (1 + 1) / 2 = 0, the second 1 - (0 + 1) / 2 = 0.5.
    assert _telling(covered, np.array([1.0, 1.0])).tolist() == pytest.approx([0.0, 1.0])
