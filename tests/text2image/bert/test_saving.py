"""Encoders that are written are the encoders that are read."""

import json
import pathlib

import numpy as np
import pytest

from text2image.bert import checkpoint, headers, saving
from text2image.bert.backbones import Weight, weights
from text2image.bert.tokenizer import Tokenizer


def _save(source: str, directory: pathlib.Path) -> checkpoint.Checkpoint:
    loaded = checkpoint.load_checkpoint(source)
    located = checkpoint.locate(source)
    family = headers.read_header(pathlib.Path(located)).family
    saving.save(directory, loaded, located, family)
    return loaded


def _weights(loaded: checkpoint.Checkpoint) -> list[Weight]:
    return list(weights(loaded.backbone, headers.BERT))


@pytest.mark.parametrize(
    "name", ["tiny_bert", pytest.param("mini", marks=pytest.mark.slow)]
)
def test_what_was_written_is_read(name, tiny_bert, tmp_path):
    source = tiny_bert if name == "tiny_bert" else name
    saved = _save(source, tmp_path / "saved")
    loaded = checkpoint.load_checkpoint(str(tmp_path / "saved"))
    assert loaded.gelu == saved.gelu
    texts = ["A great film, ÉTÉ [MASK] naïve!", "unbelievable 12x"]
    np.testing.assert_array_equal(
        *(
            Tokenizer(each.wordpiece).ids(texts, 30)[0]
            for each in (loaded, saved)
        )
    )
    for one, other in zip(_weights(loaded), _weights(saved), strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.tensor(), other.tensor())
    _save(source, tmp_path / "again")
    assert checkpoint.identify(str(tmp_path / "saved")) == checkpoint.identify(
        str(tmp_path / "again")
    )


def test_distilbert_has_its_own_names_and_no_segments(tiny_bert, tmp_path):
    loaded = checkpoint.load_checkpoint(tiny_bert)
    segments = loaded.backbone.get_layer("segment_embedding").embeddings
    segments.assign(np.zeros(segments.shape))
    saving.save(tmp_path, loaded, tiny_bert, headers.DISTILBERT)
    again = checkpoint.load_checkpoint(str(tmp_path))
    assert json.loads((tmp_path / "config.json").read_text())["n_layers"] == 8
    theirs = {w.name: w for w in weights(again.backbone, headers.DISTILBERT)}
    for weight in weights(loaded.backbone, headers.DISTILBERT):
        np.testing.assert_array_equal(
            weight.tensor(), theirs[weight.name].tensor()
        )


def test_a_tokeniser_that_files_cannot_state_is_refused(tmp_path):
    loaded = checkpoint.load_checkpoint("mini")
    loaded.wordpiece.vocabulary[-1] = "two\nlines"
    with pytest.raises(ValueError, match="cannot be stated"):
        saving.save(tmp_path, loaded, checkpoint.locate("mini"))
