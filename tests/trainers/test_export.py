"""The SavedModel: the same answers as in training, alone and under stress."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.trainers import nasty_texts
from text2image import encoder, layers, pixel_map
from trainers import (
    backbones,
    export,
    graph_ops,
    loading,
    model,
    text_classifier,
    train,
)
from trainers.config import TrainConfig

HERE = pathlib.Path(__file__).parent
# The same ops on the same machine: only their fusion may differ.
TOLERANCE = 1e-6
# Records are encoded in padded batches by XLA: another order of BERT's sums,
# of which a model of 38 texts makes much. Serving takes texts one by one.
RECORDS_TOLERANCE = 1e-4
OUTPUTS = {"label", "score", "probabilities"}


def assert_parity(answers, reference, tolerance=TOLERANCE):
    np.testing.assert_array_equal(answers["label"], reference["label"])
    np.testing.assert_allclose(
        answers["probabilities"],
        reference["probabilities"],
        rtol=0,
        atol=tolerance,
    )


def answer(function, texts, name="text"):
    result = function(**{name: tf.constant(texts)})
    return {key: value.numpy() for key, value in result.items()}


def serve_alone(models, texts, batch_sizes, directory):
    """Every output of the SavedModels, from a process of their own."""
    (directory / "request.json").write_text(
        json.dumps(
            {
                "models": {name: str(path) for name, path in models.items()},
                "texts": [text.hex() for text in texts],
                "batch_sizes": batch_sizes,
            }
        )
    )
    finished = subprocess.run(
        [
            *(sys.executable, "-I", HERE / "serve_alone.py"),
            *(directory / "request.json", directory / "response.npz"),
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not finished.returncode, finished.stderr[-3000:]
    with np.load(directory / "response.npz") as file:
        return dict(file)


def part(response, *names):
    prefix = "/".join(map(str, names)) + "/"
    return {
        key.removeprefix(prefix): value
        for key, value in response.items()
        if key.startswith(prefix)
    }


def in_process(made):
    """Text classifier around the model as training left it in memory."""
    bert = encoder.Encoder(made.encoder, layers="0-2", max_tokens=32)
    fitted = pixel_map.PixelMap.load(made.workdir)
    names = tuple(
        json.loads((made.workdir / "metrics.json").read_text())["label_names"]
    )
    return text_classifier.TextClassifier(
        text_classifier.Parts(
            bert,
            layers.build_drawing(fitted, bert.stack_shape),
            made.model,
            names,
        )
    )


@pytest.fixture(scope="module")
def reloaded(trained):
    return {
        num_classes: text_classifier.load_classifier(
            loading.load_run(made.workdir)
        )
        for num_classes, made in trained.items()
    }


@pytest.fixture(scope="module")
def texts(trained):
    # A corpus's texts reach the limits that the scaler was fitted to.
    corpus = [text.encode() for text in trained[2].texts.values()]
    return [*corpus[:40], *nasty_texts.NASTY]


@pytest.fixture(scope="module")
def served(trained, texts, tmp_path_factory):
    return serve_alone(
        {"3": trained[3].export},
        texts,
        [1, 8, 32, len(texts)],
        tmp_path_factory.mktemp("served"),
    )


def test_trained_reloaded_and_served_models_agree(
    trained, reloaded, served, texts
):
    reference = answer(in_process(trained[3]).serving_default, texts)
    assert reference["probabilities"].shape == (len(texts), 3)
    assert np.isfinite(reference["probabilities"]).all()
    found = answer(reloaded[3].serving_default, texts)
    assert_parity(found, reference)
    alone = part(served, 3, "serving_default", len(texts), 0)
    assert set(alone) == OUTPUTS
    alone["label"] = alone["label"].astype(object)
    assert_parity(alone, reference)
    np.testing.assert_array_equal(
        alone["score"], alone["probabilities"].max(axis=1)
    )
    # The classes do not all look alike: agreement is worth something.
    assert len(set(alone["label"][:40])) == 3


def test_a_text_is_answered_alike_in_any_batch(served, texts):
    whole = part(served, 3, "serving_default", len(texts), 0)
    for size in (1, 8, 32):
        batched = part(served, 3, "serving_default", size, 0)
        assert_parity(batched, whole)


def test_two_calls_are_equal(served, texts):
    for signature in ("serving_default", "embed", "render"):
        one, two = (part(served, 3, signature, len(texts), c) for c in (0, 1))
        assert one
        for name, value in one.items():
            np.testing.assert_array_equal(value, two[name])


def test_stacks_and_pictures_agree(reloaded, served, texts):
    model = reloaded[3]
    for signature, output, shape in (
        ("embed", "stack", (3, 16)),
        ("render", "image", (12, 14, 1)),
    ):
        alone = part(served, 3, signature, len(texts), 0)
        assert set(alone) == {output}
        assert alone[output].shape == (len(texts), *shape)
        expected = answer(model.signatures[signature], texts)[output]
        # Stacks reach about 3: a few of float32's last bits.
        np.testing.assert_allclose(
            alone[output], expected, rtol=0, atol=3 * TOLERANCE
        )


@pytest.mark.parametrize("num_classes", [2, 3])
def test_what_is_served_is_what_training_validated(
    trained, reloaded, num_classes
):
    made = trained[num_classes]
    with (made.workdir / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    texts = [made.texts[row["id"]].encode() for row in rows]
    found = answer(reloaded[num_classes].serving_default, texts)
    assert [label.decode() for label in found["label"]] == [
        row["prediction"] for row in rows
    ]
    names = [name for name in rows[0] if name.startswith("clåss")]
    validated = [[float(row[name]) for name in names] for row in rows]
    np.testing.assert_allclose(
        found["probabilities"], validated, rtol=0, atol=RECORDS_TOLERANCE
    )


# --- A parity test that cannot fail proves nothing ---------------------------


def constants(model):
    """The fitted constants between stack and slice, by name."""
    drawing = model._parts.drawing
    classifier = model._parts.model.get_layer("classifier")
    cells = classifier.get_layer("autoencoder_standardization")
    return {
        **{
            name: getattr(drawing.get_layer("scaling"), name)
            for name in ("minimum", "maximum", "shift", "inverse_width")
        },
        "share": drawing.get_layer("averaging").share,
        "pixel": drawing.get_layer("averaging").pixel,
        "mean": cells.mean,
        "deviation": cells.deviation,
    }


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize(
    "name",
    [
        "minimum",
        "maximum",
        "shift",
        "inverse_width",
        "share",
        "pixel",
        "mean",
        "deviation",
    ],
)
def test_a_constant_one_percent_off_breaks_parity(
    reloaded, texts, num_classes, name
):
    model = reloaded[num_classes]
    texts = texts[:40]
    reference = answer(model.serving_default, texts)
    variable = constants(model)[name]
    right = variable.numpy()
    mutants = [1.01 * right, 0.99 * right]  # a looser limit limits nothing
    if name == "pixel":
        moved = right.copy()
        moved[:: len(moved)] = (moved[:: len(moved)] + 1) % (12 * 14)
        mutants = [moved]  # one of 48 features, a pixel to the right
    broken = []
    try:
        for mutant in mutants:
            variable.assign(mutant.astype(right.dtype))
            try:
                assert_parity(answer(model.serving_default, texts), reference)
            except AssertionError:
                broken.append(mutant)
    finally:
        variable.assign(right)
    assert broken
    assert_parity(answer(model.serving_default, texts), reference)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_every_feature_counts(reloaded, texts, num_classes):
    model = reloaded[num_classes]
    texts = texts[:40]
    reference = answer(model.render, texts, "text")["image"]
    averaging = model._parts.drawing.get_layer("averaging")
    occupied = np.unique(averaging.pixel.numpy())
    for name in ("shift", "inverse_width", "share"):
        variable = constants(model)[name]
        right = variable.numpy()
        variable.assign(1.01 * right)
        image = answer(model.render, texts)["image"]
        variable.assign(right)
        change = np.abs(image - reference).max(axis=0).ravel()
        assert (change[occupied] > TOLERANCE).all(), name


@pytest.mark.parametrize("constant", ["epsilon", "_scale", "_offset"])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_normalisation_one_percent_off_breaks_parity(
    trained, reloaded, monkeypatch, rng, constant, channel
):
    images = rng.uniform(0, 1, (6, 12, 14, 1)).astype(np.float32)
    images[3:] *= 1e-4  # so faint that the added deviation counts
    model = reloaded[2]
    reference = answer(model.images, images, "image")
    if constant == "epsilon":
        monkeypatch.setattr("trainers.pixels._EPSILON", 1.01e-4)
    else:
        extractor = model._parts.model.get_layer("feature_extractor")
        layer = extractor.get_layer("slice_input")
        values = list(getattr(layer, constant))
        values[channel] *= 1.01
        monkeypatch.setattr(layer, constant, values)
    mutant = text_classifier.TextClassifier(model._parts)
    found = answer(mutant.images, images, "image")
    change = np.abs(found["probabilities"] - reference["probabilities"])
    assert change.max() > TOLERANCE


# --- What a server meets -----------------------------------------------------


@pytest.fixture(scope="module")
def signatures(trained):
    loaded = tf.saved_model.load(str(trained[3].export))
    return loaded, loaded.signatures


def test_signatures_have_their_names_types_and_shapes(signatures):
    found = {
        name: (
            function.structured_input_signature[1],
            function.structured_outputs,
        )
        for name, function in signatures[1].items()
    }
    described = {
        name: (
            {k: (v.dtype.name, v.shape.as_list()) for k, v in given.items()},
            {k: (v.dtype.name, v.shape.as_list()) for k, v in made.items()},
        )
        for name, (given, made) in found.items()
    }
    text = {"text": ("string", [None])}
    labelled = {
        "label": ("string", [None]),
        "score": ("float32", [None]),
        "probabilities": ("float32", [None, 3]),
    }
    ids = ("int32", [None, None])
    picture = {"image": ("float32", [None, 12, 14, 1])}
    assert described == {
        "serving_default": (text, labelled),
        "tokens": ({"ids": ids, "mask": ids}, labelled),
        "images": (picture, {"probabilities": ("float32", [None, 3])}),
        "embed": (text, {"stack": ("float32", [None, 3, 16])}),
        "render": (text, picture),
    }


def test_tokens_and_images_lead_to_the_same_answer(signatures, reloaded, texts):
    _, functions = signatures
    reference = answer(functions["serving_default"], texts)
    bert = reloaded[3]._parts.encoder
    ids, _ = bert.tokenizer.ids(tf.constant(texts), tf.constant(32))
    # Another padding, as a client may choose it.
    ids = tf.pad(ids, [[0, 0], [0, 32 - ids.shape[1]]])
    found = functions["tokens"](ids=ids, mask=tf.cast(ids != 0, tf.int32))
    assert_parity({k: v.numpy() for k, v in found.items()}, reference)
    image = functions["render"](text=tf.constant(texts))["image"]
    np.testing.assert_allclose(
        functions["images"](image=image)["probabilities"],
        reference["probabilities"],
        rtol=0,
        atol=TOLERANCE,
    )


def test_an_empty_batch_gets_an_empty_answer(signatures):
    for name in ("serving_default", "embed", "render"):
        empty = signatures[1][name](text=tf.constant([], tf.string))
        assert {value.shape[0] for value in empty.values()} == {0}


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("serving_default", {"text": tf.constant([1, 2])}, "string"),
        ("serving_default", {"text": tf.constant([["a"], ["b"]])}, "shape"),
        ("serving_default", {"text": tf.constant("a")}, "shape"),
        ("images", {"image": tf.zeros([1, 12, 14, 3])}, "shape"),
        ("images", {"image": tf.zeros([1, 12, 14, 1], tf.float64)}, "double"),
        (
            "tokens",
            {
                "ids": tf.ones([1, 33], tf.int32),
                "mask": tf.ones([1, 33], tf.int32),
            },
            "at most 32 columns",
        ),
        (
            "tokens",
            {"ids": tf.fill([1, 4], 10**6), "mask": tf.ones([1, 4], tf.int32)},
            r"`ids` must be in \[0, ",
        ),
        (
            "tokens",
            {
                "ids": tf.ones([1, 0], tf.int32),
                "mask": tf.ones([1, 0], tf.int32),
            },
            "must have a column",
        ),
        (
            "tokens",
            {
                "ids": tf.ones([2, 4], tf.int32),
                "mask": tf.ones([1, 4], tf.int32),
            },
            "must be alike",
        ),
        (
            "tokens",
            {"ids": tf.fill([1, 4], -1), "mask": tf.ones([1, 4], tf.int32)},
            r"`ids` must be in \[0, ",
        ),
    ],
)
def test_a_wrong_request_is_an_error_that_says_so(
    signatures, signature, inputs, message
):
    with pytest.raises(
        (tf.errors.InvalidArgumentError, TypeError), match=message
    ):
        signatures[1][signature](**inputs)
    # The model still answers.
    assert signatures[1]["serving_default"](text=tf.constant(["ok"]))


def test_saved_model_cli_runs_it(trained):
    code = (
        "import tensorflow_text; from tensorflow.python.tools.saved_model_cli "
        "import main; main()"
    )
    finished = subprocess.run(
        [
            *(sys.executable, "-c", code, "run", "--dir", trained[3].export),
            *("--tag_set", "serve", "--signature_def", "serving_default"),
            *("--input_exprs", 'text=["A gripping film","Awful"]'),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert not finished.returncode, finished.stderr[-3000:]
    for output in OUTPUTS:
        assert f"Result for output key {output}" in finished.stdout


# --- What the directory holds ------------------------------------------------


def test_extra_assets_say_what_it_is(trained):
    made = trained[3]
    extra = made.export / "assets.extra"
    versions = json.loads((extra / "versions.json").read_text())
    assert versions["tensorflow"] == tf.__version__
    assert "tensorflow-text" in versions
    kept = json.loads((extra / "provenance.json").read_text())
    metrics = json.loads((made.workdir / "metrics.json").read_text())
    assert kept["label_names"] == ["clåss 0", "clåss 1", "clåss 2"]
    assert kept["model_sha256"] == metrics["model_sha256"]
    assert kept["image_fingerprint"] == metrics["image_fingerprint"]
    assert kept["encoder"]["name"] == "tiny_bert"
    # Nothing of the machine that made it.
    for path in extra.iterdir():
        assert str(made.workdir.parent).encode() not in path.read_bytes()


def test_ops_are_known_and_text_ops_only_where_text_is(trained, signatures):
    graph_ops.check_ops(trained[3].export)
    for name, function in signatures[1].items():
        definition = function.graph.as_graph_def()
        ops = {node.op for node in definition.node}
        for body in definition.library.function:
            ops |= {node.op for node in body.node_def}
        assert ops <= graph_ops.CORE_OPS | graph_ops.TEXT_OPS, name
        has_text = name not in ("tokens", "images")
        assert bool(ops & graph_ops.TEXT_OPS) == has_text, name


def _write_file(text):
    with tf.control_dependencies([tf.io.write_file("made", text)]):
        return tf.identity(text)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("op", "do"),
    [
        ("ReadFile", lambda x: tf.io.read_file(x)),
        ("WriteFile", _write_file),
        ("MatchingFiles", lambda x: tf.io.matching_files(x)[0]),
        ("EagerPyFunc", lambda x: tf.py_function(lambda y: y, [x], tf.string)),
        ("PyFunc", lambda x: tf.numpy_function(lambda y: y, [x], tf.string)),
        (
            "RestoreV2",
            lambda x: tf.raw_ops.RestoreV2(
                prefix=x,
                tensor_names=["a"],
                shape_and_slices=[""],
                dtypes=[tf.string],
            )[0],
        ),
    ],
)
def test_an_op_that_reaches_outside_is_refused(tmp_path, op, do, nested):
    module = tf.Module()
    module.variable = tf.Variable(1.0)

    def outer(x):
        if nested:
            return tf.cond(tf.strings.length(x) > 0, lambda: do(x), lambda: x)
        return do(x)

    module.f = tf.function(
        outer, input_signature=[tf.TensorSpec([], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "model"))
    with pytest.raises(RuntimeError, match=rf": {op}'"):
        graph_ops.check_ops(tmp_path / "model")


def test_warm_up_requests_are_what_tf_serving_reads(trained, signatures):
    protos = serving_protos()
    path = trained[3].export / "assets.extra/tf_serving_warmup_requests"
    seen = []
    for record in tf.data.TFRecordDataset([str(path)]):
        log = protos["log"].PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        seen.append(request.model_spec.signature_name)
        inputs = {
            name: tf.constant(tf.make_ndarray(tensor))
            for name, tensor in request.inputs.items()
        }
        assert signatures[1][seen[-1]](**inputs)
        # Nothing that the real message does not know.
        assert log.SerializeToString(deterministic=True) == record.numpy()
    assert seen == ["serving_default"] * 3 + ["images"]


def test_warm_up_requests_are_readable_without_the_protos(trained):
    path = trained[3].export / "assets.extra/tf_serving_warmup_requests"
    records = [r.numpy() for r in tf.data.TFRecordDataset([str(path)])]
    assert len(records) == 4
    for record in records:
        assert record[0] == 6 << 3 | 2  # predict_log, length-delimited


def test_a_grpc_request_round_trips(trained, texts):
    predict = serving_protos()["predict"]
    texts = texts[:60]
    request = predict.PredictRequest()
    request.model_spec.name = "reviews"
    request.model_spec.signature_name = "serving_default"
    request.inputs["text"].CopyFrom(
        tf.make_tensor_proto(np.array(texts, object))
    )
    received = predict.PredictRequest.FromString(request.SerializeToString())
    loaded = tf.saved_model.load(str(trained[3].export))
    result = loaded.signatures[received.model_spec.signature_name](
        **{
            name: tf.constant(tf.make_ndarray(tensor))
            for name, tensor in received.inputs.items()
        }
    )
    response = predict.PredictResponse()
    for name, value in result.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
    response = predict.PredictResponse.FromString(response.SerializeToString())
    arrays = {k: tf.make_ndarray(v) for k, v in response.outputs.items()}
    assert arrays["label"].shape == arrays["score"].shape == (60,)
    assert arrays["probabilities"].shape == (60, 3)
    assert arrays["probabilities"].dtype == np.float32
    assert_parity(arrays, answer(loaded.signatures["serving_default"], texts))


def serving_protos():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predict = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
        log = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    return {"predict": predict, "log": log}


# --- How it is written -------------------------------------------------------


def test_versions_count_up_and_leftovers_go(trained, run_copy, monkeypatch):
    def write(run, classifier, directory):
        assert not directory.exists()
        directory.mkdir()
        (directory / "saved_model.pb").write_bytes(b"made")

    monkeypatch.setattr(export, "_write", write)
    out = run_copy / "export"
    (out / "incomplete").mkdir(parents=True)
    (out / "incomplete/half").write_text("")
    (out / "12.old").mkdir()
    for version in ("1", "2"):
        assert export.export_run(run_copy) == out / version
    (out / "9").mkdir()
    assert export.export_run(run_copy) == out / "10"
    assert not (out / "incomplete").exists()


def test_a_failed_export_leaves_no_version(run_copy, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(export, "_write", fail)
    with pytest.raises(OSError, match="no space"):
        export.export_run(run_copy)
    assert export.versions(run_copy / "export") == []


def test_two_exports_to_one_place_do_not_meet(run_copy):
    (run_copy / "export").mkdir()
    with (
        export._lock(run_copy / "export"),
        pytest.raises(RuntimeError, match="Another process"),
    ):
        export.export_run(run_copy)


def test_a_model_is_exported_once(trained, run_copy, monkeypatch):
    monkeypatch.setattr(export, "_write", lambda *args: args[2].mkdir())
    shutil.copytree(trained[3].export.parent, run_copy / "export")
    # Another model's stands there already.
    assert export.export_finished(run_copy) == run_copy / "export/2"
    extra = shutil.copytree(
        trained[3].export / export.EXTRA, run_copy / "export/2" / export.EXTRA
    )
    kept = json.loads((extra / export.PROVENANCE).read_text())
    metrics = json.loads((run_copy / "metrics.json").read_text())
    kept["model_sha256"] = metrics["model_sha256"]
    (extra / export.PROVENANCE).write_text(json.dumps(kept))
    assert export.export_finished(run_copy) == run_copy / "export/2"
    assert export.versions(run_copy / "export") == [1, 2]


def test_per_batch_normalisation_is_refused_with_the_reason(run_copy, caplog):
    path = run_copy / "config.json"
    claim = json.loads(path.read_text())
    claim["config"]["normalization"] = "batch"
    path.write_text(json.dumps(claim))
    with pytest.raises(ValueError, match=r"cannot be served.*texts beside it"):
        export.export_run(run_copy)
    assert export.export_finished(run_copy) is None
    assert "export: skipped. --normalization=batch cannot" in caplog.text


def test_pictures_from_elsewhere_are_refused(make_image_records, tmp_path):
    config = TrainConfig(
        backbone="vgg16",
        weights="random",
        epochs=1,
        bottleneck=2,
        image_records=str(make_image_records(num_train=8)),
    )
    train.train_and_evaluate(config, tmp_path / "run")
    with pytest.raises(ValueError, match="do not say which encoder"):
        export.export_run(tmp_path / "run")
    assert export.export_finished(tmp_path / "run") is None


def test_an_encoder_that_moved_is_found_by_flag_or_asked_for(
    run_copy, tmp_path, tiny_bert, monkeypatch
):
    monkeypatch.setattr(export, "_write", lambda *args: args[2].mkdir())
    path = run_copy / "records.json"
    value = json.loads(path.read_text())
    value["encoder"]["source"] = str(tmp_path / "gone")
    path.write_text(json.dumps(value))
    with pytest.raises(FileNotFoundError, match=r"--encoder=PATH"):
        export.export_run(run_copy)
    moved = shutil.copytree(tiny_bert, tmp_path / "moved")
    assert export.export_run(run_copy, encoder=str(moved))
    vocabulary = moved / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text().replace("good", "goof"))
    with pytest.raises(ValueError, match=r"must have the sha256.*Received"):
        export.export_run(run_copy, encoder=str(moved))


# --- At length ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_thousand_texts_agree(
    trained, reloaded, texts, tmp_path, num_classes
):
    draw = np.random.default_rng(1)
    letters = [*"abcdefghij  .,'\n!é☃电ß\u200d\x85", "good ", "bad ", "film "]
    many = [*texts]
    while len(many) < 1000:
        many.append(
            "".join(draw.choice(letters, draw.integers(0, 400))).encode()
        )
    reference = answer(in_process(trained[num_classes]).serving_default, many)
    assert_parity(
        answer(reloaded[num_classes].serving_default, many), reference
    )
    served = serve_alone(
        {"model": trained[num_classes].export}, many, [1, 8, 32, 1000], tmp_path
    )
    alone = part(served, "model", "serving_default", 1000, 0)
    alone["label"] = alone["label"].astype(object)
    assert_parity(alone, reference)
    for size in (1, 8, 32):
        batched = part(served, "model", "serving_default", size, 0)
        batched["label"] = batched["label"].astype(object)
        assert_parity(batched, reference)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(backbones.BACKBONES))
@pytest.mark.parametrize("autoencoder", ["symmetric", "paper"])
def test_every_backbone_has_known_ops_only(name, autoencoder):
    config = TrainConfig(
        backbone=name, weights="random", autoencoder=autoencoder, upsample=3
    )
    whole = model.build_models(config, (50, 50, 1), 3).whole
    function = tf.function(
        lambda image: whole(image, training=False),
        input_signature=[tf.TensorSpec([None, 50, 50, 1])],
        autograph=False,
    )
    definition = function.get_concrete_function().graph.as_graph_def()
    ops = {node.op for node in definition.node}
    for body in definition.library.function:
        ops |= {node.op for node in body.node_def}
    assert ops <= graph_ops.CORE_OPS
