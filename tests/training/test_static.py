"""The training of the static model at the size of a toy: its steps, its hard negatives, and how it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs what training/README.md lists")

from tiny_onnx import LETTERS, tiny_tokenizer  # noqa: E402

pytestmark = pytest.mark.usefixtures("scripts")

PASSAGES = ["north", "south", "food", "foot", "peace", "place", "river", "rover", "town", "gown", "ship", "shop"]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts import each other by their bare names."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "training"))


def asked_and_told() -> tuple[Any, Any]:
    """A corpus of questions, two about each passage, of one meaning; and its tokens."""
    import data
    import static

    corpus = data.Corpus()
    for passage in PASSAGES:
        corpus.texts += [passage, passage[:3], passage[1:]]
    corpus.langs = ["en"] * len(corpus.texts)
    n = np.repeat(np.arange(len(PASSAGES), dtype=np.int32), 2)
    asked = 3 * n + np.tile([1, 2], len(PASSAGES)).astype(np.int32)
    corpus.pairs = np.stack([asked, asked + 1, 3 * n, 3 * n + 1, n], axis=1).astype(np.int32)
    corpus.groups = np.zeros(len(n), np.int32)
    corpus.group_names = [(data.QUESTIONS, "toy", "en-en")]
    return corpus, static.encode(tiny_tokenizer(), corpus.texts)


def table_of_letters() -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal((len(LETTERS), 8)).astype(np.float32)


def trained(steps: int, of: int = 6, **more: Any) -> NDArray[np.float32]:
    import static

    corpus, encoded = asked_and_told()
    settings = static.Settings(cycles=((of, 1.0),), batch=16, shares=(0, 0, 1, 0, 0), initial_scale=1.0, dimension=8)
    allowed = np.ones(len(corpus.pairs), np.bool_)
    torch.set_num_threads(1)

    def report(step: int, table: NDArray[np.float32], line: str) -> None:
        if step == steps:
            reported.append(table.copy())
            raise KeyboardInterrupt

    reported: list[NDArray[np.float32]] = []
    with pytest.raises(KeyboardInterrupt):
        static.train(corpus, encoded, len(LETTERS), settings, allowed, report, table_of_letters(), every=3, **more)
    return reported[0]


def test_training_that_is_interrupted_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = trained(6)
    half = trained(3, checkpoint=tmp_path / "table.pt")
    assert (whole != half).any()
    np.testing.assert_array_equal(trained(6, checkpoint=tmp_path / "table.pt"), whole)


def test_a_step_is_that_of_the_gradient_of_the_whole_table() -> None:
    import static

    corpus, encoded = asked_and_told()
    table = torch.nn.Parameter(torch.from_numpy(table_of_letters()))
    settings = static.Settings(batch=16, shares=(0, 0, 1, 0, 0))
    optimizer = torch.optim.Adam([table], lr=settings.learning_rate)
    drawn = iter(static.Sampler(corpus, settings, np.ones(len(corpus.pairs), np.bool_)))
    for step in range(3):
        pairs = corpus.pairs[next(drawn)]
        left, right = (
            static.embed(table, *static.ranges(encoded, pairs[:, side], pairs[:, side + 1], 128)) for side in (0, 2)
        )
        optimizer.zero_grad()
        static.info_nce(left, right, torch.from_numpy(pairs[:, 4]), settings.scale).backward()
        optimizer.param_groups[0]["lr"] = settings.learning_rate * static.rate_factor(step, ((6, 1.0),))
        optimizer.step()
    np.testing.assert_allclose(trained(3), table.detach().numpy(), atol=1e-4)


def test_hard_negatives_are_near_and_of_another_meaning() -> None:
    import hard_negatives

    corpus, encoded = asked_and_told()
    rows = np.arange(len(corpus.pairs))
    found = hard_negatives.hard_negatives(corpus, encoded, rows, table_of_letters())
    assert found.shape == (len(rows), hard_negatives.HARD_KEPT)
    assert (corpus.pairs[found, 4] != corpus.pairs[:, None, 4]).all()
    assert all(len(set(some)) == len(some) for some in corpus.pairs[found, 4].tolist())
    near = {PASSAGES[meaning] for meaning in corpus.pairs[found[1], 4].tolist()}  # "orth"
    assert near & {"south", "foot", "shop"}
    few = hard_negatives.hard_negatives(corpus, encoded, rows[:12], table_of_letters())
    assert (few == -1).all()


def test_hard_negatives_change_what_is_learned() -> None:
    import hard_negatives

    corpus, encoded = asked_and_told()
    rows = np.arange(len(corpus.pairs))
    hard = hard_negatives.hard_negatives(corpus, encoded, rows, table_of_letters())
    assert (trained(3, hard=hard) != trained(3)).any()
    np.testing.assert_array_equal(trained(3, hard=np.full_like(hard, -1)), trained(3))


def teacher_of(corpus: Any) -> Any:
    """A teacher that reads all but the first passage, and finds some of them alike."""
    import soft_labels

    vectors = np.random.default_rng(1).standard_normal((len(PASSAGES), 4)).astype(np.float16)
    places = corpus.pairs[:, [4, 4]].copy()
    places[places == 0] = -1
    return soft_labels.Teacher(vectors, places)


def test_soft_labels_are_those_of_the_divergence_of_two_softmaxes(monkeypatch: pytest.MonkeyPatch) -> None:
    import soft_labels

    monkeypatch.setattr(soft_labels, "FEWEST", 2)
    teacher = teacher_of(asked_and_told()[0])
    scores = torch.randn((3, 4), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    left, right = np.array([1, -1, 2]), np.array([3, 1, -1, 5])
    told = teacher.vectors.astype(np.float64)
    told /= np.linalg.norm(told, axis=1, keepdims=True)
    wanted = np.exp(30 * told[[1, 2]] @ told[[3, 1, 5]].T)
    given = np.exp(scores.numpy()[[0, 2]][:, [0, 1, 3]])
    apart = []
    for axis in (1, 0):
        p, q = (one / one.sum(axis=axis, keepdims=True) for one in (wanted, given))
        apart.append((p * np.log(p / q)).sum() / p.shape[1 - axis])
    assert float(soft_labels.divergence(scores, teacher, left, right)) == pytest.approx(np.mean(apart), rel=1e-4)
    assert soft_labels.divergence(scores, teacher, left, np.array([-1, 1, -1, -1])) is None


def test_a_student_comes_to_find_alike_what_its_teacher_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import soft_labels
    import static

    monkeypatch.setattr(soft_labels, "FEWEST", 2)
    corpus, encoded = asked_and_told()
    teacher = teacher_of(corpus)

    def agreement(table: NDArray[np.float32]) -> float:
        bags = static.embed(torch.from_numpy(table), *static.ranges(encoded, corpus.pairs[:, 2], corpus.pairs[:, 3], 9))
        known = np.flatnonzero(teacher.of_pairs[:, 0] >= 0)
        theirs = teacher.of(teacher.of_pairs[known, 0])
        return float(np.corrcoef((bags[known] @ bags[known].T).ravel(), (theirs @ theirs.T).ravel())[0, 1])

    assert agreement(trained(60, of=60, teacher=teacher)) > agreement(trained(60, of=60)) + 0.1
    whole = trained(6, teacher=teacher)
    trained(3, teacher=teacher, checkpoint=tmp_path / "table.pt")
    np.testing.assert_array_equal(trained(6, teacher=teacher, checkpoint=tmp_path / "table.pt"), whole)


def test_what_says_the_same_in_english_is_found_for_translations_glosses_and_their_ranges() -> None:
    import data
    import labelled

    corpus = data.Corpus(texts=["one", "two", "eins", "zwei", "drei"], langs=["en", "en", "de", "de", "de"])
    corpus.pairs = np.array([[0, 1, 2, 3, 1], [3, 4, 1, 2, 2], [2, 4, 0, 1, 3], [4, 5, 0, 2, 4]], np.int32)
    corpus.groups = np.array([0, 0, 1, 1], np.int32)
    corpus.group_names = [(data.SENTENCES, "toy", "de-en"), (data.PASSAGES, "toy", "de-en")]
    corpus.english = data.english_texts(corpus)
    assert corpus.english.tolist() == [0, 1, 0, 1, -1]
    sides = [labelled.english_ranges(corpus, side) for side in (0, 1)]
    spans = [[(key >> 32, key & 0xFFFFFFFF) if key >= 0 else None for key in side.tolist()] for side in sides]
    assert spans == [[(0, 1), (1, 2), (0, 2), None], [(0, 1), (1, 2), (0, 1), (0, 2)]]
    chosen, ranges = labelled.pooled(corpus, np.array([True, True, True, True]), seed=0)
    assert chosen.tolist() == [True, True, True, False]  # What the teacher cannot read is not of the pool.
    assert ranges.told.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert ranges.of_pairs.tolist() == [[0, 0], [2, 2], [1, 0], [-1, -1]]


def test_a_tokeniser_is_written_compactly_and_cuts_as_before() -> None:
    import export
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(PASSAGES, trainers.BpeTrainer(vocab_size=40, show_progress=False))
    written = export.compact(tokenizer)
    assert len(written) < len(tokenizer.to_str(pretty=False))
    again = Tokenizer.from_str(written)
    for passage in PASSAGES:
        assert again.encode(passage).tokens == tokenizer.encode(passage).tokens


def test_the_mean_of_tables_weighs_them_alike() -> None:
    import average

    one = table_of_letters()
    np.testing.assert_allclose(average.mean_table([one, 100 * one]), average.mean_table([one]), rtol=1e-5)
