"""Encodings: found, told, and never advised so that text is spoiled."""

import codecs

import pytest

from tests.support.row_files import guesses, read, write
from text2image.corpora import encodings
from text2image.corpora.rows import NOT_DECODABLE

# ruff: noqa: RUF001
TEXTS = {
    "cp1252": "C’est l’été à Nîmes – «très» bon café, naïve œuvre",
    "cp1251": "Отличный фильм, который стоит посмотреть ещё раз",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy, řekl",
    "koi8_r": "Отличный фильм, который стоит посмотреть ещё раз",
    "gb18030": "这部电影非常好看，演员的表演也很精彩，值得一看",
    "cp932": "この映画はとても面白いです。もう一度見たいと思います",
    "cp949": "이 영화는 정말 재미있습니다. 다시 보고 싶어요",
}


def table(text, rows=20):
    return "text,label\n" + f'"{text}",pos\n' * rows


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_unicode_is_read_as_what_it_is(tmp_path, encoding, end):
    content = table("é 电影 😀\u2028 x").replace("\n", end)
    path = write(tmp_path / "a.csv", content, encoding)
    assert read(path) == [("é 电影 😀\u2028 x", "pos")] * 20


@pytest.mark.parametrize("bom", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_byte_order_mark_is_told(tmp_path, bom):
    encoding = "utf-16-le" if bom == codecs.BOM_UTF16_LE else "utf-16-be"
    path = write(tmp_path / "a.csv", bom + table("good").encode(encoding))
    assert read(path)[0] == ("good", "pos")
    assert "encoding utf-16 (by its byte-order mark)" in guesses(path)


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_file_in_another_encoding_is_refused_with_the_flag_that_reads_it(
    tmp_path, encoding
):
    text = TEXTS[encoding]
    path = write(tmp_path / "a.csv", table(text), encoding)
    with pytest.raises(ValueError, match=r"line 2: expected UTF-8") as caught:
        read(path)
    message = str(caught.value)
    assert "iconv" not in message
    advised = message.split("--encoding=")[1].split(",")[0]
    assert read(path, encoding=advised) == [(text, "pos")] * 20


def test_a_single_bad_row_is_a_fault(tmp_path):
    content = table("good").encode() + b"caf\xe9,pos\n" + b"fine,neg\n"
    path = write(tmp_path / "a.csv", content)
    assert read(path)[-2:] == [NOT_DECODABLE, ("fine", "neg")]


def test_a_bad_row_of_a_utf8_file_is_not_cured_by_another_encoding(tmp_path):
    content = table("été").encode() + b"caf\xe9,pos\n" * 40
    path = write(tmp_path / "a.csv", content)
    items = read(path)
    assert items.count(NOT_DECODABLE) == 40
    assert items.count(("été", "pos")) == 20


def test_an_encoding_that_contradicts_the_mark_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", table("good"), "utf-16")
    with pytest.raises(ValueError, match=r"contradicts .*byte-order mark"):
        read(path, encoding="cp1252")


@pytest.mark.parametrize("name", ["latin-17", "base64", "rot13", "../x"])
def test_an_unknown_encoding_is_refused(tmp_path, name):
    path = write(tmp_path / "a.csv", table("good"))
    with pytest.raises(ValueError, match="--encoding must be a character"):
        read(path, encoding=name)


def test_bytes_that_the_encoding_lacks_are_a_fault_too(tmp_path):
    content = table("good").encode("cp1252") + b"\x81,pos\n"
    path = write(tmp_path / "a.csv", content)
    assert read(path, encoding="cp1252")[-1] == NOT_DECODABLE


def test_a_damaged_utf16_file_is_named_with_its_line(tmp_path):
    content = table("good", 2).encode("utf-16") + b"\x00\xd8a\x00"
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ValueError, match=r"a\.csv, line 4: expected utf-16"):
        read(path)


def test_a_line_is_split_where_the_encoding_has_its_newline():
    assert encodings.is_by_line("gb18030", "\n")
    assert not encodings.is_by_line("utf-16-le", "\n")
    assert not encodings.is_by_line("cp037", "\n")
    # No byte of a character of several bytes is a newline.
    for encoding in ("gb18030", "big5", "cp932", "cp949", "euc_jp"):
        for code in range(128, 0x10000):
            try:
                assert b"\n" not in chr(code).encode(encoding)
            except UnicodeEncodeError:
                continue
