"""The encoder as scikit-learn's transformer: texts to BERT vectors."""

from typing import Any, Self

import numpy as np
import sklearn.base
import sklearn.utils
from sklearn.utils.validation import check_is_fitted

from text2image.bert.encoder import Encoder
from text2image.python_errors import in_python_terms
from text2image.text_lists import check_texts


class TextToStack(sklearn.base.TransformerMixin, sklearn.base.BaseEstimator):
    """Encodes texts as stacks, one vector per layer of BERT.

    Nothing is learned; `fit` loads the encoder.

    Attributes:
        layers_: Indices of the layers, as the rows of a stack.
        stack_shape_: (L, D).
    """

    def __init__(
        self,
        encoder: str = "mini",
        *,
        layers: str = "last6",
        max_tokens: int = 512,
        pooling: str = "cls",
        long_texts: str = "cut",
        clean: str = "none",
        engine: str = "auto",
        dtype: str = "auto",
        flat: bool = True,
    ) -> None:
        """Keeps the parameters.

        Args:
            encoder: `mini` (shipped with the package), a directory,
                `hf://OWNER/NAME`, or the name of a keras-hub preset.
            layers: `lastN`, `all`, or a range such as `6-11`, from 0.
            max_tokens: Most tokens per text.
            pooling: One of `options.POOLINGS`; see `Encoder`.
            long_texts: One of `options.LONG_TEXTS`.
            clean: One of `options.CLEANINGS`.
            engine: One of `options.ENCODER_ENGINES`.
            dtype: One of `options.ENCODER_DTYPES`.
            flat: Whether stacks are rows `(N, L * D)`, layer by layer, as
                other steps of scikit-learn take them; else `(N, L, D)`.
        """
        self.encoder = encoder
        self.layers = layers
        self.max_tokens = max_tokens
        self.pooling = pooling
        self.long_texts = long_texts
        self.clean = clean
        self.engine = engine
        self.dtype = dtype
        self.flat = flat

    @in_python_terms()
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Loads the encoder.

        Args:
            X: Ignored.
            y: Ignored.

        Raises:
            FileNotFoundError: If there is no such encoder.
            ValueError: If a parameter is refused.
        """
        self._encoder: Encoder | None = self._load()
        self.layers_ = list(self._encoder.layers)
        self.stack_shape_ = self._encoder.stack_shape
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encodes texts.

        Args:
            X: N texts: list, array or column of strings.

        Returns:
            `(N, L * D)` float32, or `(N, L, D)` unless `flat`. The last bits
            depend on the other texts of a call, which share batches.
        """
        check_is_fitted(self)
        texts = check_texts(X)
        if self._encoder is None:  # a copy by pickle
            self._encoder = self._load()
        # Lone surrogates become bytes that the tokeniser drops.
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        stacks, _ = self._encoder.encode(self._encoder.tokenize(encoded))
        if self.flat:
            return stacks.reshape(len(stacks), int(np.prod(self.stack_shape_)))
        return stacks

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names the columns of flat stacks, `layer<layer>_<dimension>`.

        Args:
            input_features: Ignored.
        """
        check_is_fitted(self)
        return np.array(
            [
                f"layer{layer}_{dimension}"
                for layer in self.layers_
                for dimension in range(self.stack_shape_[1])
            ],
            object,
        )

    def _load(self) -> Encoder:
        return Encoder(
            str(self.encoder),
            layers=self.layers,
            max_tokens=self.max_tokens,
            tokens_per_batch=0,
            pooling=self.pooling,
            long_texts=self.long_texts,
            clean=self.clean,
            dtype=self.dtype,
            engine=self.engine,
        )

    def __sklearn_tags__(self) -> sklearn.utils.Tags:
        """Tells scikit-learn that the input is texts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the encoder, which is loaded again."""
        return {**super().__getstate__(), "_encoder": None}
