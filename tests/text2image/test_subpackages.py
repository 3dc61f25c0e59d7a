"""Corpora, BERT and DeepInsight do not import each other."""

import pytest

from tests.test_architecture import ROOT, imported

SUBPACKAGES = ("corpora", "bert", "deepinsight")


@pytest.mark.parametrize("package", SUBPACKAGES)
def test_a_subpackage_imports_none_of_the_others(package):
    files = sorted((ROOT / "text2image" / package).rglob("*.py"))
    assert len(files) > 1
    for path in files:
        for name in imported(path):
            for other in {*SUBPACKAGES} - {package}:
                assert not name.startswith(f"text2image.{other}"), path.name
