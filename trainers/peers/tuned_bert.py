"""The encoder itself, tuned end to end with a head on [CLS].

Source: Devlin et al. 2018, arXiv 1810.04805, section 4.1 and A.3: [CLS] of the
last layer, dropout 0.1, two to four passes. The rates are those of
`--tune_encoder`.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.peers.clock import Clock
from trainers.peers.recorded_texts import RecordedTexts
from trainers.serving.functions import load_encoder
from trainers.training import precision
from trainers.tuning import fitting
from trainers.tuning import model as tuned_model
from trainers.tuning.config import TuneConfig
from trainers.tuning.texts import Texts

EPOCHS = 3
_TEXTS_PER_PART = 2048
_TEXTS_AT_ONCE = 512


def train(
    train_texts: RecordedTexts,
    validation: RecordedTexts,
    *,
    num_classes: int,
    encoder: Mapping[str, Any],
    workdir: pathlib.Path,
    run: Mapping[str, Any],
    seed: int,
) -> tuple[np.ndarray, float, str]:
    """Tunes the encoder of the records; takes and returns as `kim_cnn.train`.

    Raises:
        FileNotFoundError: If the encoder is no longer where it was.
        ValueError: If another one is there.
    """
    clock = Clock()
    bert = load_encoder(dict(encoder))
    config = TuneConfig(tune_encoder=EPOCHS, tune_seed=seed)
    most = min(config.tune_max_tokens, bert.max_tokens)
    pad_id = bert.tokenizer.pad_id

    def tokenized(part: RecordedTexts) -> Texts:
        blocks = [
            bert.tokenizer.ids(
                tf.constant(part.texts[start : start + _TEXTS_AT_ONCE]),
                tf.constant(most),
            )[0].numpy()
            for start in range(0, len(part.texts), _TEXTS_AT_ONCE)
        ]
        width = max(block.shape[1] for block in blocks)
        ids = np.concatenate(
            [
                np.pad(
                    block,
                    ((0, 0), (0, width - block.shape[1])),
                    constant_values=pad_id,
                )
                for block in blocks
            ]
        )
        lengths = (ids != pad_id).sum(axis=1)
        return Texts(ids, lengths, part.labels, part.ids)

    texts, held = tokenized(train_texts), tokenized(validation)
    _, model = tuned_model.build_model(
        bert.backbone,
        [bert.layers[-1]],
        num_classes,
        dtype=precision.resolve("auto"),
        seed=seed,
    )
    fitting.fit_model(
        model,
        bert.backbone,
        config,
        texts,
        held,
        pad_id=pad_id,
        workdir=workdir,
        run=run,
        texts_per_part=_TEXTS_PER_PART,
        counts={"milliseconds": clock.milliseconds},
        after=lambda figures: clock.tick(),
    )
    logits = fitting.predict(
        fitting.inference(model, pad_id), held, config.tune_batch_size, pad_id
    )
    name = f"BERT tuned end to end on {most} tokens, {EPOCHS} passes"
    return logits, clock.seconds, name
