"""The training of the deeper model at the size of a toy: where its table starts, how it goes on, what is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs what training/README.md lists")
transformers = pytest.importorskip("transformers", reason="needs what training/README.md lists")
onnx = pytest.importorskip("onnx", reason="needs onnx")
pytest.importorskip("onnxscript", reason="needs what training/README.md lists")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs backissue[deep]")

from tiny_onnx import LETTERS, tiny_tokenizer  # noqa: E402

from backissue.search.embedding import load_embedder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # What the libraries of training warn of is not this project's.

PAIRS = [
    ("en", "north", "pl", "północ"),
    ("en", "food", "pl", "żywność"),
    ("en", "peace", "uk", "мир"),
    ("en", "korea", "uk", "корея"),
    ("en", "town", "pl", "miasto"),
    ("en", "river", "pl", "rzeka"),
]


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts import each other by their bare names."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "training"))


def tiny_student(layers: int = 2) -> Any:
    import encoder

    torch.manual_seed(3)
    config = transformers.BertConfig(
        hidden_size=32, num_attention_heads=4, intermediate_size=64, max_position_embeddings=128
    )
    return encoder.blank_student(config, len(LETTERS), layers)


def tiny_corpus() -> Any:
    import data

    corpus = data.Corpus()
    for one in PAIRS:
        corpus.langs += one[::2]
        corpus.texts += one[1::2]
    n = np.arange(len(PAIRS), dtype=np.int32)
    corpus.pairs = np.stack([2 * n, 2 * n + 1, 2 * n + 1, 2 * n + 2, n], axis=1)
    corpus.groups = np.concatenate([n * 0 + kind for kind in range(4)])
    corpus.pairs = np.concatenate([corpus.pairs] * 4)
    corpus.group_names = [(kind, "toy", "en-pl") for kind in range(4)]
    return corpus


@pytest.mark.usefixtures("training")
def test_a_batch_is_the_same_as_one_by_one() -> None:
    import encoder
    import static

    student = tiny_student()
    encoded = static.encode(tiny_tokenizer(), [text for pair in PAIRS for text in pair[1::2]])
    each = np.arange(len(encoded.starts) - 1, dtype=np.int32)
    together = encoder.embed_ranges(student, encoded, each, each + 1, 64)
    alone = [encoder.embed_ranges(student, encoded, each[i : i + 1], each[i : i + 1] + 1, 64)[0] for i in each]
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize(("layers", "chosen"), [(1, [5]), (2, [0, 5]), (3, [0, 2, 5]), (6, [0, 1, 2, 3, 4, 5])])
def test_a_smaller_body_starts_from_layers_that_are_spread_evenly(layers: int, chosen: list[int]) -> None:
    import encoder

    assert encoder.chosen_layers(6, layers) == chosen


@pytest.mark.usefixtures("training")
def test_a_piece_is_the_mixture_of_what_it_is_linked_with() -> None:
    import pieces

    teacher = np.array([[3.0, 0.0], [0.0, 1.0]], np.float32)
    table, known = pieces.mixtures({(0, 0): 6.0, (0, 1): 2.0, (2, 1): 5.0, (1, 0): 0.01}, 3, teacher)
    # 3/4 and 1/4 of the two, at 3/4 and 1/4 of their lengths.
    mixed = np.array([3 / 4 * 3, 1 / 4 * 1])
    np.testing.assert_allclose(table[0], mixed / np.linalg.norm(mixed) * (3 / 4 * 3 + 1 / 4 * 1), rtol=1e-5)
    np.testing.assert_allclose(table[2], [0.0, 1.0])
    assert known.tolist() == [True, False, True]


@pytest.mark.usefixtures("training")
def test_training_that_is_interrupted_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole.pt", steps=8)
    part = trained(tmp_path / "part.pt", steps=8, stop_after=3)
    assert any((whole[name] != part[name]).any() for name in whole)
    resumed = trained(tmp_path / "part.pt", steps=8)
    for name, weight in whole.items():
        np.testing.assert_array_equal(weight, resumed[name], err_msg=name)


def trained(checkpoint: Path, steps: int, stop_after: int | None = None) -> dict[str, np.ndarray]:
    """The weights after training, from the checkpoint where there is one."""
    import distil
    import hard_negatives

    torch.set_num_threads(1)
    corpus, student = tiny_corpus(), tiny_student()
    settings = distil.Settings(pool=24, batch=(4, 4, 4, 4), max_tokens=(32, 32, 32, 32), body_rate=1e-3)
    pool = distil.draw_pool(corpus, np.ones(len(corpus.pairs), np.bool_), settings)
    assert len(pool.ranges) == len(PAIRS)
    encoded = distil.encode_pool(tiny_tokenizer(), corpus, pool)
    table = np.random.default_rng(5).standard_normal((len(LETTERS), 8)).astype(np.float32)
    hard = hard_negatives.hard_negatives(corpus, encoded, pool.rows[2], table)
    teacher = np.random.default_rng(6).standard_normal((len(pool.ranges), 32)).astype(np.float16)
    training = distil.Training(
        student, corpus, encoded, pool, hard, teacher, settings, distil.Progress(steps, minutes=None)
    )
    if stop_after is None:
        training.run(lambda line: None, checkpoint)
    else:
        for _ in range(stop_after):
            training.step()
        training.save(checkpoint)
    return {name: weight.detach().numpy().copy() for name, weight in student.body.state_dict().items()}


@pytest.mark.usefixtures("training")
def test_only_kinds_that_have_pairs_are_probed() -> None:
    import evaluate

    corpus = tiny_corpus()
    pairs = evaluate.probe_pairs(corpus, np.arange(len(corpus.pairs)) < len(PAIRS), seed=0)
    assert {name: len(some) for name, some in pairs.items()} == {"sentences": len(PAIRS)}
    alike = evaluate.probe(pairs, lambda first, last: np.eye(20, dtype=np.float32)[first // 2])
    assert alike == {"sentences": 1.0}


@pytest.mark.usefixtures("training")
def test_the_student_is_drawn_to_the_teacher() -> None:
    import distil
    import hard_negatives

    corpus, student = tiny_corpus(), tiny_student()
    settings = distil.Settings(pool=24, batch=(6, 6, 6, 6), max_tokens=(32, 32, 32, 32), body_rate=3e-3)
    pool = distil.draw_pool(corpus, np.ones(len(corpus.pairs), np.bool_), settings)
    encoded = distil.encode_pool(tiny_tokenizer(), corpus, pool)
    teacher = np.random.default_rng(6).standard_normal((len(pool.ranges), 32)).astype(np.float16)
    hard = np.full((len(pool.rows[2]), hard_negatives.HARD_KEPT), -1)
    training = distil.Training(
        student, corpus, encoded, pool, hard, teacher, settings, distil.Progress(steps=60, minutes=None)
    )
    told = [training.step() for _ in range(60)]
    losses = [one["sentences teacher"] for one in told if "sentences teacher" in one]
    assert losses[-1] < losses[0] / 2


@pytest.mark.usefixtures("training")
def test_the_exported_model_equals_the_trained_one() -> None:
    import onnx_export

    student = tiny_student()
    ids = torch.randint(0, len(LETTERS), (3, 11))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    with torch.inference_mode():
        wanted = student.body(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    given = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    model = onnx_export.exported(student)
    for made, tolerance in ((model, 1e-4), (onnx_export.quantised(model), 0.3)):
        session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        states = session.run(None, given)[0]
        shown = mask.numpy().astype(bool)
        np.testing.assert_allclose(states[shown], wanted[shown], atol=tolerance)


@pytest.mark.usefixtures("training")
def test_the_package_runs_what_was_exported(tmp_path: Path) -> None:
    import encoder
    import onnx_export
    import static

    student, tokenizer = tiny_student(), tiny_tokenizer()
    texts = [text for pair in PAIRS for text in pair[1::2]] + ["north korea " * 40]
    onnx_export.save(tmp_path, student, tokenizer, max_tokens=96)
    encoded = static.encode(tokenizer, texts)
    each = np.arange(len(texts), dtype=np.int32)
    wanted = encoder.embed_ranges(student, encoded, each, each + 1, 94)
    cosines = (load_embedder(tmp_path).embed_passages(texts) * wanted).sum(axis=1)
    assert cosines.min() > 0.99


@pytest.mark.usefixtures("training")
def test_rows_of_a_table_are_kept_to_a_part_of_their_largest_value() -> None:
    import onnx_export

    table = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32) * np.logspace(-3, 3, 50)[:, None]
    integers, scales = onnx_export.quantised_rows(table.astype(np.float32))
    assert integers.dtype == np.int8
    assert (np.abs(integers * scales - table) <= np.abs(table).max(axis=1, keepdims=True) / 127 / 2 * 1.01).all()
