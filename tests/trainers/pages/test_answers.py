"""What the page is told of a text, beside what the programs say of it."""

import base64
import json

import numpy as np
import pytest

from text2image.corpora.unlabelled import Text
from trainers.pages import answers, shown_runs
from trainers.pages.server import BadRequest
from trainers.runs import loading
from trainers.serving.predictor import load_predictor

pytestmark = pytest.mark.slow
TEXT = "A great film \N{SNOWMAN}, unaffable;\n and not so DULL \U0001f600!"


@pytest.fixture(scope="module")
def workdir(trained):
    return str(trained[2].workdir)


@pytest.fixture(scope="module")
def runs(workdir):
    return shown_runs.load([workdir])


@pytest.fixture(scope="module")
def verdict(runs):
    return answers.verdict(runs, {"run": 0, "text": TEXT})


@pytest.fixture(scope="module")
def explanation(runs):
    return answers.explanation(runs, {"run": 0, "text": TEXT})


def decode(text, shape):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


def test_the_verdict_is_that_of_predict(workdir, verdict):
    predictor = load_predictor(workdir=workdir)
    (predicted,) = predictor.predict([Text(1, TEXT)])
    assert verdict["label"] == predicted.label
    np.testing.assert_allclose(
        verdict["probabilities"], predicted.probabilities, rtol=0, atol=1e-6
    )
    (image,) = predictor.render([Text(1, TEXT)])
    np.testing.assert_array_equal(decode(verdict["image"], image.shape), image)


def test_the_explanation_is_of_the_verdict(runs, verdict, explanation):
    assert explanation["explained"] == verdict["label"]
    pieces, shares = zip(*explanation["segments"], strict=True)
    assert "".join(pieces) == TEXT
    words = [p for p, s in explanation["segments"] if s is not None]
    assert {"great", "unaffable", "DULL"} <= set(words)
    added = explanation["margin"] - explanation["words_baseline"]
    total = sum(share for share in shares if share is not None)
    assert abs(total - added) <= explanation["words_error"] + 1e-5
    from_image = explanation["margin"] - explanation["image_baseline"]
    for values in (
        explanation["layers"],
        decode(explanation["contributions"], (12, 14, 1)),
        decode(explanation["features"], (3, 16)),
    ):
        error = explanation["pixels_error"] + 1e-4
        assert np.sum(values) == pytest.approx(from_image, abs=error)


def test_another_class_is_explained_if_it_is_named(runs, explanation):
    first, second = runs[0].explainer.label_names
    margins = [
        answers.explanation(runs, {"run": 0, "text": TEXT, "label": name})[
            "margin"
        ]
        for name in (first, second)
    ]
    assert margins[0] == pytest.approx(-margins[1], abs=1e-5)
    assert explanation["margin"] in margins


def test_the_stages_are_those_of_the_model(runs, workdir, verdict):
    model = loading.load(workdir)
    frozen = model.get_layer("features")
    extractor = [
        layer for layer in frozen.layers if layer.name != "autoencoder_linear"
    ]
    shape = runs[0].known.mean.shape
    stages = []
    for image in (decode(verdict["image"], shape), runs[0].known.mean):
        values = image[None]
        for layer in extractor[1:]:
            is_grey = layer.name == "three_channels"
            values = np.asarray(layer([values] * 3 if is_grey else values))
            if layer.name == "normalization":
                stages.append(values[0])
        stages.append(values[0])
    seen, maps, mean_seen, mean_maps = stages
    np.testing.assert_allclose(
        decode(verdict["seen"], shape), seen - mean_seen, atol=1e-4
    )
    shown = answers.feature_maps(runs, {"run": 0, "text": TEXT})
    numbers = shown["numbers"]
    assert numbers == sorted(numbers)
    assert len(numbers) == min(64, maps.shape[-1])
    expected = np.moveaxis((maps - mean_maps)[..., numbers], -1, 0)
    # Differences of larger numbers, whose convolutions sum in other orders.
    tolerance = 1e-5 * np.abs(maps).max()
    np.testing.assert_allclose(
        decode(shown["values"], expected.shape), expected, atol=tolerance
    )
    left_out = np.delete(maps - mean_maps, numbers, axis=-1)
    if left_out.size:
        sizes = np.square(expected).sum((1, 2))
        assert np.square(left_out).sum((0, 1)).max() <= sizes.min() * 1.001


def test_the_page_is_told_where_every_feature_is_drawn(runs, workdir, caplog):
    files = answers.files(runs)
    told = json.loads(files["/runs.json"][1])
    assert not told["examples"]  # the records of this run are gone
    assert "no examples" in caplog.text
    (run,) = told["runs"]
    assert len(run["pixels"]) == len(run["layers"]) * run["dimensions"]
    assert max(run["pixels"]) < np.prod(run["shape"])
    assert run["labels"] == list(runs[0].explainer.label_names)
    page = files["/"][1].decode()
    for name in ("page.js", "page.css"):
        assert f'"{name}"' in page
        assert f"/{name}" in files
    # What a browser would load from elsewhere.
    assert not any(
        b"//" in content.replace(b"//  ", b"")
        for name, (_, content) in files.items()
        if name == "/" or name.endswith(".css")
    )


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"run": 0, "text": " \n"}, 400),
        ({"run": 0}, 400),
        ({"run": 0, "text": ["a"]}, 400),
        ({"run": 1, "text": "a"}, 400),
        ({"run": -1, "text": "a"}, 400),
        ({"run": True, "text": "a"}, 400),
        ({"text": "a"}, 400),
        ({"run": 0, "text": "a" * (answers.LONGEST_TEXT + 1)}, 413),
        ({"run": 0, "text": "a", "label": "no class"}, 400),
        ({"run": 0, "text": "a", "label": 0}, 400),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(runs, request_, status):
    answer = answers.explanation if "label" in request_ else answers.verdict
    with pytest.raises(BadRequest) as refused:
        answer(runs, request_)
    assert refused.value.status == status
