"""The texts of a request in a few fixed shapes, for servers with a GPU.

One by one, as `functions.each` answers them, a GPU waits for the host. Here
texts of similar length are answered together, padded to one of a few shapes.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator

import tensorflow as tf

# Rows of a batch. A request with one text is not padded to many.
_ROWS = (1, 8, 32)
# A width is at most twice the length of a text in it, from the least on.
_LEAST_WIDTH = 32


@dataclasses.dataclass(frozen=True)
class Grouping:
    """The shapes in which the texts of a request are answered.

    Attributes:
        rows: Numbers of rows, ascending.
        widths: Numbers of tokens, ascending; the last holds any text.
    """

    rows: tuple[int, ...]
    widths: tuple[int, ...]

    def shapes(self) -> Iterator[tuple[int, int]]:
        """Yields every number of rows with every width."""
        for rows in self.rows:
            for width in self.widths:
                yield rows, width


def choose(max_tokens: int) -> Grouping:
    """Returns the shapes for texts of at most `max_tokens` tokens."""
    doublings = math.ceil(math.log2(max(max_tokens / _LEAST_WIDTH, 1)))
    widths = [_LEAST_WIDTH * 2**i for i in range(doublings)]
    return Grouping(_ROWS, (*widths, max_tokens))


def map_texts(
    function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    ids: tf.Tensor,
    mask: tf.Tensor,
    shape: tuple[int | None, ...],
    grouping: Grouping,
) -> tf.Tensor:
    """Applies a function to texts, those of similar length together.

    Args:
        function: Ids and mask `(n, T)` int32 to `(n, ...)` float32; `(n, T)` is
            always one of the shapes of `grouping`.
        ids: Token ids `(N, T)` int32, T at most the last width.
        mask: 1 for a token and 0 for padding, `(N, T)` int32.
        shape: Shape of the result; its first dimension is N.
        grouping: The shapes.

    Returns:
        The results, `(N, ...)` float32, in the order of the texts.
    """
    position = tf.range(1, tf.shape(mask)[1] + 1)
    lengths = tf.reduce_max(tf.where(mask != 0, position, 1), axis=1)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)

    def answer(texts: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        # At least one token, for a request without texts.
        longest = tf.maximum(tf.reduce_max(tf.gather(lengths, texts)), 1)
        width = _least(grouping.widths, longest)

        def padded(values: tf.Tensor) -> tf.Tensor:
            part = tf.gather(values, texts)[:, :longest]
            return tf.pad(
                part,
                [[0, rows - tf.size(texts)], [0, width - tf.shape(part)[1]]],
            )

        # Every row attends to one token, those without a text too.
        first = tf.one_hot(tf.zeros(rows, tf.int32), width, dtype=tf.int32)
        return function(padded(ids), tf.maximum(padded(mask), first))

    answers = _in_groups(answer, order, shape, grouping.rows)
    return tf.gather(answers, tf.math.invert_permutation(order))


def map_rows(
    function: Callable[[tf.Tensor], tf.Tensor],
    values: tf.Tensor,
    shape: tuple[int | None, ...],
    grouping: Grouping,
) -> tf.Tensor:
    """Applies a function to rows of one shape, `(N, ...)`, in their order.

    Args:
        function: `(n, ...)` to `(n, ...)` float32; n is one of the numbers of
            rows of `grouping`.
        values: Its argument for all rows.
        shape: Shape of the result; its first dimension is N.
        grouping: The shapes.
    """

    def answer(chosen: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        part = tf.gather(values, chosen)
        missing = rows - tf.size(chosen)
        return function(
            tf.pad(part, [[0, missing], *[[0, 0]] * (part.shape.rank - 1)])
        )

    return _in_groups(
        answer, tf.range(tf.shape(values)[0]), shape, grouping.rows
    )


def _in_groups(
    answer: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    order: tf.Tensor,
    shape: tuple[int | None, ...],
    rows: tuple[int, ...],
) -> tf.Tensor:
    """Answers `order` group by group; the result is in this order."""
    count, most = tf.size(order), rows[-1]
    # A request without texts has one group: the loop needs a result.
    num_groups = tf.maximum((count + most - 1) // most, 1)

    def body(
        group: tf.Tensor, answers: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.TensorArray]:
        chosen = order[group * most : (group + 1) * most]
        size = tf.size(chosen)
        result = answer(chosen, _least(rows, size))
        result = tf.ensure_shape(result[:size], (None, *shape[1:]))
        return group + 1, answers.write(group, result)

    _, answers = tf.while_loop(
        lambda group, _: group < num_groups,
        body,
        (
            tf.constant(0),
            tf.TensorArray(
                tf.float32,
                num_groups,
                infer_shape=False,
                element_shape=(None, *shape[1:]),
            ),
        ),
        # One after another: each takes a device's memory.
        parallel_iterations=1,
    )
    return answers.concat()


def _least(sizes: tuple[int, ...], needed: tf.Tensor) -> tf.Tensor:
    """Returns the smallest of some sizes that is enough."""
    table = tf.constant(sizes)
    return table[tf.searchsorted(table, [needed])[0]]
