"""The estimator: what scikit-learn asks of it, and that it is the command."""

import json
import pathlib
import pickle

import numpy as np
import pytest
import sklearn.base
import tensorflow as tf
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from text2image.deepinsight.transformer import DeepInsight
from tfrecords import reader
from trainers import run
from trainers.estimators.text_image_classifier import (
    TextImageClassifier,
)
from trainers.runs import checkpoints, loading

TEXTS = [
    f"{('bad dull hate', 'good great love')[i % 2]} film, number {i}"
    for i in range(40)
]
LABELS = [("rotten", "fresh")[i % 2] for i in range(40)]
SMALL = {
    "max_tokens": 32,
    "layers": "0-2",
    "weights": "random",
    "epochs": 2,
    "batch_size": 8,
    "settings": {
        **{"image_height": 12, "image_width": 12, "projection": "pca"},
        **{"channels": "grey", "upsample": 3},
    },
}


def make(encoder, **changes):
    return TextImageClassifier("vgg16", encoder, **{**SMALL, **changes})


@pytest.fixture(scope="module")
def fitted(tiny_bert):
    return make(tiny_bert).fit(TEXTS, LABELS)


@pytest.mark.slow
def test_it_learns_and_answers_with_the_labels_it_was_given(fitted):
    assert fitted.classes_.tolist() == ["fresh", "rotten"]
    texts = np.array(TEXTS)
    probabilities = fitted.predict_proba(texts)
    assert probabilities.shape == (40, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    predicted = fitted.predict(texts)
    assert set(predicted) <= set(LABELS)
    np.testing.assert_array_equal(
        predicted, fitted.classes_[probabilities.argmax(axis=1)]
    )
    assert fitted.score(TEXTS, LABELS) == np.mean(predicted == LABELS)
    assert fitted.predict([]).shape == (0,)
    assert fitted.images(TEXTS[:2]).shape == (2, 12, 12, 1)


@pytest.mark.slow
def test_a_run_of_the_command_is_a_classifier(trained, reloaded):
    run_of_three = trained[3]
    classifier = TextImageClassifier.load(run_of_three.workdir)
    assert classifier.classes_.tolist() == ["clåss 0", "clåss 1", "clåss 2"]
    texts = list(run_of_three.texts.values())[:9]
    answers = reloaded[3].serving_default(tf.constant(texts))
    np.testing.assert_array_equal(
        classifier.predict_proba(texts), answers["probabilities"]
    )
    labels = [label.decode() for label in answers["label"].numpy()]
    assert classifier.predict(np.array(texts)).tolist() == labels
    assert classifier.score(texts, labels) == 1


@pytest.mark.slow
def test_the_run_is_an_ordinary_one(fitted):
    names = {path.name for path in fitted.workdir_.iterdir()}
    assert {"metrics.json", "model.safetensors", "report.md"} <= names
    config, metrics, origin = loading.read_run(fitted.workdir_)
    assert config.backbone == "vgg16"
    assert metrics == fitted.metrics_
    assert origin.label_names == ("fresh", "rotten")


@pytest.mark.slow
def test_a_saved_classifier_answers_the_same(fitted, tmp_path):
    workdir = fitted.save(tmp_path / "saved")
    loaded = TextImageClassifier.load(workdir)
    np.testing.assert_array_equal(
        loaded.predict_proba(TEXTS[:3]), fitted.predict_proba(TEXTS[:3])
    )
    parameters = fitted.get_params()
    assert loaded.get_params() == parameters
    with pytest.raises(FileExistsError, match="must not exist"):
        fitted.save(workdir)


@pytest.mark.slow
def test_a_copy_has_a_directory_of_its_own(fitted):
    copied = pickle.loads(pickle.dumps(fitted))
    assert copied.workdir_ != fitted.workdir_
    np.testing.assert_array_equal(
        copied.predict_proba(TEXTS[:2]), fitted.predict_proba(TEXTS[:2])
    )
    directory = pathlib.Path(copied._temporary)
    del copied
    assert not directory.exists()


@pytest.mark.slow
def test_it_explains_the_class_that_is_asked_for(fitted):
    (explained,) = fitted.explain(TEXTS[:1], label="fresh")
    assert explained.label == "fresh"
    total = sum(word.contribution for word in explained.words)
    assert total == pytest.approx(
        explained.margin - explained.words_baseline, abs=explained.words_error
    )
    with pytest.raises(ValueError, match="must be one of"):
        fitted.explain(TEXTS[:1], label="stale")


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        ("a text", [1], TypeError, "one string"),
        (TEXTS, LABELS[:-1], ValueError, "40 texts and 39 labels"),
        ([*TEXTS[:-1], 3], LABELS, TypeError, "3 at index 39, of type int"),
        ([*TEXTS[:-1], " "], LABELS, ValueError, "' ' at index 39"),
        (np.array(TEXTS)[:, None], LABELS, ValueError, "shape=\\(40, 1\\)"),
        (TEXTS, [*LABELS[:-1], None], ValueError, "needs a label.*None"),
        (TEXTS, [[label] for label in LABELS], TypeError, "hashable"),
        (TEXTS, [1] * 40, ValueError, "1 class"),
        (TEXTS, [1, "1"] * 20, ValueError, "look like one class"),
        (TEXTS[:4], LABELS[:4], ValueError, "examples in validation"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(
    tiny_bert, texts, labels, error, message
):
    with pytest.raises(error, match=message):
        make(tiny_bert).fit(texts, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "best"}, "`preset` must be one of"),
        ({"backbone": "resnet50"}, "`backbone` must be one of"),
        ({"encoder": "nowhere"}, "`encoder` must be a directory"),
        ({"settings": {"scalar": "norm1"}}, "Did you mean 'scaler'"),
        ({"settings": {"dataset": "x"}}, "none of how a file is read"),
        (
            {"settings": {"image_height": 2, "image_width": 2}},
            "`assignment='lsa'`",
        ),
    ],
)
def test_settings_are_refused_in_the_words_of_python(
    tiny_bert, settings, message
):
    estimator = make(tiny_bert).set_params(**settings)
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        estimator.fit(TEXTS, LABELS)
    assert message in str(caught.value)
    assert "--" not in str(caught.value)


def test_parameters_follow_scikit_learn(tiny_bert):
    estimator = make(tiny_bert)
    # The checks of the interface; those with matrices do not apply to texts.
    for check in (
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_mixin_order,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_parameters_default_constructible,
    ):
        check("TextImageClassifier", estimator)
    clone = sklearn.base.clone(estimator)
    assert clone.get_params() == estimator.get_params()
    with pytest.raises(sklearn.exceptions.NotFittedError):
        clone.predict(TEXTS)


@pytest.mark.parametrize(
    "values",
    [
        [3, 10, 20],
        [True, False],
        [("a", 1), ("b", 2)],
        [0.5, 1.0],
        [np.int64(4), np.int64(2)],
        ["b", 1],
    ],
    ids=str,
)
def test_labels_of_any_type_come_back_as_they_were(values):
    from trainers.estimators.class_labels import ClassLabels

    labels = [values[i % len(values)] for i in range(7)]
    classes = ClassLabels.of(labels)
    assert len(classes.values) == len(values)
    for value, name in zip(classes.values, classes.names, strict=True):
        assert classes.name_of(value) == name == str(value)
    assert set(classes.values.tolist()) == set(values)
    stored = json.loads(json.dumps(classes.to_json()))
    if stored is not None:
        again = ClassLabels.of_run(classes.names, stored)
        assert again.values.tolist() == classes.values.tolist()
        assert again.values.dtype == classes.values.dtype


@pytest.mark.slow
def test_it_is_the_model_that_the_command_trains(
    tiny_bert, fitted, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rows = zip(TEXTS, LABELS, strict=True)
    pathlib.Path("rows.csv").write_text(
        "label,text\n" + "".join(f'{label},"{t}"\n' for t, label in rows)
    )
    own = {**SMALL, **SMALL["settings"], "encoder": tiny_bert}
    del own["settings"]
    flags = [f"--{name}={value}" for name, value in own.items()]
    assert not run.main(
        [
            *("--dataset=rows.csv", "--backbone=vgg16", "--workdir=run"),
            *("--export=false", "--baselines=false", *flags),
        ]
    )
    weights = [
        checkpoints.variables(loading.load_run(workdir).model)
        for workdir in ("run", fitted.workdir_)
    ]
    for name, variable in weights[0].items():
        np.testing.assert_array_equal(variable, weights[1][name], name)
    by_command = TextImageClassifier.load("run")
    assert by_command.classes_.tolist() == fitted.classes_.tolist()
    np.testing.assert_array_equal(
        by_command.predict_proba(TEXTS), fitted.predict_proba(TEXTS)
    )
    metrics = by_command.metrics_
    for name in ("accuracy", "loss", "confusion_matrix", "epochs"):
        assert metrics[name] == fitted.metrics_[name]


@pytest.mark.slow
def test_the_transformer_draws_what_the_records_hold(fitted):
    """Bit for bit: the same sums in the same order."""
    directory = fitted.workdir_.parents[1]
    (cls_dir,) = directory.glob("records/cls/*/1.0.0")
    (image_dir,) = directory.glob("records/image/*/1.0.0")

    def read(records, name, split):
        batches = reader.read_records(records, split, batch_size=64)
        return np.concatenate([batch[name].numpy() for batch in batches])

    transformer = DeepInsight(
        projection="pca", image_height=12, image_width=12
    ).fit(read(cls_dir, "stack", "train"))
    for split in ("train", "validation"):
        np.testing.assert_array_equal(
            transformer.transform(read(cls_dir, "stack", split)),
            read(image_dir, "image", split),
        )


@pytest.mark.slow
def test_searches_share_records_and_run_in_a_pipeline(tiny_bert, tmp_path):
    estimator = make(tiny_bert, directory=tmp_path, epochs=1)
    pipeline = make_pipeline(FunctionTransformer(), estimator)
    search = GridSearchCV(
        pipeline, {"textimageclassifier__l2": [0.0, 0.1]}, cv=2, refit=False
    )
    search.fit(np.array(TEXTS, object), np.array([0, 1] * 20))
    assert search.cv_results_["mean_test_score"].shape == (2,)
    assert len(list(tmp_path.glob("records/cls/*"))) == 2
    assert len(list(tmp_path.glob("runs/*"))) == 4
