"""Texts to WordPiece ids, inside the TensorFlow graph.

The ids are those of the tokenizers library, the reference of what a checkpoint
was trained with. TensorFlow Text splits words into pieces; all before that is
ours, on code points, because its character classes are of another version of
Unicode and its limit of a word is in bytes.
"""

import functools

import tensorflow as tf
import tensorflow_text as tf_text

from text2image.bert import characters, cleaning
from text2image.bert.added_tokens import FIRST_CODE, AddedTokens, Pattern
from text2image.bert.code_tables import CodeTable, begins, owners, shift
from text2image.bert.long_texts import head_and_tail, in_windows
from text2image.bert.normalizer import Normalizer
from text2image.bert.wordpiece import LOWERCASE, AddedToken, WordPiece

_MAX_BYTES = 4  # of a character in UTF-8


class Tokenizer:
    """Makes `[CLS] tokens [SEP]`, padded to the longest text of the call.

    Invalid UTF-8 is deleted. `[SEP]` and the other tokens that frame a text are
    read as ordinary characters where a text has them.

    Attributes:
        wordpiece: What it was built from.
        long_texts: One of `options.LONG_TEXTS`.
        clean: One of `options.CLEANINGS`.
        vocabulary: WordPiece tokens by id.
        pad_id: Id of `[PAD]`.
        cls_id: Id of `[CLS]`.
        unk_id: Id of `[UNK]`.
        mask_id: Id of `[MASK]`; of `[UNK]` if the vocabulary has none.
        ids: Compiled function of texts and most tokens, see `_ids`.
    """

    def __init__(
        self,
        wordpiece: WordPiece,
        long_texts: str = "cut",
        clean: str = "none",
    ) -> None:
        """Builds the tokeniser.

        Args:
            wordpiece: The checkpoint's.
            long_texts: What is kept of a text with too many tokens, one of
                `options.LONG_TEXTS`; see `long_texts`.
            clean: What is taken out of the texts first, one of
                `options.CLEANINGS`; see `cleaning`.

        Raises:
            ValueError: If the vocabulary lacks a token that is needed.
        """
        self.wordpiece = wordpiece
        self.long_texts = long_texts
        self.clean = clean
        self.vocabulary = wordpiece.vocabulary
        special = wordpiece.special
        self.pad_id = wordpiece.id_of(special.pad)
        self.unk_id = wordpiece.id_of(special.unk)
        self.cls_id = wordpiece.id_of(special.cls)
        self._sep_id = wordpiece.id_of(special.sep)
        self.mask_id = wordpiece.mask_id
        lowercase = (LOWERCASE,) if clean == "basic" else ()
        self._normalize = Normalizer((*lowercase, *wordpiece.normalizer))
        raw = _patterns(wordpiece, None)
        normalized = _patterns(wordpiece, self._normalize)
        self._find_raw = AddedTokens(raw) if raw else None
        self._find_normalized = AddedTokens(normalized) if normalized else None
        self._classes = _classes(wordpiece.splits_digits)
        self._max_characters = wordpiece.max_characters
        self._unknown = _unused_character(wordpiece.vocabulary)
        self._wordpiece = tf_text.FastWordpieceTokenizer(
            _by_id(wordpiece),
            suffix_indicator=wordpiece.prefix,
            max_bytes_per_word=min(
                _MAX_BYTES * max(1, wordpiece.max_characters), 1 << 30
            ),
            token_out_type=tf.int32,
            unknown_token=special.unk,
            no_pretokenization=True,
        )
        self.ids = tf.function(
            self._ids,
            input_signature=[
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([], tf.int32),
            ],
            autograph=False,  # nothing to convert, and twice the time to trace
        )

    def _ids(
        self, texts: tf.Tensor, max_tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Tokenises texts.

        Args:
            texts: `(N,)` strings.
            max_tokens: Most tokens kept per text, or per window, `[CLS]` and
                `[SEP]` included; the rest is left out.

        Returns:
            Ids `(N, T)` int32, padded to the longest; and the number of
            tokens of each text before the cut, `(N,)` int32.
        """
        pieces = self._pieces(texts)
        lengths = tf.cast(pieces.row_lengths(), tf.int32) + 2
        room = max_tokens - 2
        if self.long_texts == "windows":
            ids = in_windows(pieces, room, self.cls_id, self._sep_id)
            return ids.to_tensor(self.pad_id), lengths
        if self.long_texts == "head_tail":
            pieces = head_and_tail(pieces, room)
        else:
            pieces = pieces[:, :room]
        count = pieces.nrows(out_type=tf.int32)
        ids = tf.concat(
            [
                tf.fill([count, 1], self.cls_id),
                pieces,
                tf.fill([count, 1], self._sep_id),
            ],
            axis=1,
        )
        return ids.to_tensor(self.pad_id), lengths

    def _pieces(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Ids of the pieces of each text, `(N, None)` int32."""
        decoded = tf.strings.unicode_decode(
            cleaning.blank_strings(texts, self.clean), "UTF-8", errors="ignore"
        )
        codes = decoded.values
        rows = owners(decoded.row_splits, tf.size(codes))
        if self.clean != "none":
            codes, rows = cleaning.decode_entities(codes, rows)
        if self._find_raw:
            codes, rows = self._find_raw(codes, rows)
        codes, rows = self._normalize(codes, rows)
        if self._find_normalized:
            codes, rows = self._find_normalized(codes, rows)
        codes, splits, rows = self._words(codes, rows)
        firsts = tf.gather(codes, splits[:-1])
        codes, splits = self._replace_long(codes, splits)
        words = tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_splits(
                tf.where(codes < FIRST_CODE, codes, self._unknown),
                splits,
                validate=False,
            ),
            "UTF-8",
        )
        pieces = self._wordpiece.tokenize(words)
        ids = pieces.values
        if self._find_raw or self._find_normalized:
            added = tf.where(firsts >= FIRST_CODE)
            ids = tf.tensor_scatter_nd_update(
                ids,
                tf.gather(pieces.row_starts(), added),
                tf.gather_nd(firsts, added) - FIRST_CODE,
            )
        lengths = tf.math.unsorted_segment_sum(
            pieces.row_lengths(), rows, tf.size(texts)
        )
        return tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)

    def _words(
        self, codes: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Splits texts at blanks and around punctuation.

        Returns:
            Code points without blanks, the splits of words in them, and the
            row of each word.
        """
        classes = self._classes(codes)
        blank = tf.bitwise.bitwise_and(classes, characters.BLANK) > 0
        isolated = tf.bitwise.bitwise_and(classes, characters.ISOLATED) > 0
        starts = isolated | shift(isolated | blank, True) | begins(rows)
        codes, starts, rows = (
            tf.boolean_mask(values, ~blank) for values in (codes, starts, rows)
        )
        starts = tf.where(starts)[:, 0]
        size = tf.size(codes, out_type=tf.int64)
        return (
            codes,
            tf.concat([starts, [size]], 0),
            tf.gather(rows, starts),
        )

    def _replace_long(
        self, codes: tf.Tensor, splits: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Replaces words beyond the limit by one unknown character."""
        lengths = splits[1:] - splits[:-1]
        too_long = lengths > self._max_characters

        def replace() -> tuple[tf.Tensor, tf.Tensor]:
            word = owners(splits, tf.size(codes))
            affected = tf.gather(too_long, word)
            first = begins(word)
            shorter = tf.where(too_long, tf.ones_like(lengths), lengths)
            return (
                tf.boolean_mask(
                    tf.where(affected, self._unknown, codes), first | ~affected
                ),
                tf.concat([[0], tf.cumsum(shorter)], 0),
            )

        return tf.cond(
            tf.reduce_any(too_long), replace, lambda: (codes, splits)
        )


def _patterns(
    wordpiece: WordPiece, normalize: Normalizer | None
) -> list[Pattern]:
    """What is sought in the normalised texts; None: in the raw texts.

    Tokens that frame a text hide others, but alone they change nothing.
    """
    special = wordpiece.special
    frame = {special.pad, special.unk, special.cls, special.sep, special.mask}

    def pattern(token: AddedToken) -> Pattern:
        codes = tf.constant([ord(c) for c in token.content])
        if normalize is not None:
            codes, _ = normalize(codes, tf.zeros_like(codes))
        return Pattern(
            codes.numpy().tolist(),
            None if token.content in frame else token.id,
            token.single_word,
        )

    chosen = [
        token
        for token in wordpiece.added_tokens
        if token.normalized == (normalize is not None)
    ]
    if all(token.content in frame for token in chosen):
        return []
    # The library seeks special tokens first, which matters to equal ones.
    patterns = [pattern(t) for t in sorted(chosen, key=lambda t: not t.special)]
    strips = any(
        token.lstrip or token.rstrip
        for token in wordpiece.added_tokens
        if token.content not in frame
    )
    blanks = characters.members("blanks")
    for sought in patterns:
        codes = sought.codes
        if not codes or (strips and blanks[[codes[0], codes[-1]]].any()):
            text = "".join(map(chr, codes))
            raise ValueError(
                "An added token must have characters that the normaliser "
                "keeps, and with `lstrip` or `rstrip` of any token no blank "
                f"at its ends. Received: {text!r}, normalised. Name another "
                "--encoder."
            )
    return patterns


@functools.cache
def _classes(digits: bool) -> CodeTable:
    return CodeTable(characters.classes(digits=digits))


def _unused_character(vocabulary: list[str]) -> int:
    """A character, of those for private use, that no token has."""
    used = set().union(*vocabulary)
    return next(c for c in range(0xF0000, FIRST_CODE) if chr(c) not in used)


def _by_id(wordpiece: WordPiece) -> list[str]:
    """The vocabulary without holes and repeats: of these, the last one counts.

    Their placeholder has a blank, which no word has.
    """
    last = {token: i for i, token in enumerate(wordpiece.vocabulary)}
    return [
        token if token and last[token] == i else f"no token {i}"
        for i, token in enumerate(wordpiece.vocabulary)
    ]
