"""`--layers` names layers of the encoder."""

import pytest

from text2image.bert.layers import parse_layers


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("last6", [6, 7, 8, 9, 10, 11]),
        ("last1", [11]),
        ("last12", list(range(12))),
        ("all", list(range(12))),
        ("5-10", [5, 6, 7, 8, 9, 10]),
        ("0-0", [0]),
    ],
)
def test_layers_are_read(layers, expected):
    assert parse_layers(layers, 12) == expected


@pytest.mark.parametrize(
    "layers",
    ["last13", "last0", "5-12", "7-6", "-1-3", "5", "", "All", "last", "1,2",
     "last6 ", "-"],
)  # fmt: skip
def test_unknown_layers_are_explained(layers):
    with pytest.raises(ValueError, match="`layers` must") as error:
        parse_layers(layers, 12)
    assert repr(layers) in str(error.value)
