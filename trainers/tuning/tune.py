"""Texts and a published encoder to an encoder that is tuned on the texts."""

import dataclasses
import pathlib
import re
from collections.abc import Iterable
from typing import Any

import keras
from absl import logging

from text2image import devices, hashes
from text2image.bert import checkpoint, headers, saving
from text2image.bert.layers import parse_layers
from text2image.bert.tokenizer import Tokenizer
from text2image.corpora.texts import open_corpus
from tfrecords import files, paths
from tfrecords.config import RecordsConfig
from tfrecords.settings import fingerprint
from tfrecords.stages import dealing, record_sets, stacks
from tfrecords.versions import installed_versions
from trainers.runs.holding import hold
from trainers.runs.workdir import CHECKPOINT_FILE
from trainers.training import precision
from trainers.tuning import fitting
from trainers.tuning import model as tuned_model
from trainers.tuning import texts as train_texts
from trainers.tuning.config import TuneConfig
from trainers.tuning.faults import find_faults
from trainers.tuning.texts import Texts

# A killed tuning loses at most the steps of this many texts.
_TEXTS_PER_PART = 2048
# Settings of stacks that do not say which texts are the train side's.
_NOT_OF_TRAIN_SIDE = (
    *("limit_validation", "tokens_per_batch", "encoder_engine"),
    *("encoder_dtype", "examples_per_shard", "max_tokens", "long_texts"),
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
    if tuning.encoder.is_dir():
        _refuse_faults(tuning)
        logging.info("encoder: reusing %s", tuning.encoder)
        return tuning.encoder
    with hold(tuning.workdir):
        logging.info("encoder: tuning, in %s", tuning.workdir)
        loaded = checkpoint.load_checkpoint(located)
        texts = train_texts.read_train(
            records,
            source,
            dealing.split(records, source),
            # A window has no label of its own: of windows, the first is read.
            Tokenizer(
                loaded.wordpiece,
                "cut"
                if records.long_texts == "windows"
                else records.long_texts,
                records.clean,
            ),
            min(config.tune_max_tokens, records.max_tokens),
            config.limit_tune,
            config.tune_seed,
        )
        details = _tune(
            config, records, tuning, loaded, texts, texts_per_part, callbacks
        )
        _save(tuning, loaded, located, details)
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


def _refuse_faults(tuning: Tuning) -> None:
    for fault in find_faults(tuning.encoder):
        raise ValueError(
            f"{tuning.encoder} is damaged: {fault}. Delete {tuning.workdir} to "
            "tune again."
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
    frozen = loaded.backbone
    num_classes = int(texts.labels.max()) + 1
    texts, held_out = train_texts.hold_out(texts, config.tune_seed)
    backbone, model = tuned_model.build_model(
        frozen,
        parse_layers(records.layers, frozen.num_layers, records.pooling),
        num_classes,
        pooling=records.pooling,
        dtype=tuning.provenance["precision"],
        seed=config.tune_seed,
    )
    history, num_steps = fitting.fit_model(
        model,
        frozen,
        config,
        texts,
        held_out,
        pad_id=loaded.wordpiece.id_of(loaded.wordpiece.special.pad),
        workdir=tuning.workdir,
        run=tuning.provenance,
        texts_per_part=texts_per_part,
        after=lambda figures: logging.info(
            "encoder: accuracy %.4f on %d train texts that it is not tuned on",
            figures["accuracy"],
            len(held_out),
        ),
        callbacks=callbacks,
    )
    frozen.set_weights(backbone.get_weights())
    return {
        "epochs": config.tune_encoder,
        "num_texts": len(texts),
        "num_held_out": len(held_out),
        "texts_sha256": texts.sha256,
        "steps": num_steps,
        "history": history,
        "versions": installed_versions(*record_sets.LIBRARIES),
    }


def _save(
    tuning: Tuning,
    tuned: checkpoint.Checkpoint,
    source: str,
    details: dict[str, Any],
) -> None:
    family = headers.BERT
    if pathlib.Path(source).is_dir():
        family = headers.read_header(pathlib.Path(source)).family
    aside = files.aside(tuning.encoder)
    if aside.exists():  # of a try that was killed here
        files.remove_tree(aside)
    saving.save(aside, tuned, source, family)
    listed = {
        path.name: hashes.sha256_of_file(path)
        for path in sorted(aside.iterdir())
    }
    files.write_json(
        aside / headers.TUNING,
        {**details, "provenance": tuning.provenance, "files": listed},
    )
    files.publish(aside, tuning.encoder)
