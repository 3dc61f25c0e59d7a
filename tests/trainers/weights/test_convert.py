"""A published file becomes the file of one slice."""

import pytest

from tests.support import backbones_server, backbones_weights
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import convert, published


@pytest.mark.parametrize("given", [False, True])
def test_convert_writes_a_file_for_weights_path(
    tmp_path, server, monkeypatch, given
):
    content, arrays = backbones_weights.write_alexnet(tmp_path, stream=True)
    file = backbones_server.published_file(server, "alexnet.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    output = tmp_path / "out" / "alexnet.safetensors"
    source = [f"--input={tmp_path / 'source.pth'}"] if given else []
    flags = ["--backbone=alexnet", *source, f"--output={output}"]
    assert convert.main(flags) == 0
    assert server.requests == (0 if given else 1)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    received = backbones_weights.load_source(slice_, "alexnet", output)
    backbones_weights.assert_equal(received, arrays)


def test_convert_refuses_another_file_unless_told(tmp_path, capsys):
    backbones_weights.write_alexnet(tmp_path, stream=True)
    output = tmp_path / "alexnet.safetensors"
    flags = [
        "--backbone=alexnet",
        f"--input={tmp_path / 'source.pth'}",
        f"--output={output}",
    ]
    assert convert.main(flags) == 1
    error = capsys.readouterr().err
    assert "is not the published alexnet-owt-7be5be79.pth" in error
    assert not output.exists()
    assert convert.main([*flags, "--unverified"]) == 0
    assert output.is_file()


@pytest.mark.parametrize(
    ("flags", "code", "error"),
    [
        (["--output=a.safetensors"], 2, "Expected --backbone."),
        (["--backbone=vgg16"], 2, "Expected --output."),
        (["--backbone=vgg16", "--output=a.h5"], 1, "must end in .safetensors"),
        (
            ["--backbone=vgg16", "--output=a.safetensors", "--input=nothing"],
            1,
            "--input must be a file",
        ),
        (
            ["--backbone=vgg16", "--output=a.safetensors", "--unverified"],
            1,
            "--unverified would have no effect",
        ),
    ],
)
def test_flags_that_cannot_be_converted_are_refused(flags, code, error, capsys):
    assert convert.main(flags) == code
    assert error in capsys.readouterr().err
