"""Writes the index of a run: the joint vectors of its records, on disk."""

import json
import pathlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import tqdm

from tfrecords import files, paths, reader
from trainers.multimodal import loading, model, split_inputs
from trainers.runs import json_files
from trainers.runs.file_list import FileList
from trainers.runs.workdir import MODEL_SHA256

ABOUT = "index.json"
VECTORS = "vectors.npy"
LENGTHS = "lengths.npy"
ROWS = "rows.jsonl"
STARTS = "starts.npy"
LABELS = "labels.npy"
FILES = (VECTORS, LENGTHS, LABELS, ROWS, STARTS)
_EXCERPT = 240  # characters of a text that the index keeps


def provenance(run: loading.Run) -> dict[str, Any]:
    """What an index is made of."""
    return {
        "records": run.manifest.fingerprint,
        "model": run.metrics[MODEL_SHA256],
    }


def make(run: loading.Run, directory: pathlib.Path) -> dict[str, Any]:
    """Computes the vectors of all rows of a run's records, split by split.

    Returns:
        What the index says of itself.

    Raises:
        FileNotFoundError: If the records are gone.
        ValueError: If they are damaged or not those of the run.
    """
    (directory / ABOUT).unlink(missing_ok=True)  # before files change
    records = paths.open_path(run.config.records)
    manifest = reader.open_records(
        records, kind="multimodal", fingerprint=run.manifest.fingerprint
    )
    splits = {name: manifest.num_examples(name) for name in manifest.splits}
    outputs = run.models.vectors.output
    widths = {name: outputs[name].shape[-1] for name in run.config.towers}
    count = sum(splits.values())
    written = {name: files.writing(directory / name) for name in FILES}

    def create(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.lib.format.open_memmap(
            written[name], mode="w+", dtype=dtype, shape=shape
        )

    vectors = create(VECTORS, (count, sum(widths.values())), np.float32)
    lengths = create(LENGTHS, (count, len(widths)), np.float32)
    labels = create(LABELS, (count,), np.int32)
    starts = create(STARTS, (count,), np.int64)
    bounds = np.cumsum(list(widths.values()))[:-1]
    row = 0
    with (
        written[ROWS].open("wb") as file,
        tqdm.tqdm(total=count, unit="row", desc="index") as bar,
    ):
        for split in splits:
            for values, classes, lines in _batches(run, split):
                fused = _embed(run, values)
                these = slice(row, row + len(fused))
                vectors[these] = fused
                labels[these] = classes
                lengths[these] = np.stack(
                    [
                        np.linalg.norm(part, axis=1)
                        for part in np.split(fused, bounds, axis=1)
                    ],
                    axis=1,
                )
                starts[these] = [_write_line(file, line) for line in lines]
                row += len(fused)
                bar.update(len(fused))
    for array in (vectors, lengths, labels, starts):
        array.flush()  # type: ignore[attr-defined]
    for name, path in written.items():
        files.publish(path, directory / name)
    FileList.of_run(directory).record(FILES)
    about = {
        **provenance(run),
        "widths": list(widths.items()),
        "splits": list(splits.items()),
    }
    json_files.write_checked(directory / ABOUT, about)
    return about


def _batches(
    run: loading.Run, split: str
) -> Iterator[tuple[split_inputs.Values, np.ndarray, list[dict[str, Any]]]]:
    """The network's inputs, classes, and what is kept of each row."""
    records = paths.open_path(run.config.records)
    names = run.manifest.schema.label_names
    source = split_inputs.Streamed(
        records,
        run.manifest,
        split,
        run.config.image_size if run.config.has_image else None,
    )
    rows = _texts(records, run, split)
    for values, labels, ids in source.in_order():
        lines = [
            {"id": key, "label": names[label], "split": split, **next(rows)}
            for key, label in zip(ids, labels, strict=True)
        ]
        yield values, labels, lines


def _texts(
    records: paths.Path, run: loading.Run, split: str
) -> Iterator[dict[str, str]]:
    """The beginning of each row's texts, in the records' order."""
    for batch in reader.read_records(
        records, split, manifest=run.manifest
    ).as_numpy_iterator():
        for number in range(len(batch["id"])):
            yield {
                name: batch[name][number].decode("utf-8", "replace")[:_EXCERPT]
                for name in run.manifest.schema.text_fields
            }


def _write_line(file: IO[bytes], row: dict[str, Any]) -> int:
    """Writes a row as JSON; returns where it starts."""
    start = file.tell()
    file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return start


def _embed(run: loading.Run, values: split_inputs.Values) -> np.ndarray:
    """Joint vectors `(n, D)` of inputs as `Streamed` gives them."""
    values = dict(values)
    image = values.pop("image", None)
    if run.models.extractor is not None:
        maps = run.models.extractor.predict_on_batch(image)
        values |= model.name_maps(maps)
    wanted = {name: values[name] for name in run.models.vectors.input}
    return run.models.vectors.predict_on_batch(wanted)["fused"]
