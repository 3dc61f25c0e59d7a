"""What a user would try first, on the same split: is the detour worth it?"""

import json
import pathlib
import warnings

import numpy as np
from absl import logging

from tfrecords import durable, reader

_SEED = 0


def logistic_regression(
    records: pathlib.Path, array: str
) -> dict[str, float | int | str]:
    """Logistic regression on standardised stacks or pictures.

    The figure is kept beside the records (`baselines.json` in their parent),
    since it depends on nothing else. Holds the train split in memory.

    Args:
        records: Directory of `cls` or `image` records.
        array: `stack` or `image`.

    Returns:
        `accuracy` on validation, `num_train`, `num_validation`, and what was
        fitted.
    """
    manifest = reader.open_records(records)
    path = records.parent / "baselines.json"
    if path.is_file():
        found = json.loads(path.read_text("utf-8"))
        if found["fingerprint"] == manifest.fingerprint:
            return found
    import sklearn.exceptions
    import sklearn.linear_model
    import sklearn.pipeline
    import sklearn.preprocessing

    logging.info("baseline: logistic regression on the %ss", array)
    splits = {}
    for split in manifest.splits:
        count = manifest.num_examples(split)
        values = np.empty(
            (count, int(np.prod(manifest.schema.shape))), np.float32
        )
        labels = np.empty(count, np.int64)
        start = 0
        for batch in reader.read_records(records, split, manifest=manifest):
            rows = batch[array].numpy()
            values[start : start + len(rows)] = rows.reshape(len(rows), -1)
            labels[start : start + len(rows)] = batch["label"].numpy()
            start += len(rows)
        splits[split] = values, labels
    pipeline = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(copy=False),
        # Thousands of correlated features on thousands of texts: weak
        # regularisation overfits. C was chosen on the train split of IMDB
        # (BUILD_NOTES.md).
        sklearn.linear_model.LogisticRegression(
            C=1e-3, max_iter=300, random_state=_SEED
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", sklearn.exceptions.ConvergenceWarning)
        pipeline.fit(*splits["train"])
    result: dict[str, float | int | str] = {
        "accuracy": float(pipeline.score(*splits["validation"])),
        "num_train": len(splits["train"][1]),
        "num_validation": len(splits["validation"][1]),
        "model": f"standardised {array}s, logistic regression, C = 0.001",
        "fingerprint": manifest.fingerprint,
    }
    durable.write_bytes(path, json.dumps(result, indent=2).encode())
    return result
