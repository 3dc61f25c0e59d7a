"""Kim's network: the paper's parts, and answers that stand alone."""

import keras
import numpy as np
import pytest

from trainers.peers import kim_cnn
from trainers.peers.recorded_texts import RecordedTexts

SETTINGS = kim_cnn.Settings(word_dim=4, filters=3, epochs=4, rate=0.03)


def test_it_has_the_parameters_of_the_paper():
    model = kim_cnn.build_model(kim_cnn.Settings(), 1000, 2)
    convolutions = sum(width * 300 * 100 + 100 for width in (3, 4, 5))
    assert model.count_params() == 1000 * 300 + convolutions + 300 * 2 + 2


def test_an_answer_does_not_depend_on_its_padding():
    keras.utils.set_random_seed(0)
    model = kim_cnn.build_model(SETTINGS, 20, 3)
    ids = np.array([[3, 4, 5, 6, 7, 8]], np.int32)
    for added in (1, 10):
        padded = np.pad(ids, ((0, 0), (0, added)))
        np.testing.assert_allclose(model(padded), model(ids), atol=1e-6)
    assert np.isfinite(model(np.zeros((1, 1), np.int32))).all()


class _Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_killed_training_ends_with_the_answers_of_another(
    tmp_path, monkeypatch
):
    words = np.random.default_rng(0).choice(["so", "a", "<br />film"], (60, 6))
    labels = np.arange(60, dtype=np.int32) % 2
    texts = [
        " ".join([*row, ("bad", "good")[label], ""])
        for row, label in zip(words, labels, strict=True)
    ]
    train = RecordedTexts(texts[:48], labels[:48], list(map(str, range(48))))
    held = RecordedTexts(texts[48:], labels[48:], list(map(str, range(12))))

    def answers(name):
        logits, seconds, _ = kim_cnn.train(
            train,
            held,
            num_classes=2,
            encoder={"max_tokens": 8, "clean": "html"},
            workdir=tmp_path / name,
            run={"peer": name},
            seed=1,
            settings=SETTINGS,
        )
        assert seconds > 0
        return logits

    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = answers("whole")
    assert (whole.argmax(axis=1) == held.labels).all()
    evaluate = kim_cnn.evaluate
    calls = []

    def kill(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise _Killed
        return evaluate(*arguments)

    monkeypatch.setattr(kim_cnn, "evaluate", kill)
    with pytest.raises(_Killed):
        answers("killed")
    np.testing.assert_array_equal(answers("killed"), whole)
