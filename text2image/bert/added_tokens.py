"""Added tokens found in texts as the tokenizers library does, in the graph."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from text2image.bert import characters
from text2image.bert.code_tables import CodeTable

# A found token is one code point: this and its id. Unicode ends before.
FIRST_CODE = characters.NUM_CODES
_START, _DEAD = 0, -1


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Code points to be found.

    Attributes:
        codes: The code points.
        id: Id of the token; None: its characters stay text, and no other
            token is found in them.
        single_word: Whether it is not found beside a letter.
    """

    codes: Sequence[int]
    id: int | None
    single_word: bool = False


class AddedTokens:
    """Finds patterns: the leftmost, of these the longest, without overlap."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Builds the automaton.

        Args:
            patterns: The patterns; of two that are equal the first counts.
        """
        alphabet = sorted({code for p in patterns for code in p.codes})
        letters = np.zeros(characters.DOMAIN, np.int32)
        letters[alphabet] = np.arange(1, len(alphabet) + 1)
        self._letter = CodeTable(letters)
        self._width = len(alphabet) + 1
        states: list[dict[int, int]] = [{}]
        accepted = [_DEAD]
        for number, pattern in enumerate(patterns):
            state = _START
            for code in pattern.codes:
                following = states[state].get(letters[code])
                if following is None:
                    following = len(states)
                    states[state][letters[code]] = following
                    states.append({})
                    accepted.append(_DEAD)
                state = following
            if accepted[state] == _DEAD:
                accepted[state] = number
        moves = np.full((len(states), self._width), _DEAD, np.int32)
        for state, following_by_letter in enumerate(states):
            for letter, following in following_by_letter.items():
                moves[state, letter] = following
        self._moves = moves.ravel()
        self._accepted = np.array(accepted, np.int32)
        self._ids = np.array(
            [_DEAD if p.id is None else p.id for p in patterns], np.int32
        )
        self._single = np.array([p.single_word for p in patterns])
        self._word = CodeTable(characters.members("word_characters"))

    def __call__(
        self, codes: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Replaces each token that is found by one code point.

        Args:
            codes: `(C,)` int32 code points.
            rows: `(C,)` index of the text of each, ascending.

        Returns:
            The same with `FIRST_CODE` and the id for each found token.
        """
        letters = self._letter(codes)
        candidates = tf.where(tf.gather(self._moves, letters) != _DEAD)[:, 0]
        return tf.cond(
            tf.size(candidates) > 0,
            lambda: self._replace(
                codes, rows, letters, tf.cast(candidates, tf.int32)
            ),
            lambda: (codes, rows),
        )

    def _replace(
        self,
        codes: tf.Tensor,
        rows: tf.Tensor,
        letters: tf.Tensor,
        candidates: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        starts, ends, numbers = _without_overlap(
            *self._longest(rows, letters, candidates)
        )
        ids = tf.gather(self._ids, numbers)
        alone = ~self._touches_word(codes, rows, starts, ends)
        counts = (ids != _DEAD) & (alone | ~tf.gather(self._single, numbers))
        starts, ends, ids = (
            tf.boolean_mask(values, counts) for values in (starts, ends, ids)
        )
        size = tf.size(codes)
        one = tf.ones_like(starts)
        opened = tf.math.unsorted_segment_sum(one, starts, size)
        closed = tf.math.unsorted_segment_sum(one, ends, size + 1)[:-1]
        # A token's first character remains, as the token.
        kept = (tf.cumsum(opened - closed) == 0) | (opened > 0)
        token = tf.math.unsorted_segment_sum(ids, starts, size) + FIRST_CODE
        codes = tf.where(opened > 0, token, codes)
        return tf.boolean_mask(codes, kept), tf.boolean_mask(rows, kept)

    def _longest(
        self, rows: tf.Tensor, letters: tf.Tensor, candidates: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Start, end and number of the longest pattern at each candidate."""
        last = tf.size(letters) - 1
        row = tf.gather(rows, candidates)

        def step(
            length: tf.Tensor, state: tf.Tensor, best: tf.Tensor, end: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            place = candidates + length
            inside = tf.minimum(place, last)
            alive = (
                (state != _DEAD)
                & (place <= last)
                & (tf.gather(rows, inside) == row)
            )
            move = tf.maximum(state, 0) * self._width
            move += tf.gather(letters, inside)
            state = tf.where(alive, tf.gather(self._moves, move), _DEAD)
            accepted = tf.gather(self._accepted, tf.maximum(state, 0))
            found = (state != _DEAD) & (accepted != _DEAD)
            return (
                length + 1,
                state,
                tf.where(found, accepted, best),
                tf.where(found, place + 1, end),
            )

        start = tf.zeros_like(candidates)
        _, _, best, end = tf.while_loop(
            lambda length, state, best, end: tf.reduce_any(state != _DEAD),
            step,
            (tf.constant(0), start, start + _DEAD, candidates),
        )
        return tuple(
            tf.boolean_mask(values, best != _DEAD)
            for values in (candidates, end, best)
        )

    def _touches_word(
        self,
        codes: tf.Tensor,
        rows: tf.Tensor,
        starts: tf.Tensor,
        ends: tf.Tensor,
    ) -> tf.Tensor:
        """Whether a letter of the same text is before or after a pattern."""

        def is_word(place: tf.Tensor) -> tf.Tensor:
            inside = tf.clip_by_value(place, 0, tf.size(codes) - 1)
            return (
                (inside == place)
                & (tf.gather(rows, inside) == tf.gather(rows, starts))
                & (self._word(tf.gather(codes, inside)) > 0)
            )

        return is_word(starts - 1) | is_word(ends)


def _without_overlap(
    starts: tf.Tensor, ends: tf.Tensor, numbers: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Keeps the first match, the first that begins after its end, and so on.

    The followers of a match form a chain. Those on the chain of the first are
    marked by doubling the length of the steps, so that no loop runs over the
    matches.
    """
    size = tf.size(starts)
    marked = tf.cast(tf.range(size + 1) == 0, tf.int32)
    follower = tf.concat([tf.searchsorted(starts, ends), [size]], 0)

    def double(
        marked: tf.Tensor, follower: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        reached = tf.math.unsorted_segment_max(marked, follower, size + 1)
        return tf.maximum(marked, reached), tf.gather(follower, follower)

    # The smallest int32 stands where no follower arrives: below 0 and 1.
    marked, _ = tf.while_loop(
        lambda marked, follower: tf.reduce_any(follower != size),
        double,
        (marked, follower),
    )
    kept = marked[:-1] > 0
    return tuple(
        tf.boolean_mask(values, kept) for values in (starts, ends, numbers)
    )
