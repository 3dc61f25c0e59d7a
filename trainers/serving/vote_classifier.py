"""From a string to the vote of several runs, each with its own map."""

import pathlib

import keras
import tensorflow as tf

from text2image.deepinsight.keras_layers import build_drawing
from text2image.deepinsight.pixel_map import PixelMap
from trainers.runs import loading, votes
from trainers.serving import grouping
from trainers.serving.functions import load_encoder
from trainers.serving.text_classifier import (
    Parts,
    TextClassifier,
    load_classifier,
)

# A text has one stack and several images: none of them to take or to return,
# and no novelty or explanation, which are of one image.
_SIGNATURES = ("serving_default", "tokens", "embed", "tokenize")


class VoteClassifier(TextClassifier):
    """A text classifier whose probabilities are means over several maps.

    Its model takes stacks `(N, L, D)` and draws them itself.
    """

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under."""
        functions = super().signatures
        return {name: functions[name] for name in _SIGNATURES}


def load(
    workdir: pathlib.Path,
    encoder_source: str | None = None,
    *,
    is_grouped: bool = False,
) -> tuple[TextClassifier, list[loading.Run]]:
    """Loads the classifier of a run, or of a vote.

    Args:
        workdir: Directory of a finished run or vote.
        encoder_source: Where the encoder is now; by default where it was when
            the records were made.
        is_grouped: Whether texts are answered in a few fixed shapes.

    Returns:
        The classifier, and the runs: one, or those of the vote.

    Raises:
        FileNotFoundError: If a run is not finished or the encoder is gone.
        ValueError: If files do not belong together, or a run cannot take
            texts (`loading.obstacle`).
    """
    members = votes.member_directories(workdir)
    runs = [loading.load_run(member) for member in members or (workdir,)]
    if not members:
        classifier = load_classifier(
            runs[0], encoder_source, is_grouped=is_grouped
        )
        return classifier, runs
    expected = votes.read(workdir)[votes.MEMBERS_SHA256]
    if votes.sha256_of(run.metrics for run in runs) != expected:
        raise ValueError(
            f"{workdir} must hold the runs that voted. Received: other models "
            "in their directories. Run the training command again: the vote "
            "is taken again."
        )
    for run in runs:
        reason = loading.obstacle(run.config, run.origin)
        if reason:
            raise ValueError(reason)
    first = runs[0].origin
    assert first.encoder is not None  # that would be an obstacle
    encoder = load_encoder(first.encoder, encoder_source)
    stack = keras.Input(encoder.stack_shape, name="stack")
    parts = Parts(
        encoder,
        keras.Model(stack, stack, name="no_drawing"),
        _build_vote(runs, encoder.stack_shape),
        first.label_names,
    )
    chosen = grouping.choose(encoder.max_tokens) if is_grouped else None
    return VoteClassifier(parts, chosen), runs


def _build_vote(
    runs: list[loading.Run], stack_shape: tuple[int, int]
) -> keras.Model:
    """Builds stacks `(N, L, D)` to logits `(N, K)`.

    The logits are logarithms of the mean probabilities.
    """
    stack = keras.Input(stack_shape, name="stack")
    probabilities = []
    for number, run in enumerate(runs, start=1):
        drawing = build_drawing(PixelMap.load(run.workdir), stack_shape)
        logits = run.model(drawing(stack), training=False)
        member = keras.Model(
            stack, keras.ops.softmax(logits, axis=-1), name=f"map_{number}"
        )
        probabilities.append(member(stack))
    mean = keras.ops.mean(keras.ops.stack(probabilities), axis=0)
    return keras.Model(stack, keras.ops.log(mean), name="vote")
