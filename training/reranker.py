"""Learns what fusion and the reranker count by: search/data/reranker.json.

    python -m training.reranker --corpora DIR [--out search/data/reranker.json]

The passages of the training corpora's question sets go into one index of many languages. The questions were written for
this (questions.tsv), in the passages' own languages and in English on passages of others; the sets' own questions on
these passages are added, for the embedding model sees none of them in its training. On other passages its cosines
would look better than they are. Each
question is asked through the product's own legs; each candidate gives its features and whether it is the question's
passage. The weights minimise the cross entropy of the right passage among the candidates of its question, so they
rank; then a scale and a bias are fitted, on questions held out from that, so that the log-odds are calibrated (Platt
1999). A question of which the right passage is taken out stands for one that the archive cannot answer. Weights are
kept from pointing the wrong way (more evidence never counts against a passage). No evaluation set is used.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from backissue.indexer import Indexer
from backissue.search import Archive, Article, Mode
from backissue.search.asked import AskedTokens
from backissue.search.calibration import Calibration, LogisticModel
from backissue.search.embedding import StaticEmbedder
from backissue.search.fusion import Candidates, fusion_features
from backissue.search.pipeline import RERANK_DEPTH, evidence_of
from backissue.search.query import parse
from backissue.search.question import Question, understand
from backissue.search.rerank import Evidence, FastReranker
from backissue.search.retrieval import gather, retrieve
from backissue.search.translations import Translations

QUESTION_SETS = (
    "qa_pl_poquad_tests", "qa_fr_piaf", "qa_tydi_goldp", "qa_tr_tquad", "qa_ja_jsquad_dev", "qa_zh_cmrc2018",
    "qa_en_cmu_wikipedia", "qa_en_qed_nq_dev", "news_debian_headlines", "news_uk_brown", "news_en_digitalgov",
)  # fmt: skip
LANGS_OF = {"news_debian_headlines": {"de", "es"}}
"""This set has the same news in many languages; with all of them a question would have several right passages."""
FREE_SIGN = frozenset({"foreign"})
SILENT_FEATURES: Mapping[str, tuple[str, ...]] = {
    "hybrid": (),
    "lexical": ("cosine", "foreign_cosine"),
    "semantic": (
        *("words", "covered", "together"),
        *("foreign_words", "foreign_covered", "foreign_together"),
    ),
}
"""What is not known in each mode."""
WRONGLY_GIVEN_UP = 0.02
SETS_OWN = 2
L2 = 1e-5


@dataclass(frozen=True)
class Asked:
    """A question, the key of the passage that answers it, and whether that is in another language."""

    text: str
    passage: str
    foreign: bool


@dataclass(frozen=True)
class Example:
    """The candidates of a question: features (n, f) and the place of the right one, -1 where none is."""

    features: NDArray[np.float64]
    right: int
    foreign: bool


def passages_and_questions(corpora: Path, questions: Path, per_set: int) -> tuple[dict[str, Article], list[Asked]]:
    """Passages by their keys, those that are asked for and `per_set` more of each set, and the questions on them.

    Beside the written questions these are up to `SETS_OWN` of the sets' on each passage that is asked for.
    """
    rng = random.Random(1)
    asked = list(written_questions(questions))
    wanted = {one.passage for one in asked}
    unwanted = twins() - wanted
    passages: dict[str, Article] = {}
    own = Counter[str]()
    for name in QUESTION_SETS:
        with lzma.open(corpora / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        rng.shuffle(rows)
        others = 0
        for row in rows:
            key = sha256(row["p"].encode()).hexdigest()[:16]
            is_other = key not in wanted and key not in passages
            if not 80 <= len(row["p"]) <= 6000 or row["lang"] not in LANGS_OF.get(name, {row["lang"]}):
                continue
            if key in unwanted:
                continue
            if not is_other or others < per_set:
                others += is_other
                passages.setdefault(key, Article(id=key, text=row["p"], lang=row["lang"]))
            if key in wanted and name.startswith("qa_") and own[key] < SETS_OWN:
                own[key] += 1
                asked.append(Asked(row["q"], key, foreign=False))
    return passages, [one for one in asked if one.passage in passages]


def twins() -> set[str]:
    """The keys of passages that are the same news as another in another language."""
    lines = Path(__file__).with_name("twins.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {key for line in lines for key in line.split("\t")}


def written_questions(path: Path) -> Iterator[Asked]:
    """The questions of the file: corpus, key of the passage, its language, that of the question, and the question.

    The last two columns, where the answering sentence stands in the passage, are for `training.answers`.
    """
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        _, key, lang, asked_in, question, _, _ = line.split("\t")
        yield Asked(question, key, foreign=lang != asked_in)


def candidates_of(archive: Archive, asked: Sequence[Asked]) -> Iterator[tuple[Asked, Question, Candidates]]:
    """What the product's own legs find for each question."""
    snapshot, embedder = archive._snapshot, StaticEmbedder.bundled()
    for one in asked:
        query = parse(one.text)
        question = understand(query, snapshot.langs, embedder, Translations.bundled())
        table = snapshot.lexical.table(question.terms)
        legs = retrieve(snapshot, question, table, Mode.HYBRID, snapshot.restriction(query), None)
        candidates = gather(snapshot, question, table, legs, Mode.HYBRID, keep_all=True)
        if len(candidates):
            yield one, question, candidates


def fusion_example(archive: Archive, one: Asked, candidates: Candidates) -> Example:
    """A question's candidates as fusion sees them."""
    features = _matrix(fusion_features(candidates.words, candidates.semantic, candidates.readable))
    return Example(features, _right(archive, one, candidates, range(len(candidates))), one.foreign)


def reranker_example(
    archive: Archive, one: Asked, question: Question, candidates: Candidates, fused: NDArray[np.float64]
) -> tuple[Example, list[str]]:
    """Those that fusion puts first as the reranker sees them, and the names of its features."""
    first, evidence = evidence_of_first(archive, question, candidates, fused)
    reranker = FastReranker(StaticEmbedder.bundled(), Calibration.bundled().reranker[Mode.HYBRID])
    features = reranker.features(evidence)
    return Example(_matrix(features), _right(archive, one, candidates, first), one.foreign), list(features)


def evidence_of_first(
    archive: Archive, question: Question, candidates: Candidates, fused: NDArray[np.float64]
) -> tuple[list[int], Evidence]:
    """The places of the candidates that fusion puts first, and what a reranker is told of them."""
    snapshot = archive._snapshot
    first = np.argsort(-fused, kind="stable")[:RERANK_DEPTH]
    asked = AskedTokens(question.text, StaticEmbedder.bundled())
    return first.tolist(), evidence_of(snapshot, snapshot.lexical.table(question.terms), candidates, first, asked)


def _right(archive: Archive, one: Asked, candidates: Candidates, places: Iterable[int]) -> int:
    """The place of the right passage among some candidates, -1 where it is not among them."""
    snapshot = archive._snapshot
    article = archive._store.row_of(one.passage)
    found = [n for n, index in enumerate(places) if snapshot.columns.article[candidates.positions[index]] == article]
    return found[0] if found else -1


def learn(some: Sequence[Example], names: Sequence[str]) -> NDArray[np.float64]:
    """Weights (f,) that rank: listwise cross entropy, each language setting counting the same in sum."""
    usable = [one for one in some if one.right >= 0]
    foreign = sum(one.foreign for one in usable)
    share = {True: 0.5 / max(foreign, 1), False: 0.5 / max(len(usable) - foreign, 1)}

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = L2 * float(weights @ weights), 2 * L2 * weights
        for one in usable:
            scores = one.features @ weights
            chances = np.exp(scores - scores.max())
            chances /= chances.sum()
            part = share[one.foreign]
            total -= part * float(np.log(chances[one.right] + 1e-12))
            gradient = gradient + part * (chances @ one.features - one.features[one.right])
        return total, gradient

    bounds = [(None, None) if name in FREE_SIGN else (0.0, None) for name in names]
    return np.asarray(minimize(loss, np.ones(len(names)), jac=True, method="L-BFGS-B", bounds=bounds).x)


def calibrate(some: Sequence[Example], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Scale and bias that make log-odds of scores, from the best candidate of each question.

    Half of the questions lose their right passage first: the archive cannot answer them.
    """
    scores, right = [], []
    for number, one in enumerate(some):
        values = one.features @ weights
        if number % 2 and one.right >= 0:
            values = np.delete(values, one.right)
            answers = -1
        else:
            answers = one.right
        if len(values):
            best = int(values.argmax())
            scores.append(values[best])
            right.append(best == answers)
    x, y = np.array(scores), np.array(right, dtype=np.float64)

    def loss(pair: NDArray[np.float64]) -> float:
        log_odds = pair[0] * x + pair[1]
        return float(np.mean(np.logaddexp(0.0, log_odds) - y * log_odds))

    scale, bias = minimize(loss, np.array([1.0, -float(x.mean())]), method="Nelder-Mead").x
    return float(scale), float(bias)


def report(name: str, some: Sequence[Example], weights: NDArray[np.float64], scale: float, bias: float) -> None:
    """Prints the rank measures and the calibration curve on held-out questions."""
    for foreign in (False, True):
        mine = [one for one in some if one.foreign == foreign]
        ranks = []
        for one in mine:
            if one.right < 0:
                ranks.append(np.inf)
                continue
            scores = one.features @ weights
            ranks.append(1 + int((scores > scores[one.right]).sum()))
        reciprocal = np.mean([1 / rank for rank in ranks]) if ranks else 0.0
        first = np.mean([rank == 1 for rank in ranks]) if ranks else 0.0
        where = "across languages" if foreign else "same language"
        print(f"{name:9} {where:17} questions {len(mine):4}  MRR {reciprocal:.3f}  first {first:.3f}")
    estimates, truths = [], []
    for one in some:
        scores = one.features @ weights
        best = int(scores.argmax())
        estimates.append(1 / (1 + np.exp(-(scale * scores[best] + bias))))
        truths.append(best == one.right)
    for low in np.arange(0.0, 1.0, 0.2):
        inside = [t for e, t in zip(estimates, truths, strict=True) if low <= e < low + 0.2]
        if inside:
            print(f"{name:9} estimated {low:.1f}-{low + 0.2:.1f}: right {np.mean(inside):.2f} of {len(inside)}")


def threshold(some: Sequence[Example], weights: NDArray[np.float64], scale: float, bias: float) -> float:
    """The probability below which "nothing answers" is said: of one in fifty questions that have an answer."""
    have, lack = [], []
    for one in some:
        if one.right >= 0:
            scores = one.features @ weights
            have.append(float(scores.max()))
            rest = np.delete(scores, one.right)
            if len(rest):
                lack.append(float(rest.max()))
    limit = float(np.quantile(have, WRONGLY_GIVEN_UP))
    probability = 1 / (1 + np.exp(-(scale * limit + bias)))
    print(
        f"nothing answers below {probability:.2f}: said of {np.mean(np.array(lack) < limit):.2f} of unanswerable ones"
    )
    return float(probability)


def _matrix(features: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack(list(features.values()), axis=1)


def _without(one: Example, names: Sequence[str], silent: Sequence[str]) -> Example:
    features = one.features.copy()
    features[:, [names.index(name) for name in silent if name in names]] = 0.0
    return Example(features, one.right, one.foreign)


def _model(
    names: Sequence[str],
    weights: NDArray[np.float64],
    scale: float,
    bias: float,
    silent: Sequence[str],
    limit: float,
) -> dict[str, Any]:
    scaled = {name: round(float(scale * w), 4) for name, w in zip(names, weights, strict=True) if name not in silent}
    return {"bias": round(bias, 4), "weights": scaled, "no_answer_below": round(limit, 3)}


def learn_modes(name: str, some: Sequence[Example], names: Sequence[str]) -> dict[str, Any]:
    """A model for each mode: the first half of the questions teaches the order, the second the calibration."""
    models = {}
    for mode, silent in SILENT_FEATURES.items():
        kept = [_without(one, names, silent) for one in some]
        half = len(kept) // 2
        weights = learn(kept[:half], names)
        scale, bias = calibrate(kept[half:], weights)
        report(f"{name} {mode}", kept[half:], weights, scale, bias)
        limit = threshold(kept[half:], weights, scale, bias)
        models[mode] = _model(names, weights, scale, bias, silent, limit)
    return models


def main() -> None:
    """Learns, reports and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--questions", type=Path, default=Path(__file__).parent / "questions.tsv")
    parser.add_argument("--out", type=Path, default=Path("search/data/reranker.json"))
    parser.add_argument("--passages", type=int, default=500, help="passages drawn from each question set beside")
    arguments = parser.parse_args()
    passages, asked = passages_and_questions(arguments.corpora, arguments.questions, arguments.passages)
    # By passage, so that the questions of one are not on both sides of a division into halves.
    asked.sort(key=lambda one: sha256(f"2 {one.passage}".encode()).digest())
    print(f"{len(passages)} passages, {len(asked)} questions, {sum(one.foreign for one in asked)} across languages")
    names = list(fusion_features(np.zeros(1), np.zeros(1), np.ones(1, dtype=np.bool_)))
    # What `training.answers` has learned is kept.
    record: dict[str, Any] = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        Indexer(folder, target_words=2000, overlap_sentences=0).rebuild(passages.values())
        with Archive.open(folder) as archive:
            found = list(candidates_of(archive, asked))
            fused = [fusion_example(archive, one, candidates) for one, _, candidates in found]
            record["fusion"] = learn_modes("fusion", fused, names)
            model = LogisticModel(**record["fusion"]["hybrid"])
            read = []
            for (one, question, candidates), example in zip(found, fused, strict=True):
                scores = model.log_odds(dict(zip(names, example.features.T, strict=True)))
                read_example, reranker_names = reranker_example(archive, one, question, candidates, scores)
                read.append(read_example)
    record["reranker"] = learn_modes("reranker", read, reranker_names)
    arguments.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
