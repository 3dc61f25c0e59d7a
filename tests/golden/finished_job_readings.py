"""Reads a finished job as its user's own Python would; prints JSON.

    python -m tests.golden.finished_job_readings RUN EXPORT RECORDS...

From the folder of the job. `make_finished_job.py` keeps the output with the
job and `test_compatibility.py` compares it, so that both sides run the same
code: `trainers.load`, plain TensorFlow and plain TensorFlow Datasets, nothing
else of this project.
"""

import hashlib
import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as every program

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tensorflow_text  # noqa: F401  registers the ops of the export

import trainers


def read_records(directory):
    """Every split of a record set, by plain TFDS, in the order of the files.

    Returns:
        Kind, label names and, for each split, ids, labels and the sha256 of
        the bytes of all arrays, one after the other.
    """
    builder = tfds.builder_from_directory(directory)
    info = builder.info
    options = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    splits = {}
    for split in sorted(info.splits):
        rows = list(
            tfds.as_numpy(builder.as_dataset(split, read_config=options))
        )
        content = hashlib.sha256()
        for row in rows:
            for name in sorted(set(row) - {"id", "label"}):
                value = row[name]
                content.update(
                    value if isinstance(value, bytes) else value.tobytes()
                )
        splits[split] = {
            "ids": [row["id"].decode() for row in rows],
            "labels": [int(row["label"]) for row in rows],
            "sha256": content.hexdigest(),
        }
    names = info.features["label"].names
    return {"kind": info.name, "label_names": names, "splits": splits}


def load_images(directory):
    """`(N, H, W, C)` float32: the validation images, in order."""
    builder = tfds.builder_from_directory(directory)
    rows = tfds.as_numpy(builder.as_dataset("validation"))
    return np.stack([row["image"] for row in rows])


def answer(run, export, images):
    """What model and export say: logits, and each signature's outputs."""
    logits = trainers.load(run).predict_on_batch(images)
    served = tf.saved_model.load(str(export))
    lines = pathlib.Path("questions.jsonl").read_text("utf-8").split("\n")
    texts = [json.loads(line)["text"] for line in lines if line]
    encoded = tf.constant([text.encode() for text in texts])
    classified = served.signatures["serving_default"](text=encoded)
    drawn = served.signatures["render"](text=encoded)["image"]
    seen = served.signatures["images"](image=tf.constant(images))
    return {
        "logits": logits.tolist(),
        "labels": [label.decode() for label in classified["label"].numpy()],
        "probabilities": classified["probabilities"].numpy().tolist(),
        "image_probabilities": seen["probabilities"].numpy().tolist(),
        "rendered": drawn.numpy().reshape(len(texts), -1).tolist(),
    }


def main(run, export, *records):
    """Prints records by directory, and the answers of run and export."""
    (images,) = (
        load_images(path) for path in records if "/image/" in f"/{path}"
    )
    readings = {
        "records": {path: read_records(path) for path in records},
        "answers": answer(run, export, images),
    }
    sys.stdout.write(json.dumps(readings) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
