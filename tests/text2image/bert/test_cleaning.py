"""The graph cleans texts as Python does, and words stay where they are."""

import functools
import html
import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import hostile_texts
from text2image import options
from text2image.bert import cleaning
from text2image.bert.code_tables import owners

CLEANED = [
    # text, html, basic
    ("A film.<br /><br />Good", "A film.  Good", "A film.  Good"),
    ("<p class='a'>so <b>good</b></p>", " so  good  ", " so  good  "),
    ("a<!-- no --><!DOCTYPE html>b", "a  b", "a  b"),
    ("1 < 2 > 0, <3 and <>", "1 < 2 > 0, <3 and <>", "1 < 2 > 0, <3 and <>"),
    ("a <b<i>c", "a <b c", "a <b c"),
    ("a <unclosed", "a <unclosed", "a <unclosed"),
    ("<a\nhref='x'>b", " b", " b"),
    ("&lt;br /&gt;", "<br />", "<br />"),
    ("AT&amp;T &quot;&#39;&apos;", "AT&T \"''", "AT&T \"''"),
    ("&amp;lt; &amp &; &nosuch; &a b;", "&lt; &amp &; &nosuch; &a b;", ...),
    ("caf&eacute;&nbsp;&thetasym;", "café\xa0ϑ", ...),
    ("&#233;&#xE9;&#Xe9;&#150;&#x80;&#129;", "ééé\u2013€\x81", ...),
    ("&#0;&#xD800;&#x110000;&#9999999;", "�" * 4, ...),
    ("&#;&#x;&#xg;&#12a;&#12345678;&#x1234567;", ..., ...),
    ("&#x10FFFF;&#x1F600;&#128512;", "\U0010ffff😀😀", ...),
    ("see http://a.b/c?d=1&e=f.", ..., "see  ."),
    ("(https://a.b/c_(d)) www.x.org!", ..., "( ))  !"),
    ("HTTP://A.B and WwW.a.b", ..., "  and  "),
    ("Awww... www. http:// xwww.a.b éwww.a", ..., None),
    ("http://a.b<br/>c http://影", "http://a.b c http://影", "  c http://影"),
    ("a\x00&amp;\x00<br>", "a\x00&\x00 ", ...),
    ("&amp\x00;&#3\x009;&\x00;", "&amp\x00;&#3\x009;&\x00;", ...),
    ("&", "&", ...),
    ("", "", ...),
]


@functools.cache
def graph(kind):
    def clean(texts):
        strings = cleaning.blank_strings(texts, kind)
        ragged = tf.strings.unicode_decode(strings, "UTF-8", errors="ignore")
        rows = owners(ragged.row_splits, tf.size(ragged.values))
        return cleaning.decode_entities(ragged.values, rows)

    signature = [tf.TensorSpec([None], tf.string)]
    return tf.function(clean, signature, autograph=False)


def decoded(texts, kind):
    """What the tokeniser reads, as texts."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    strings = tf.constant(encoded, tf.string)
    codes, rows = (values.numpy() for values in graph(kind)(strings))
    starts = np.searchsorted(rows, np.arange(len(texts) + 1))
    return [
        "".join(map(chr, codes[start:stop]))
        for start, stop in itertools.pairwise(starts)
    ]


@pytest.mark.parametrize(("text", "of_html", "of_basic"), CLEANED)
def test_texts_are_cleaned_as_stated(text, of_html, of_basic):
    of_html = text if of_html is ... else of_html
    assert cleaning.clean_text(text, "none") == text
    assert cleaning.clean_text(text, "html") == of_html
    if of_basic is not None:
        of_basic = of_html if of_basic is ... else of_basic
        assert cleaning.clean_text(text, "basic") == of_basic


def test_only_urls_are_taken_for_urls():
    text = "Awww... www. http:// xwww.a.b éwww.a"
    # As RE2 has it, a word ends at a letter with an accent.
    assert cleaning.clean_text(text, "basic") == text[:-5] + " "


@pytest.mark.parametrize("kind", ["html", "basic"])
def test_the_graph_cleans_as_python(kind):
    texts = [text for text, _, _ in CLEANED]
    texts += [
        text[:1000].decode("utf-8", "replace") for text in hostile_texts.HOSTILE
    ]
    texts += ["a\ud800<b\ud800>&am\ud800p;c", " ".join(texts)]
    expected = [cleaning.clean_text(text, kind) for text in texts]
    assert decoded(texts, kind) == expected
    assert [decoded([text], kind)[0] for text in texts[:4]] == expected[:4]


_PARTS = ["a", "é", " ", "<", ">", "/", "br", "!--", "&", ";", "#", "x", "0"]
_PARTS += ["39", "amp", "lt", "http://", "www.", ".", "\x00", "影", "\n"]


@given(st.lists(st.lists(st.sampled_from(_PARTS)).map("".join), min_size=1))
@settings(deadline=None, max_examples=50)
def test_any_texts_are_cleaned_alike(texts):
    for kind in ("html", "basic"):
        expected = [cleaning.clean_text(text, kind) for text in texts]
        assert decoded(texts, kind) == expected
        for text in texts:
            blanked = cleaning.blank_out(text, kind)
            assert len(blanked) == len(text)
            assert all(
                after in (before, " ")
                for before, after in zip(text, blanked, strict=True)
            )


def test_entities_are_those_of_the_standard_library():
    names = [name for name in html.entities.html5 if name.endswith(";")]
    for name in names:
        cleaned = cleaning.clean_text(f"&{name}", "html")
        assert cleaned in (f"&{name}", html.unescape(f"&{name}"))
    for code in (*range(32, 127), *range(128, 256), 0x1F600):
        for entity in (f"&#{code};", f"&#x{code:x};"):
            assert cleaning.clean_text(entity, "html") in (
                html.unescape(entity),
                chr(code),  # no character, which is left out
            )


def test_every_cleaning_is_known():
    for kind in options.CLEANINGS:
        assert cleaning.clean_text("good", kind) == "good"
