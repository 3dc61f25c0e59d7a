"""Texts to WordPiece ids, inside the TensorFlow graph.

keras-hub's tokeniser runs in C++ inside a graph but in Python outside, ten
times slower, so it is only called inside one. A normaliser runs first, because
keras-hub folds and splits characters that BERT's own tokeniser deletes or
keeps.
"""

import keras_hub
import tensorflow as tf
import tensorflow_text as tf_text

from text2image.bert.wordpiece import WordPiece

# Unicode classes as RE2 names them: separators become spaces; controls,
# format characters and the replacement character are deleted, as in Hugging
# Face's BertNormalizer. The ids then agree on all of Latin-1.
_SPACES = r"[\t\n\r\p{Z}]"
_DELETED = r"[\p{C}\x{FFFD}]"
_ACCENTS = r"\p{Mn}"


class Tokenizer:
    """Makes `[CLS] tokens [SEP]`, padded to the longest text of the call.

    Invalid UTF-8 is deleted. `[SEP]` and other special tokens in a text are
    read as ordinary characters.

    Attributes:
        vocabulary: WordPiece tokens by id.
        lowercase: Whether texts are lower-cased and accents stripped.
        pad_id: Id of `[PAD]`.
        ids: Compiled function of texts and most tokens, see `_ids`.
    """

    def __init__(self, wordpiece: WordPiece) -> None:
        """Builds the tokeniser.

        Args:
            wordpiece: The checkpoint's.
        """
        self.vocabulary = vocabulary = wordpiece.vocabulary
        self.lowercase = lowercase = wordpiece.lowercase
        self._wordpiece = keras_hub.models.BertTokenizer(
            vocabulary=vocabulary,
            lowercase=False,
            strip_accents=lowercase,
        )
        self.pad_id = int(self._wordpiece.pad_token_id)
        self._cls_id = int(self._wordpiece.cls_token_id)
        self._sep_id = int(self._wordpiece.sep_token_id)
        self.ids = tf.function(
            self._ids,
            input_signature=[
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([], tf.int32),
            ],
        )

    def normalize(self, texts: tf.Tensor) -> tf.Tensor:
        """Normalises `(N,)` strings as BERT's own tokeniser does."""
        texts = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace"
        )
        texts = tf.strings.regex_replace(texts, _SPACES, " ")
        texts = tf.strings.regex_replace(texts, _DELETED, "")
        if self.lowercase:
            texts = tf_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, _ACCENTS, "")
            texts = tf.strings.lower(texts, encoding="utf-8")
        return texts

    def _ids(
        self, texts: tf.Tensor, max_tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Tokenises texts.

        Args:
            texts: `(N,)` strings.
            max_tokens: Most tokens kept per text, `[CLS]` and `[SEP]`
                included; the rest is cut off.

        Returns:
            Ids `(N, T)` int32, padded to the longest; and the number of
            tokens of each text before the cut, `(N,)` int32.
        """
        pieces = self._wordpiece(self.normalize(texts))
        lengths = tf.cast(pieces.row_lengths(), tf.int32) + 2
        pieces = pieces[:, : max_tokens - 2]
        count = pieces.nrows(out_type=tf.int32)
        ids = tf.concat(
            [
                tf.fill([count, 1], self._cls_id),
                tf.cast(pieces, tf.int32),
                tf.fill([count, 1], self._sep_id),
            ],
            axis=1,
        )
        return ids.to_tensor(self.pad_id), lengths
