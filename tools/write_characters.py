"""Writes what the tokenizers library does to each character of Unicode.

python -m tools.write_characters

Writes text2image/data/characters.json. The library's parts follow different
versions of Unicode, none of them TensorFlow's, so the facts are taken from the
library itself, one character at a time.
"""

import itertools
import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import normalizers, pre_tokenizers

FILE = Path(__file__).parents[1] / "text2image/data/characters.json"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic
# A non-starter that sorts last among the marks of a character: class 240.
_LAST_MARK = "\u0345"


def _bert(**chosen: bool) -> normalizers.BertNormalizer:
    none = {
        "clean_text": False,
        "handle_chinese_chars": False,
        "strip_accents": False,
        "lowercase": False,
    }
    return normalizers.BertNormalizer(**none | chosen)


def _ranges(chosen: Iterable[int]) -> list[list[int]]:
    """First and last of each run of code points."""
    ranges: list[list[int]] = []
    for code in chosen:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def _turned_into(normalizer: normalizers.Normalizer, to: str) -> list[int]:
    def same(code: int) -> bool:
        return normalizer.normalize_str(f"a{chr(code)}b") == f"a{to}b"

    return [code for code in SCALARS if same(code)]


def _images(normalizer: normalizers.Normalizer) -> dict[int, list[int]]:
    images = {c: normalizer.normalize_str(chr(c)) for c in SCALARS}
    return {c: [*map(ord, s)] for c, s in images.items() if s != chr(c)}


def _isolated(pre_tokenizer: pre_tokenizers.PreTokenizer) -> list[int]:
    def words(code: int) -> list[str]:
        pieces = pre_tokenizer.pre_tokenize_str(f"a{chr(code)}b")
        return [word for word, _ in pieces]

    return [code for code in SCALARS if words(code) == ["a", chr(code), "b"]]


def _blanks() -> list[int]:
    pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return [
        code
        for code in SCALARS
        if len(pre_tokenizer.pre_tokenize_str(f"a{chr(code)}b")) == 2
    ]


def _word_characters() -> list[int]:
    """Characters beside which a token with `single_word` is not found."""
    model = tokenizers.models.WordPiece({"[UNK]": 0}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    token = tokenizers.AddedToken("$", single_word=True, normalized=False)
    tokenizer.add_tokens([token])
    return [
        c for c in SCALARS if "$" not in tokenizer.encode(f"${chr(c)}").tokens
    ]


def _classes(nfd: normalizers.Normalizer) -> dict[int, list[list[int]]]:
    """Ranges by canonical combining class, of marks that the library knows.

    Unicode never changes a class, so a mark that the library moves has the
    class that any later version states.
    """
    moved = {
        code
        for code in SCALARS
        if nfd.normalize_str(f"a{_LAST_MARK}{chr(code)}")
        == f"a{chr(code)}{_LAST_MARK}"
    } | {ord(_LAST_MARK)}

    def combining(code: int) -> int:
        return unicodedata.combining(chr(code))

    by_class = itertools.groupby(sorted(moved, key=combining), combining)
    return {number: _ranges(sorted(codes)) for number, codes in by_class}


def facts() -> dict[str, object]:
    """The file's content."""
    nfd = normalizers.NFD()
    return {
        "source": f"tokenizers {tokenizers.__version__}",
        "deleted": _ranges(_turned_into(_bert(clean_text=True), "")),
        "spaces": _ranges(_turned_into(_bert(clean_text=True), " ")),
        "chinese": _ranges(_images(_bert(handle_chinese_chars=True))),
        "nonspacing": _ranges(_turned_into(_bert(strip_accents=True), "")),
        "marks": _ranges(_turned_into(normalizers.StripAccents(), "")),
        "blanks": _ranges(_blanks()),
        "punctuation": _ranges(_isolated(pre_tokenizers.Punctuation())),
        "digits": _ranges(
            _isolated(pre_tokenizers.Digits(individual_digits=True))
        ),
        "word_characters": _ranges(_word_characters()),
        "classes": _classes(nfd),
        "lowercase": _images(normalizers.Lowercase()),
        "decompositions": {
            code: image
            for code, image in _images(nfd).items()
            if code not in HANGUL
        },
    }


def main() -> None:
    """Writes the file, one fact per line."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
        for name, value in facts().items()
    )
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
