"""The training of the deep reader at the size of a toy: what it learns from, how it goes on, what is exported."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
pytest.importorskip("onnxscript", reason="needs onnxscript")
pytest.importorskip("transformers", reason="needs transformers")
sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

import data  # noqa: E402
import onnx_export  # noqa: E402
import train_reader  # noqa: E402
from distil import Progress  # noqa: E402
from reader import NOWHERE, Reader  # noqa: E402
from reader_batches import TOKENS_AT_ONCE, Batch, blocks, reading_loss  # noqa: E402
from readings import Asked, Glosser, Passage, Readings, Row  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from backissue.search.deep import DeepReader, Kind  # noqa: E402
from backissue.search.embedding import BUNDLED_FOLDER, StaticEmbedder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # What the libraries of training warn of is not this project's.

CPU = torch.device("cpu")
CITIES = ("Paris", "Rome", "Oslo", "Kyiv", "Prague", "Seoul", "Lagos", "Quito")


class Questions:
    """Where somebody lives, of passages that say it in their second sentence."""

    def __init__(self) -> None:
        names = [f"{first}{last}" for first in "BDFG" for last in ("arno", "elina", "ivo", "olga")]
        self.passages, self.asked = [], []
        for number, name in enumerate(names):
            city = CITIES[number % len(CITIES)]
            text = f"{name} writes books. {name} lives in {city}. The garden is large."
            self.passages.append(Passage("", text, "en"))
            start = text.index(city)
            self.asked.append(Asked(f"Where does {name} live?", number, ((start, start + len(city)),)))
        self.groups = {("toy", "en"): list(range(len(self.asked)))}
        others = [[other for other in range(len(names)) if other != number] for number in range(len(names))]
        self.alike = np.array(others)


def corpus() -> data.Corpus:
    """Ten English sentences with their translations."""
    english = [f"Sentence number {n} of the book is about rivers and boats." for n in range(10)]
    german = [f"Satz Nummer {n} des Buches handelt von Flüssen und Booten." for n in range(10)]
    made = data.Corpus(texts=[*english, *german], langs=["en"] * 10 + ["de"] * 10)
    made.pairs = np.array([[n, n + 1, 10 + n, 11 + n, n] for n in range(10)], np.int32)
    made.groups = np.zeros(10, np.int32)
    made.group_names = [(data.SENTENCES, "news_debian", "de-en")]
    return made


@pytest.fixture
def readings(embedder: StaticEmbedder) -> Readings:
    ways = {("en", "de"): {"▁lives": ([np.array([7], np.int32).tobytes()], [1.0])}, ("de", "en"): {}}
    tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
    return Readings(Questions(), corpus(), embedder, Glosser(tokenizer, ways))


def ids(*some: int) -> np.ndarray:
    return np.array(some, np.int32)


def row(*text: int, right: int = -1) -> Row:
    return Row(ids(5), ids(), ids(*text), np.arange(len(text)) == right)


def test_what_is_drawn_names_the_tokens_that_answer(readings: Readings, embedder: StaticEmbedder) -> None:
    chance = random.Random(1)
    cities = {tuple(embedder.token_ids(city).tolist()) for city in CITIES}
    for _ in range(60):
        first, *others = readings.draw(chance)
        assert first.right.any()
        assert not any(one.right.any() for one in others)
        answer = tuple(first.text[first.right].tolist())
        is_cloze = len(first.text) > 25
        assert is_cloze or answer in cities or 7 in first.text  # 7 is the gloss of "lives"


def test_the_same_is_drawn_from_the_same_seed(readings: Readings) -> None:
    one, other = readings.draw(random.Random("0 3")), readings.draw(random.Random("0 3"))
    assert [some.text.tolist() for some in one] == [some.text.tolist() for some in other]


def test_rows_of_like_length_are_read_together_and_none_is_left_out() -> None:
    rows = [row(*range(1, 2 + n % 150)) for n in range(200)]
    read = []
    for some, length in blocks(rows):
        assert len(some) <= TOKENS_AT_ONCE // length
        assert max(len(rows[one]) for one in some) <= length
        read += some
    assert sorted(read) == list(range(200))


def test_a_batch_holds_vectors_where_tokens_stand_and_nothing_elsewhere(embedder: StaticEmbedder) -> None:
    batch = Batch([Row(ids(9), ids(4), ids(7, 8), np.array([False, True]))], embedder, 32, CPU)
    assert batch.kinds[0, :7].tolist() == [
        Kind.OPENING,
        Kind.QUESTION,
        Kind.SEPARATOR,
        Kind.TITLE,
        5,
        5,
        Kind.SEPARATOR,
    ]
    assert (batch.kinds[0, 7:] == Kind.PADDING).all() and (batch.kinds[1:] == Kind.PADDING).all()
    np.testing.assert_allclose(batch.vectors[0, [1, 3, 4, 5]].numpy(), embedder.vectors_of(ids(9, 4, 7, 8)))
    assert not batch.vectors[0, [0, 2, 6, 7]].any()
    assert batch.right.nonzero().tolist() == [[0, 5]]


def test_the_loss_is_the_cross_entropy_over_all_passages_of_a_question(embedder: StaticEmbedder) -> None:
    groups = [[row(1, 2, 3, right=1), row(4, 5)], [row(6, 7, right=0)]]

    def run(vectors: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        return torch.where(kinds == Kind.TEXT, vectors[..., 0], NOWHERE)

    loss, right = reading_loss(run, groups, embedder, CPU)
    wanted, hits = [], []
    for group in groups:
        scores = np.concatenate([embedder.vectors_of(one.text)[:, 0] for one in group]).astype(np.float64)
        answers = np.concatenate([one.right for one in group])
        wanted.append(np.log(np.exp(scores).sum()) - np.log(np.exp(scores[answers]).sum()))
        hits.append(bool(answers[scores.argmax()]))
    assert loss.item() == pytest.approx(np.mean(wanted), abs=1e-4)
    assert right == np.mean(hits)


def test_it_learns_and_goes_on_as_if_it_had_not_been_interrupted(
    readings: Readings, embedder: StaticEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_reader, "QUESTIONS_AT_ONCE", 4)
    losses: list[float] = []

    def trained(checkpoint: Path, interrupted_at: int | None = None) -> dict[str, torch.Tensor]:
        def noted(*arguments: object) -> object:
            if len(losses) == interrupted_at:
                raise KeyboardInterrupt
            loss, right = reading_loss(*arguments)
            losses.append(loss.item())
            return loss, right

        monkeypatch.setattr(train_reader, "reading_loss", noted)
        torch.manual_seed(3)
        student = Reader(embedder.model.dimension, layers=1)
        training = train_reader.Training(student, embedder, 1e-3, train_reader.Settings())
        training.read(readings, student, Progress(steps=12, minutes=None), checkpoint, every_seconds=0)
        return student.state_dict()

    whole = trained(tmp_path / "whole.pt")
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    at_once, losses[:] = list(losses), []
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts.pt", interrupted_at=5)
    in_parts = trained(tmp_path / "parts.pt")
    np.testing.assert_allclose(losses, at_once, rtol=1e-2)
    for name, values in whole.items():
        torch.testing.assert_close(in_parts[name], values, rtol=1e-2, atol=1e-3)


def test_what_is_exported_reads_as_the_student_does(embedder: StaticEmbedder, tmp_path: Path) -> None:
    torch.manual_seed(0)
    student = Reader(embedder.model.dimension, layers=2)
    onnx_export.save_reader(tmp_path, student)
    reader = DeepReader.from_folder(tmp_path, embedder)
    question, title, text = "Where does Olga live?", "Olga", "Olga writes books. Olga lives in Rome."
    ((starts, scores),) = reader.read(question, [(title, text)])
    tokens, spans = embedder.token_spans(text)
    batch = Batch(
        [Row(embedder.token_ids(question), embedder.token_ids(title), tokens, np.zeros(len(tokens), np.bool_))],
        embedder,
        64,
        CPU,
    )
    with torch.inference_mode():
        wanted = student(batch.vectors, batch.kinds)[batch.kinds == Kind.TEXT].numpy()
    assert starts.tolist() == spans[:, 0].tolist()
    np.testing.assert_allclose(scores, wanted, atol=0.1 * wanted.std() + 0.02)


def test_a_reader_is_trained_on_from_what_was_exported(embedder: StaticEmbedder, tmp_path: Path) -> None:
    torch.manual_seed(0)
    student = Reader(embedder.model.dimension, layers=2)
    for weights in student.parameters():  # as training leaves them: what is all ones or zeros is exported once
        torch.nn.init.normal_(weights, std=0.05)
    onnx_export.save_reader(tmp_path, student)
    loaded = onnx_export.load_reader(tmp_path).state_dict()
    assert loaded.keys() == student.state_dict().keys()
    for name, values in student.state_dict().items():
        # Seven bits for the largest of a column: a step is 1/63 of it, and what is lost half of that.
        torch.testing.assert_close(loaded[name], values, rtol=0, atol=float(values.abs().max()) / 126 * 1.01)
