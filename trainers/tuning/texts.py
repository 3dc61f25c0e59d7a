"""The train side of a corpus, as token ids and labels."""

import dataclasses
import hashlib

import numpy as np
import sklearn.model_selection
import tqdm

from text2image.bert.tokenizer import Tokenizer
from text2image.corpora.examples import Corpus
from text2image.corpora.sides import TRAIN
from text2image.corpora.split import Split
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.stages import encoded_records

# Of the drawn texts, to watch the tuning; never of the validation side.
HELD_OUT_SHARE, MOST_HELD_OUT = 0.05, 1000


@dataclasses.dataclass(frozen=True)
class Texts:
    """Tokenised texts.

    Attributes:
        ids: `(N, T)` int32 token ids, padded.
        lengths: `(N,)` tokens of each text, after any cut.
        labels: `(N,)` int32.
        record_ids: N ids of records.
    """

    ids: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    record_ids: list[str]

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.labels)

    def rows(self, rows: np.ndarray) -> "Texts":
        """Returns some of the texts."""
        return Texts(
            self.ids[rows],
            self.lengths[rows],
            self.labels[rows],
            [self.record_ids[row] for row in rows],
        )

    @property
    def sha256(self) -> str:
        """Hash of record ids, labels and token ids."""
        digest = hashlib.sha256("\n".join(self.record_ids).encode())
        for array in (self.labels, self.ids):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def read_train(
    settings: RecordsConfig,
    source: Corpus,
    parts: Split,
    tokenizer: Tokenizer,
    max_tokens: int,
    limit: int,
    seed: int,
) -> Texts:
    """Tokenises the train side; no text of another side is looked at.

    Holds 4 bytes per token kept.

    Args:
        settings: Settings of the records.
        source: The corpus.
        parts: Its split.
        tokenizer: The encoder's.
        max_tokens: Most tokens kept per text.
        limit: Most texts, a stratified draw; 0 for all.
        seed: Seed of the draw.
    """
    count = int((parts.side == TRAIN).sum())
    blocks: list[np.ndarray] = []
    labels: list[int] = []
    record_ids: list[str] = []
    with tqdm.tqdm(
        total=count, unit="text", desc="tuning: texts", delay=2
    ) as progress:
        for split, _, examples in encoded_records.deal_shards(
            source, parts, settings.examples_per_shard
        ):
            if split != schema.SPLITS[TRAIN]:
                continue
            ids, _ = tokenizer.ids([one.text for one in examples], max_tokens)
            blocks.append(ids.numpy())
            labels += [parts.label_index[one.label] for one in examples]
            record_ids += [one.id for one in examples]
            progress.update(len(examples))
    width = max(block.shape[1] for block in blocks)
    ids = np.full((len(labels), width), tokenizer.pad_id, np.int32)
    start = 0
    for block in blocks:
        ids[start : start + len(block), : block.shape[1]] = block
        start += len(block)
    texts = Texts(
        ids,
        (ids != tokenizer.pad_id).sum(axis=1),
        np.array(labels, np.int32),
        record_ids,
    )
    if 0 < limit < len(texts):
        texts = texts.rows(draw(texts.labels, limit, seed))
    return texts


def hold_out(texts: Texts, seed: int) -> tuple[Texts, Texts]:
    """Divides texts into those to tune on and a few to watch it by."""
    count = min(MOST_HELD_OUT, int(HELD_OUT_SHARE * len(texts)))
    # One per class, but never most of the texts.
    count = max(1, count, min(texts.labels.max() + 1, len(texts) // 2))
    held_out = draw(texts.labels, count, seed)
    is_tuned = np.ones(len(texts), bool)
    is_tuned[held_out] = False
    return texts.rows(np.flatnonzero(is_tuned)), texts.rows(held_out)


def draw(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws rows, ascending: stratified, unless classes are too small."""
    rows = np.arange(len(labels))
    least = np.bincount(labels).min()
    fewest = min(count, len(labels) - count)  # on either side of the draw
    stratify = labels if least > 1 and fewest > labels.max() else None
    chosen, _ = sklearn.model_selection.train_test_split(
        rows, train_size=count, random_state=seed, stratify=stratify
    )
    return np.sort(chosen)
