"""Predictions in Python: which model, and which texts."""

import pytest

from trainers.serving.predictor import Predictor, load_predictor


def test_a_wrong_workdir_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a finished run"):
        load_predictor(workdir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="not an export"):
        load_predictor(export_dir=str(tmp_path))


@pytest.mark.parametrize("given", [{}, {"workdir": "a", "export_dir": "b"}])
def test_a_predictor_is_of_a_run_or_of_an_export(given):
    with pytest.raises(ValueError, match="either `workdir` or `export_dir`"):
        load_predictor(**given)


@pytest.mark.parametrize("text", [None, b"bytes", 1.5])
def test_what_is_no_text_is_refused_by_its_number(text):
    predictor = Predictor({"serving_default": None}, ("a", "b"))
    with pytest.raises(TypeError, match=r"must be strings.*number 1"):
        list(predictor.predict([text]))


def test_no_texts_at_a_time_are_refused():
    predictor = Predictor({"serving_default": None}, ("a", "b"))
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        list(predictor.predict(["text"], batch_size=0))
