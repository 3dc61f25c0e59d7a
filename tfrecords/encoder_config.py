"""Settings that turn texts into stacks of vectors.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import functools

from text2image import options
from tfrecords import ranges
from tfrecords.settings import setting

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_reproduction = functools.partial(setting, group="reproduction")


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Settings of the encoder and of what it reads. See each field's help."""

    encoder: str = _common(
        "mini",
        "BERT: mini (shipped with the package), a directory (Hugging Face's, "
        "Google's, sentence-transformers', keras-hub's), hf://OWNER/NAME, or "
        "the name of a keras-hub preset.",
    )
    stacks: str = _records(
        "",
        "Vectors that are drawn instead of an encoder's: a finished directory "
        "of cls records, or an .npz or .parquet file of vectors with labels "
        "(docs/guide/data.md).",
    )
    layers: str = _records(
        "last6",
        "Layers whose vectors (--pooling) make up the stack: lastN, all, or a "
        "range such as 6-11, counted from 0, both ends included. The paper's "
        "text uses 6-11, its code 5-10.",
    )
    pooling: str = _records(
        "cls",
        "Vector of a text in a layer: its [CLS] vector, the mean or maximum "
        "over its tokens, or (first_last) the mean over tokens of the first "
        "and the last layer: one vector, without --layers.",
        options.POOLINGS,
    )
    max_tokens: int = _records(
        512,
        "Most tokens of a text, [CLS] and [SEP] included.",
        ranges.Range(least=3, most=2**15),
    )
    long_texts: str = _records(
        "cut",
        "What is kept of a text of more than --max_tokens. cut: its start. "
        "head_tail: its start and its end, 128 and 382 tokens of 510, in this "
        "ratio for any --max_tokens. windows: all of it, in up to 64 windows "
        "whose vectors are averaged.",
        options.LONG_TEXTS,
    )
    clean: str = _records(
        "none",
        "What is taken out of a text before its tokens are counted. html: tags "
        "such as <br />, and entities become their characters. basic: URLs "
        "too, and lower case.",
        options.CLEANINGS,
    )
    tokens_per_batch: int = _records(
        0,
        "Tokens encoded at a time; changes only the last bits of the vectors. "
        "0: by device: 512 on a CPU (1024 with OpenVINO), 4,096 to 65,536 on a "
        "GPU, by its memory.",
        ranges.Range(least=0, most=2**24),
    )
    encoder_engine: str = _records(
        "auto",
        "What computes the encoder. auto: openvino on CPUs if it is "
        "installed (pip install 'text-as-image[fast-cpu]'), for "
        "encoders of hidden size 384 and more; else tensorflow.",
        options.ENCODER_ENGINES,
    )
    encoder_dtype: str = _reproduction(
        "auto",
        "Type the encoder computes in. bfloat16 gives different vectors, in "
        "less time where the hardware supports it. auto: bfloat16 on GPUs that "
        "have it (compute capability 8.0) and where openvino uses a CPU's "
        "units, else float32.",
        options.ENCODER_DTYPES,
    )
