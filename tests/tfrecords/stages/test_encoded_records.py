"""What an encoder cannot do is refused by its config, before it is loaded."""

import pathlib
import shutil

import pytest

from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import MultimodalConfig
from tfrecords.stages import multimodal, stacks


@pytest.fixture
def unloadable(tiny_bert, tmp_path):
    """A BERT of 8 layers and 64 positions, without its weights."""
    shutil.copytree(tiny_bert, tmp_path / "bert")
    (tmp_path / "bert/model.safetensors").unlink()
    return str(tmp_path / "bert")


@pytest.mark.parametrize(
    ("flags", "cure"),
    [
        ({"max_tokens": 64, "layers": "last9"}, "--layers=all"),
        ({"max_tokens": 65}, "--max_tokens=64"),
        (
            {"max_tokens": 64, "layers": "last2", "channels": "layers"},
            "--channels=grey",
        ),
    ],
)
def test_stacks_that_the_encoder_lacks(unloadable, tmp_path, flags, cure):
    settings = RecordsConfig(
        encoder=unloadable, records_dir=str(tmp_path / "records"), **flags
    )
    with pytest.raises(ValueError, match=cure):
        stacks.prepare_cls(settings)
    assert not pathlib.Path(settings.records_dir).exists()


def test_text_layers_that_the_encoder_lacks(unloadable, tmp_path):
    file = tmp_path / "goods.csv"
    file.write_text("image,label\na.jpg,a\nb.jpg,b\n")
    settings = RecordsConfig(
        dataset=str(file), encoder=unloadable, max_tokens=64
    )
    with pytest.raises(ValueError, match="--layers=all"):
        multimodal.prepare_multimodal(
            settings, MultimodalConfig(text_layers="last9")
        )
