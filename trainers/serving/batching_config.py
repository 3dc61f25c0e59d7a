"""The file that tells TensorFlow Serving how to join requests."""

import pathlib

from tfrecords import files
from trainers.serving.grouping import Grouping

BATCHING_FILE = "batching.config"
# A text waits this long for others; a GPU answers a batch in a few times that.
_TIMEOUT_MICROSECONDS = 5_000
# Further requests are refused instead of waiting ever longer.
_MOST_WAITING = 100


def write(out: pathlib.Path, grouping: Grouping) -> pathlib.Path:
    """Writes the file beside the versions of an export, whole or not at all.

    Its fields are those of `BatchingParameters` in TensorFlow Serving's
    session_bundle_config.proto, in protobuf's text format. A server pads the
    joined requests to one of `allowed_batch_sizes`: those of the model.

    Args:
        out: Directory of the versions. Servers ignore the file in it.
        grouping: The shapes of the model.

    Returns:
        Its path.
    """
    lines = [
        f"max_batch_size {{ value: {grouping.rows[-1]} }}",
        f"batch_timeout_micros {{ value: {_TIMEOUT_MICROSECONDS} }}",
        f"max_enqueued_batches {{ value: {_MOST_WAITING} }}",
        *(f"allowed_batch_sizes: {rows}" for rows in grouping.rows),
        # Clients of the signature `tokens` pad to different widths.
        "pad_variable_length_inputs: true",
    ]
    path = out / BATCHING_FILE
    files.write_text(path, "\n".join(lines) + "\n")
    return path
