"""Corpus to records: texts to [CLS] stacks, stacks to pictures.

    python -m tfrecords.build --dataset=imdb_reviews --encoder=...

Both sets are named after the fingerprint of what they are made from: what
stands already is reused, anything else is built beside it.
"""

import importlib.metadata
import pathlib
import re
import shutil
import typing
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import app, logging

from tfrecords import config, flags

if typing.TYPE_CHECKING:
    from text2image import corpus as corpus_lib
    from text2image import split as split_lib
    from tfrecords import schema

_CLS_SETTINGS = (
    "text_key",
    "label_key",
    "split",
    "split_seed",
    "limit_train",
    "limit_validation",
    "layers",
    "max_tokens",
    "tokens_per_batch",
    "examples_per_shard",
)
_IMAGE_SETTINGS = (
    "scaler",
    "projection",
    "metric",
    "perplexity",
    "tsne_init",
    "tsne_learning_rate",
    "tsne_iterations",
    "image_height",
    "image_width",
    "compat",
    "map_seed",
)
_MAP_FILES = ("pixel_map.npz", "pixel_map.json", "pixel_map.csv")
_VERSIONED = ("tensorflow", "keras", "keras-hub", "scikit-learn", "numpy")


def prepare_records(
    settings: config.RecordsConfig,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Makes what is missing and returns where both sets stand.

    Args:
        settings: What to make.

    Returns:
        The directories of the `cls` and the `image` records.
    """
    cls_dir = prepare_cls(settings)
    return cls_dir, prepare_images(settings, cls_dir)


def prepare_cls(settings: config.RecordsConfig) -> pathlib.Path:
    """Encodes the corpus, unless the same stacks stand already.

    Memory holds two shards of texts and one of stacks, whatever the corpus.

    Returns:
        The directory of the `cls` records.
    """
    from text2image import checkpoint, corpus
    from tfrecords import reader

    source = corpus.open_corpus(
        settings.dataset,
        data_dir=settings.data_dir or None,
        download=settings.download,
        text_key=settings.text_key,
        label_key=settings.label_key,
    )
    encoder_path = checkpoint.locate(settings.encoder)
    provenance = {
        "kind": "cls",
        "corpus": source.name,
        "corpus_sha256": source.sha256,
        "encoder_sha256": checkpoint.identify(encoder_path),
        **_pick(settings, _CLS_SETTINGS),
    }
    encoder_name = pathlib.PurePath(settings.encoder).name
    directory = _directory(
        settings, "cls", f"{source.name}-{encoder_name}", provenance
    )
    if directory.exists():
        manifest = reader.open_records(
            directory, kind="cls", fingerprint=config.fingerprint(provenance)
        )
        logging.info("stacks: reusing %s", directory)
        _log_audit(manifest.details["audit"])
        _log_tokens(settings, manifest.details)
        return directory
    _encode(settings, source, encoder_path, directory, provenance)
    return directory


def _encode(
    settings: config.RecordsConfig,
    source: "corpus_lib.Corpus",
    encoder_path: str,
    directory: pathlib.Path,
    provenance: dict[str, Any],
) -> None:
    import tqdm

    from text2image import encoder, split
    from tfrecords import schema, writer

    logging.info("stacks: making %s", directory)
    parts = split.split_corpus(
        source,
        protocol=settings.split,
        seed=settings.split_seed,
        limit_train=settings.limit_train,
        limit_validation=settings.limit_validation,
    )
    _log_audit(parts.audit)
    bert = encoder.Encoder(
        encoder_path,
        layers=settings.layers,
        max_tokens=settings.max_tokens,
        tokens_per_batch=settings.tokens_per_batch,
    )
    record_schema = schema.cls_schema(bert.stack_shape, parts.label_names)
    totals = {
        name: int((parts.side == side).sum())
        for side, name in enumerate(schema.SPLITS)
    }
    _check_space(settings, sum(totals.values()), record_schema)
    size = settings.examples_per_shard
    num_shards = {name: -(-count // size) for name, count in totals.items()}
    num_tokens = num_truncated = 0
    with (
        writer.RecordWriter(
            directory, record_schema, provenance, num_shards
        ) as records,
        tqdm.tqdm(
            total=sum(totals.values()), unit="text", desc="stacks"
        ) as progress,
    ):
        if records.num_finished:
            logging.info(
                "stacks: going on behind %d finished shards",
                records.num_finished,
            )
        for name, index, examples in _shards(source, parts, size):
            texts = [example.text for example in examples]
            if records.is_finished(name, index):
                lengths = bert.count_tokens(texts)
                progress.update(len(texts))
            else:
                stacks, lengths = bert.encode(texts, progress=progress.update)
                records.write_shard(
                    name,
                    index,
                    (
                        record_schema.serialize(
                            example.id,
                            parts.label_names.index(example.label),
                            stack,
                            example.text,
                        )
                        for example, stack in zip(examples, stacks, strict=True)
                    ),
                )
            num_tokens += int(np.minimum(lengths, bert.max_tokens).sum())
            num_truncated += int((lengths > bert.max_tokens).sum())
        count = sum(totals.values())
        details = {
            "audit": parts.audit,
            "layers": bert.layers,
            "gelu": bert.gelu,
            # What export and prediction need to find the encoder again.
            "encoder": {
                "source": _lasting(encoder_path),
                "sha256": provenance["encoder_sha256"],
                "layers": bert.layers,
                "max_tokens": bert.max_tokens,
                "gelu": bert.gelu,
            },
            "mean_tokens": num_tokens / count,
            "truncated_share": num_truncated / count,
            "versions": _versions(),
        }
        records.finish(
            f"BERT [CLS] stacks {bert.stack_shape} of {source.name}.", details
        )
    _log_tokens(settings, details)


def _log_tokens(
    settings: config.RecordsConfig, details: dict[str, Any]
) -> None:
    logging.info(
        "stacks: %.0f tokens a text on average, %.1f%% of the texts cut at %d",
        details["mean_tokens"],
        100 * details["truncated_share"],
        settings.max_tokens,
    )


def _shards(
    source: "corpus_lib.Corpus", parts: "split_lib.Split", size: int
) -> Iterator[tuple[str, int, list["corpus_lib.Example"]]]:
    """Deals the corpus out to shards of `size`, in the order of its rows."""
    from tfrecords import schema

    waiting: list[list[corpus_lib.Example]] = [[] for _ in schema.SPLITS]
    index = [0] * len(schema.SPLITS)
    row = 0
    for read in source.parts.values():
        for example in read():
            side = int(parts.side[row])
            row += 1
            if side >= len(waiting):
                continue
            waiting[side].append(example)
            if len(waiting[side]) == size:
                yield schema.SPLITS[side], index[side], waiting[side]
                index[side] += 1
                waiting[side] = []
    for side, examples in enumerate(waiting):
        if examples:
            yield schema.SPLITS[side], index[side], examples


def prepare_images(
    settings: config.RecordsConfig, cls_dir: pathlib.Path
) -> pathlib.Path:
    """Draws the stacks, unless the same pictures stand already.

    Scaler and pixel map are fitted on the train stacks only.

    Returns:
        The directory of the `image` records, with the map beside them.
    """
    import tensorflow as tf

    from tfrecords import reader, schema

    manifest = reader.open_records(cls_dir, kind="cls")
    provenance = {
        "kind": "image",
        "cls": manifest.fingerprint,
        **_pick(settings, _IMAGE_SETTINGS),
    }
    name = cls_dir.parent.name.rsplit("-", 1)[0]
    directory = _directory(settings, "image", name, provenance)
    if directory.exists():
        reader.open_records(
            directory, kind="image", fingerprint=config.fingerprint(provenance)
        )
        logging.info("pictures: reusing %s", directory)
        return directory
    logging.info("pictures: making %s", directory)
    shape = (settings.image_height, settings.image_width, 1)
    record_schema = schema.image_schema(shape, manifest.schema.label_names)
    total = sum(manifest.num_examples(split) for split in manifest.splits)
    _check_space(settings, total, record_schema)
    try:
        _draw(settings, cls_dir, manifest, directory, record_schema, provenance)
    except tf.errors.DataLossError as error:
        raise ValueError(
            f"{cls_dir} is damaged: see python -m tfrecords.verify {cls_dir}; "
            "then delete the directory and build the records again."
        ) from error
    return directory


def _draw(
    settings: config.RecordsConfig,
    cls_dir: pathlib.Path,
    manifest: "schema.Manifest",
    directory: pathlib.Path,
    record_schema: "schema.Schema",
    provenance: dict[str, Any],
) -> None:
    import tqdm

    from text2image import pixel_map, render
    from tfrecords import fit, writer

    num_shards = {
        split: len(shards) for split, shards in manifest.splits.items()
    }
    with writer.RecordWriter(
        directory, record_schema, provenance, num_shards
    ) as records:
        if records.files:
            # Another machine may fit another map.
            logging.info("map: reusing the one of the finished shards")
            fitted = pixel_map.PixelMap.load(records.working_directory)
        else:
            fitted = fit.fit_pixel_map(settings, cls_dir, manifest, provenance)
            fitted.save(records.working_directory)
            records.keep_files(_MAP_FILES)
        renderer = render.Renderer(fitted)
        total = sum(manifest.num_examples(split) for split in manifest.splits)
        with tqdm.tqdm(total=total, unit="text", desc="pictures") as progress:
            for split, shards in manifest.splits.items():
                for index, shard in enumerate(shards):
                    progress.update(shard.num_examples)
                    if records.is_finished(split, index):
                        continue
                    records.write_shard(
                        split,
                        index,
                        _drawn(
                            cls_dir, shard, manifest, renderer, record_schema
                        ),
                    )
        records.finish(
            f"DeepInsight pictures {record_schema.shape} of [CLS] stacks.",
            {
                "audit": manifest.details["audit"],
                "map": fitted.provenance["figures"],
                "stacks": manifest.provenance,
                "encoder": manifest.details.get("encoder"),
                "versions": _versions(),
            },
        )


def _drawn(
    cls_dir: pathlib.Path,
    shard: "schema.Shard",
    manifest: "schema.Manifest",
    renderer: Any,
    record_schema: "schema.Schema",
) -> Iterator[bytes]:
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset([str(cls_dir / shard.file)])
    for batch in dataset.batch(256).map(manifest.schema.parse):
        images = renderer.render(batch["stack"].numpy())
        keys, labels = batch["id"].numpy(), batch["label"].numpy()
        for key, label, image in zip(keys, labels, images, strict=True):
            yield record_schema.serialize(key.decode(), int(label), image)


def _pick(settings: config.RecordsConfig, names: tuple[str, ...]) -> dict:
    return {name: getattr(settings, name) for name in names}


def _directory(
    settings: config.RecordsConfig,
    kind: str,
    name: str,
    provenance: dict[str, Any],
) -> pathlib.Path:
    from tfrecords import schema

    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return (
        pathlib.Path(settings.records_dir)
        / kind
        / f"{name}-{config.fingerprint(provenance)}"
        / schema.VERSION
    )


def _lasting(encoder_path: str) -> str:
    """A directory's whole path; a preset's name as it is."""
    path = pathlib.Path(encoder_path)
    return str(path.resolve()) if path.is_dir() else encoder_path


def _check_space(
    settings: config.RecordsConfig, count: int, record_schema: "schema.Schema"
) -> None:
    # 2 KiB for id, label, framing and a text of ordinary length.
    needed = count * (4 * int(np.prod(record_schema.shape)) + 2048)
    directory = pathlib.Path(settings.records_dir)
    directory.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise OSError(
            f"{directory} needs about {needed / 1e9:.1f} GB for {count} "
            f"{record_schema.kind} records. Free: {free / 1e9:.1f} GB. Free "
            "some, name another --records_dir, or use --limit_train."
        )


def _log_audit(audit: dict[str, Any]) -> None:
    repeats = ", ".join(
        f"{count} {name.replace('_', ' ')}"
        for name, count in audit["repeats"].items()
        if name != "all"
    )
    logging.info(
        "corpus: %d texts, %d exact repeats (%s); train %s, validation %s",
        audit["num_examples"],
        audit["repeats"]["all"],
        repeats,
        audit["train"],
        audit["validation"],
    )


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


def main(arguments: list[str]) -> None:
    """Builds both sets from the flags."""
    if len(arguments) > 1:
        raise app.UsageError(f"Expected flags only. Received: {arguments[1:]}")
    try:
        prepare_records(flags.settings_from_flags(config.RecordsConfig, {}))
    except flags.MENDABLE as error:
        flags.fail(error)


if __name__ == "__main__":
    flags.prepare_process()
    flags.define_flags(config.RecordsConfig)
    app.run(main)
