"""Texts and a published encoder to an encoder that is tuned on the texts."""

import dataclasses
import pathlib
import re
import time
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from text2image import devices
from text2image.bert import checkpoint, headers, saving
from text2image.bert.layers import parse_layers
from text2image.bert.tokenizer import Tokenizer
from text2image.corpora.texts import open_corpus
from tfrecords import files, paths
from tfrecords.config import RecordsConfig
from tfrecords.settings import fingerprint
from tfrecords.stages import dealing, record_sets, stacks
from tfrecords.versions import installed_versions
from trainers.runs import checkpoints, json_files
from trainers.runs.holding import hold
from trainers.runs.workdir import CHECKPOINT_FILE
from trainers.training import fit, loop, precision
from trainers.training.metrics import evaluate
from trainers.tuning import model as tuned_model
from trainers.tuning import texts as train_texts
from trainers.tuning.batches import TokenSource, cut, inputs
from trainers.tuning.config import TuneConfig
from trainers.tuning.texts import Texts

TUNING_FILE = "tuning.json"
# A killed tuning loses at most the steps of this many texts.
_TEXTS_PER_PART = 2048
# Settings of stacks that do not say which texts are the train side's.
_NOT_OF_TRAIN_SIDE = (
    *("limit_validation", "tokens_per_batch", "encoder_engine"),
    *("encoder_dtype", "examples_per_shard", "max_tokens"),
)


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A tuning, done or not.

    Attributes:
        workdir: Directory of its checkpoint and provenance.
        encoder: Directory of the tuned encoder.
        provenance: What its bytes depend on.
    """

    workdir: pathlib.Path
    encoder: pathlib.Path
    provenance: dict[str, Any]


def tuned_encoder(
    config: TuneConfig,
    records: RecordsConfig,
    *,
    texts_per_part: int = _TEXTS_PER_PART,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> pathlib.Path:
    """Tunes the encoder on the train side, unless it is done already.

    A killed tuning resumes; on a CPU it ends with the bytes of one that was
    not killed.

    Args:
        config: How it is tuned.
        records: Settings of the records that are made with it.
        texts_per_part: Texts after whose steps it is saved.
        callbacks: Called around the steps, and at the end of each part.

    Returns:
        Directory of the tuned encoder, for `--encoder`.

    Raises:
        ValueError: If the records are in a store, or an earlier tuning is
            damaged.
        FloatingPointError: If the loss is not finite.
    """
    if paths.is_remote(records.records_dir):
        raise ValueError(
            "--tune_encoder writes the tuned encoder below --records_dir, "
            f"which must be on a disk. Received: {records.records_dir}. Tune "
            "with a local --records_dir first, then name what it made with "
            "--encoder."
        )
    source = open_corpus(
        records.dataset,
        data_dir=records.data_dir or None,
        download=records.download,
        reading=records.reading,
    )
    located = checkpoint.locate(records.encoder)
    tuning = _locate(
        config,
        records,
        {
            "corpus": source.name,
            "corpus_sha256": source.sha256,
            "encoder_sha256": checkpoint.identify(located),
        },
    )
    with hold(tuning.workdir):
        done = tuning.workdir / TUNING_FILE
        if done.is_file():
            _check_whole(tuning)
            logging.info("encoder: reusing %s", tuning.encoder)
            return tuning.encoder
        logging.info("encoder: tuning, in %s", tuning.workdir)
        loaded = checkpoint.load_checkpoint(located)
        texts = train_texts.read_train(
            records,
            source,
            dealing.split(records, source),
            Tokenizer(loaded.wordpiece),
            min(config.tune_max_tokens, records.max_tokens),
            config.limit_tune,
            config.tune_seed,
        )
        details = _tune(
            config, records, tuning, loaded, texts, texts_per_part, callbacks
        )
        _save(tuning, loaded, located)
        json_files.write_checked(
            done,
            {
                **tuning.provenance,
                **details,
                "tuned_sha256": checkpoint.identify(str(tuning.encoder)),
            },
        )
        (tuning.workdir / CHECKPOINT_FILE).unlink()
    return tuning.encoder


def _locate(
    config: TuneConfig, records: RecordsConfig, made_of: dict[str, Any]
) -> Tuning:
    settings = dataclasses.asdict(config)
    settings["tune_max_tokens"] = min(
        config.tune_max_tokens, records.max_tokens
    )
    chosen = tuple(n for n in stacks.SETTINGS if n not in _NOT_OF_TRAIN_SIDE)
    provenance = {
        **made_of,
        "records": record_sets.pick(records, chosen),
        "tuning": settings,
        "precision": precision.resolve("auto"),
        "device": "gpu" if devices.has_gpu() else "cpu",
    }
    name = pathlib.PurePath(records.encoder).name
    name = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "encoder"
    workdir = (
        pathlib.Path(records.records_dir)
        / "encoders"
        / f"{name}-{fingerprint(provenance)}"
    )
    return Tuning(workdir, workdir / f"{name}_tuned", provenance)


def _check_whole(tuning: Tuning) -> None:
    cure = f"Delete {tuning.workdir} to tune again."
    made = json_files.read(
        tuning.workdir / TUNING_FILE, ("tuned_sha256",), cure=cure
    )
    if (
        not tuning.encoder.is_dir()
        or checkpoint.identify(str(tuning.encoder)) != made["tuned_sha256"]
    ):
        raise ValueError(
            f"{tuning.encoder} is damaged: it is not what the tuning wrote. "
            f"{cure}"
        )


def _tune(
    config: TuneConfig,
    records: RecordsConfig,
    tuning: Tuning,
    loaded: checkpoint.Checkpoint,
    texts: Texts,
    texts_per_part: int,
    callbacks: Iterable[keras.callbacks.Callback],
) -> dict[str, Any]:
    """Trains, and sets the weights of the loaded encoder.

    Returns:
        What is known of the tuning, for its file.
    """
    begin = time.monotonic()
    frozen = loaded.backbone
    num_classes = int(texts.labels.max()) + 1
    texts, held_out = train_texts.hold_out(texts, config.tune_seed)
    backbone, model = tuned_model.build_model(
        frozen,
        parse_layers(records.layers, frozen.num_layers),
        num_classes,
        dtype=tuning.provenance["precision"],
        seed=config.tune_seed,
    )
    batch_size = min(config.tune_batch_size, len(texts))
    num_steps = config.tune_encoder * (len(texts) // batch_size)
    num_parts = -(-num_steps * batch_size // texts_per_part)
    part_steps = -(-num_steps // num_parts)
    pad_id = loaded.wordpiece.id_of(loaded.wordpiece.special.pad)
    source = TokenSource(
        texts,
        batch_size=batch_size,
        num_steps=part_steps,
        seed=config.tune_seed,
        pad_id=pad_id,
    )
    loop.compile_classifier(
        model,
        tuned_model.LayerwiseAdamW(
            config.tune_lr, num_parts * part_steps, frozen.num_layers
        ),
    )
    logging.info(
        "encoder: %d steps of %d texts of at most %d tokens, saved %d times",
        num_parts * part_steps,
        batch_size,
        tuning.provenance["tuning"]["tune_max_tokens"],
        num_parts,
    )
    history = fit.fit(
        model,
        source,
        fit.Schedule(
            epochs=num_parts,
            seed=config.tune_seed,
            rates="--tune_lr",
            unit="text",
            part="tuning",
        ),
        workdir=tuning.workdir,
        saved=checkpoints.variables(model, model.optimizer),
        validate=lambda: _evaluate(model, held_out, batch_size, pad_id),
        run=tuning.provenance,
        user_callbacks=callbacks,
    )
    frozen.set_weights(backbone.get_weights())
    return {
        "num_texts": len(texts),
        "num_held_out": len(held_out),
        "texts_sha256": texts.sha256,
        "steps": num_parts * part_steps,
        "history": history,
        "seconds": round(time.monotonic() - begin, 1),
        "versions": installed_versions(*record_sets.LIBRARIES),
    }


def _evaluate(
    model: keras.Model, texts: Texts, batch_size: int, pad_id: int
) -> dict[str, Any]:
    """Evaluates the model on texts, in the order of their lengths."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def logits(ids: tf.Tensor) -> tf.Tensor:
        return model(inputs(ids, pad_id), training=False)

    rows = np.argsort(texts.lengths, kind="stable")
    parts = np.split(rows, range(batch_size, len(rows), batch_size))
    values = [logits(cut(texts, part, pad_id)).numpy() for part in parts]
    figures = evaluate(np.concatenate(values), texts.labels[rows])
    logging.info(
        "encoder: accuracy %.4f on %d train texts that it is not tuned on",
        figures["accuracy"],
        len(texts),
    )
    return figures


def _save(tuning: Tuning, tuned: checkpoint.Checkpoint, source: str) -> None:
    family = headers.BERT
    if pathlib.Path(source).is_dir():
        family = headers.read_header(pathlib.Path(source)).family
    aside = files.aside(tuning.encoder)
    for leftover in (aside, tuning.encoder):  # of a try that was killed here
        if leftover.exists():
            files.remove_tree(leftover)
    saving.save(aside, tuned, source, family)
    files.publish(aside, tuning.encoder)
