"""The encoder as a transformer: the same stacks, scikit-learn's interface."""

import pickle

import numpy as np
import pytest
import sklearn.base
import sklearn.exceptions
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from text2image.bert.encoder import Encoder
from text2image.bert.text_to_stack import TextToStack
from text2image.deepinsight.transformer import DeepInsight

TEXTS = ["a good film", "bad", "so dull, so bad", "great love", "hate"]


def make(encoder, **changes):
    return TextToStack(encoder, **{"max_tokens": 32, **changes})


@pytest.fixture(scope="module")
def fitted(tiny_bert):
    return make(tiny_bert).fit()


@pytest.mark.slow
def test_stacks_are_the_encoders(tiny_bert, fitted):
    encoder = Encoder(tiny_bert, max_tokens=32)
    expected, _ = encoder.encode(TEXTS)
    flat = fitted.transform(np.array(TEXTS))
    np.testing.assert_array_equal(flat, expected.reshape(5, 6 * 16))
    np.testing.assert_array_equal(
        fitted.set_params(flat=False).transform(TEXTS), expected
    )
    assert fitted.set_params(flat=True).transform([]).shape == (0, 96)
    names = fitted.get_feature_names_out()
    assert (len(names), names[0], names[17]) == (96, "layer2_0", "layer3_1")


@pytest.mark.slow
def test_a_copy_loads_the_encoder_again(fitted):
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        copied.transform(TEXTS), fitted.transform(TEXTS)
    )


@pytest.mark.slow
def test_texts_become_images_in_a_pipeline(tiny_bert):
    pipeline = make_pipeline(
        make(tiny_bert), DeepInsight(projection="pca", channels="layers")
    )
    images = pipeline.fit_transform(TEXTS)
    assert images.shape == (5, 50, 50, 3)
    stacks = make(tiny_bert, flat=False).fit().transform(TEXTS)
    np.testing.assert_array_equal(
        pipeline.named_steps["deepinsight"].transform(stacks), images
    )


def test_parameters_follow_scikit_learn(tiny_bert):
    transformer = make(tiny_bert)
    for check in (
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_parameters_default_constructible,
    ):
        check("TextToStack", transformer)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        sklearn.base.clone(transformer).transform(TEXTS)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"encoder": "nowhere"}, FileNotFoundError, "`encoder` must be"),
        ({"layers": "last99"}, ValueError, "`layers"),
        ({"pooling": "min"}, ValueError, "`pooling` must be one of"),
    ],
)
def test_parameters_are_refused_in_the_words_of_python(
    tiny_bert, parameters, error, message
):
    transformer = make(tiny_bert).set_params(**parameters)
    with pytest.raises(error, match=message) as caught:
        transformer.fit()
    assert "--" not in str(caught.value)


def test_one_string_is_no_list_of_texts(fitted):
    with pytest.raises(TypeError, match="one string"):
        fitted.transform("a text")
