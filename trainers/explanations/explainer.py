"""A loaded model that explains its answers, from a run or from its export."""

import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from text2image.bert.cleaning import blank_out
from text2image.bert.word_spans import find_words
from trainers.explanations.explanation import Explanation, Word
from trainers.explanations.options import METHODS
from trainers.runs import votes
from trainers.serving import functions, predictor

_ROWS = 32  # texts with one word masked that are answered in one call
# No logarithm of 0: a margin of 87 is where float32's softmax ends.
_LEAST = np.finfo(np.float32).tiny


class Explainer:
    """Explains the answers of a loaded model.

    Attributes:
        label_names: Class names in label order.
        layers: The encoder's layers, those of the rows of `features`.
    """

    def __init__(self, served: predictor.Served) -> None:
        """Keeps the functions of a model that has `explain`."""
        self.label_names = served.label_names
        self.layers = served.layers
        self._long_texts = served.long_texts
        self._clean = served.clean
        self._explain = served.signatures["explain"]
        self._tokenize = functions.on_strings(served.signatures["tokenize"])
        self._tokens = served.signatures["tokens"]

    def explain(
        self,
        texts: Iterable[str],
        *,
        label: str | None = None,
        method: str = "gradients",
    ) -> Iterator[Explanation]:
        """Explains texts, one after another.

        Args:
            texts: The texts.
            label: Name of the class that is explained; by default the
                predicted one.
            method: How words get their contributions. `gradients`: integrated
                gradients. `occlusion`: what the margin loses without the word,
                whose tokens are masked; a call of the model per word, and the
                sum is no share of the difference.

        Raises:
            ValueError: If there is no such class or method.
        """
        if method not in METHODS:
            raise ValueError(
                f"`method` must be one of {METHODS}. Received: {method!r}"
            )
        if label is not None and label not in self.label_names:
            raise ValueError(
                f"`label` must be one of {self.label_names}. Received: "
                f"{label!r}"
            )
        index = -1 if label is None else self.label_names.index(label)
        return (self._explain_text(text, index, method) for text in texts)

    def _explain_text(self, text: str, label: int, method: str) -> Explanation:
        outputs = self._explain(
            text=tf.constant([functions.encode(text)]),
            label=tf.constant([label]),
        )
        values = {name: value.numpy()[0] for name, value in outputs.items()}
        ids = values["ids"]
        spans = find_words(
            blank_out(text, self._clean),
            self._in_one_piece(ids),
            self._ids,
            self._long_texts.gap(len(ids)),
        )
        places = self._long_texts.places(ids)
        tokens = [places[span.first - 1 : span.stop - 1] for span in spans]
        if method == "occlusion":
            contributions = self._losses(values, tokens)
        else:
            contributions = [
                float(values["tokens"][part].sum(dtype=float))
                for part in tokens
            ]
        margin, words_baseline, image_baseline = (
            float(values[name])
            for name in ("margin", "words_baseline", "image_baseline")
        )
        pixels_sum = float(values["pixels"].sum(dtype=float))
        return Explanation(
            text=text,
            label=self.label_names[values["label"]],
            probabilities=values["probabilities"],
            margin=margin,
            words_baseline=words_baseline,
            image_baseline=image_baseline,
            words=tuple(
                Word(span.start, span.end, contribution)
                for span, contribution in zip(spans, contributions, strict=True)
            ),
            image=values["image"],
            mean_image=values["mean_image"],
            pixels=values["pixels"],
            features=values["features"],
            words_error=abs(sum(contributions) - (margin - words_baseline)),
            pixels_error=abs(pixels_sum - (margin - image_baseline)),
        )

    def _ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        outputs = self._tokenize(text=[functions.encode(t) for t in texts])
        lengths = outputs["mask"].sum(axis=1)
        return [
            self._in_one_piece(ids[:length])
            for ids, length in zip(outputs["ids"], lengths, strict=True)
        ]

    def _in_one_piece(self, ids: np.ndarray) -> np.ndarray:
        """The ids of a text without `[CLS]` and `[SEP]` between windows."""
        pieces = ids[self._long_texts.places(ids)]
        return np.concatenate([ids[:1], pieces, ids[-1:]])

    def _losses(
        self, values: functions.Arrays, tokens: list[np.ndarray]
    ) -> list[float]:
        """What the margin loses with the tokens of each word masked."""
        ids = np.tile(values["ids"], (len(tokens), 1))
        for row, part in zip(ids, tokens, strict=True):
            row[part] = values["masked_ids"][part]
        losses = []
        for first in range(0, len(ids), _ROWS):
            rows = tf.constant(ids[first : first + _ROWS])
            outputs = self._tokens(ids=rows, mask=tf.ones_like(rows))
            margins = _margins(
                outputs["probabilities"].numpy(), int(values["label"])
            )
            losses += (float(values["margin"]) - margins).tolist()
        return losses


def _margins(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Margins `(n,)` of a class from probabilities `(n, K)`.

    The logarithms are the logits but for a number that all classes share.
    """
    logits = np.log(np.maximum(probabilities, _LEAST), dtype=float)
    others = np.delete(logits, label, axis=1)
    return logits[:, label] - others.mean(axis=1)


def load_explainer(
    *,
    workdir: str | None = None,
    export_dir: str | None = None,
    encoder: str | None = None,
) -> Explainer:
    """Loads a model of texts to explain its answers.

    Args and raises as `trainers.serving.predictor.load_predictor`; a
    ValueError also for a run or export of an earlier version that lacks what
    an explanation needs.
    """
    votes.refuse(pathlib.Path(workdir or ""), "An explanation")
    served = predictor.load_served(workdir, export_dir, encoder)
    if "explain" in served.signatures:
        return Explainer(served)
    if "render" not in served.signatures:
        raise ValueError(
            "Only the image route is explained. Received: what --preset=best "
            "chose instead. Name the route's own run: --workdir=RUN/images"
        )
    if export_dir:
        raise ValueError(
            f"{export_dir} must be an export with the signature `explain`. "
            "Received: one of an earlier version, or of several maps. Export "
            "a run of one map again with python -m trainers.export "
            "--workdir=RUN"
        )
    raise ValueError(
        f"{workdir} must know its mean train image, the baseline of an "
        "explanation. Received: a run of an earlier version. Run its training "
        "command again: that adds the file without training."
    )
