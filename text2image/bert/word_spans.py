"""The words of a text with their places and their tokens.

A tokeniser gives ids without places. So a text is cut where words may end, the
pieces are tokenised separately, and a cut that changes an id is undone.
"""

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

# Blanks to every WordPiece normaliser: space, line breaks and category Zs.
# What only some of them take for a blank is left to the check of the ids.
_CHUNK = re.compile("[^ \t\n\r\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Chinese characters and Japanese syllables.
_WIDE = re.compile(
    "[\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_BLOCK = 512  # chunks tokenised in one call; nearly all have a token
_MOST_MERGED = 16  # pieces that a token over several blanks may join

Ids = Sequence[int] | np.ndarray
Tokenize = Callable[[list[str]], Sequence[Ids]]


@dataclasses.dataclass(frozen=True)
class WordSpan:
    """A word of a text.

    Attributes:
        start: Code point of the text at which it starts.
        end: Code point after its last one.
        first: Position of its first token; that of `[CLS]` is 0.
        stop: Position after its last token.
    """

    start: int
    end: int
    first: int
    stop: int


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A part of the text with the ids that it has alone."""

    start: int
    end: int
    ids: list[int]


def find_words(text: str, ids: Ids, tokenize: Tokenize) -> list[WordSpan]:
    """Finds the words that the tokens of a text belong to.

    A word is a run of letters, digits and their marks, or one other character.
    Where the ids of such pieces differ from those of the text, it is longer:
    all between two blanks, or as many of these as a token reaches over.

    Args:
        text: The text.
        ids: Its ids, cut at the encoder's most tokens, with `[CLS]` and
            `[SEP]` and without padding, `(T,)`.
        tokenize: Texts to their ids, each like `ids`.

    Returns:
        The words in their order. Their tokens are the positions 1 to T - 2,
        each once; words after the cut have none and are left out.
    """
    expected = [int(value) for value in ids[1:-1]]
    chunks = [match.span() for match in _CHUNK.finditer(text)]
    pieces: list[_Piece] = []
    count = 0
    for first in range(0, len(chunks), _BLOCK):
        if count >= len(expected):
            break
        block = chunks[first : first + _BLOCK]
        pieces += _pieces(text, block, tokenize, len(expected))
        count = sum(len(piece.ids) for piece in pieces)
    words = []
    position = 0
    while pieces and position < len(expected):
        word, used = _next_word(text, pieces, expected[position:], tokenize)
        stop = min(position + len(word.ids), len(expected))
        words.append(WordSpan(word.start, word.end, position + 1, stop + 1))
        position = stop
        pieces = pieces[used:]
    if position < len(expected):  # tokens that no piece has alone
        start, first = (words[-1].start, words[-1].first) if words else (0, 1)
        last = WordSpan(start, len(text), first, len(expected) + 1)
        words = [*words[:-1], last]
    return words


def _pieces(
    text: str,
    chunks: list[tuple[int, int]],
    tokenize: Tokenize,
    most: int,
) -> list[_Piece]:
    """Cuts chunks into pieces where that changes none of the first ids."""
    # Nearly every piece has a token: twice as many are enough.
    cuts = [_cut(text, *chunk, 2 * most) for chunk in chunks]
    wholes = _tokenized(text, chunks, tokenize)
    parts = iter(
        _tokenized(text, list(itertools.chain.from_iterable(cuts)), tokenize)
    )
    pieces = []
    for whole, cut in zip(wholes, cuts, strict=True):
        separate = list(itertools.islice(parts, len(cut)))
        joined = [value for piece in separate for value in piece.ids]
        pieces += separate if joined[:most] == whole.ids[:most] else [whole]
    return [piece for piece in pieces if piece.ids]


def _cut(text: str, start: int, end: int, most: int) -> list[tuple[int, int]]:
    """Spans of the runs of letters and digits, and of all else, one by one."""
    runs = itertools.groupby(
        range(start, end),
        lambda index: index if _stands_alone(text[index]) else -1,
    )
    spans = []
    for _, run in itertools.islice(runs, most):
        first, *others = run
        spans.append((first, (others or [first])[-1] + 1))
    return spans


def _stands_alone(character: str) -> bool:
    """Whether a character is neither a letter, nor a digit, nor a mark."""
    # Controls, which normalisers delete, do not end a word.
    is_part = unicodedata.category(character)[0] in "LNMC"
    return not is_part or bool(_WIDE.match(character))


def _next_word(
    text: str, pieces: list[_Piece], expected: list[int], tokenize: Tokenize
) -> tuple[_Piece, int]:
    """The first word, and how many of the pieces it joins."""
    if _agree(pieces[0].ids, expected):
        return pieces[0], 1
    spans = [
        (pieces[0].start, piece.end) for piece in pieces[1 : _MOST_MERGED + 1]
    ]
    for used, word in enumerate(_tokenized(text, spans, tokenize), start=2):
        if word.ids and _agree(word.ids, expected):
            return word, used
    # No places for what is left: it is one word.
    return _Piece(pieces[0].start, len(text), expected), len(pieces)


def _agree(ids: list[int], expected: list[int]) -> bool:
    shared = min(len(ids), len(expected))
    return ids[:shared] == expected[:shared]


def _tokenized(
    text: str, spans: list[tuple[int, int]], tokenize: Tokenize
) -> list[_Piece]:
    """The parts of a text with their ids, without `[CLS]` and `[SEP]`."""
    if not spans:
        return []
    found = tokenize([text[start:end] for start, end in spans])
    return [
        _Piece(start, end, [int(value) for value in ids[1:-1]])
        for (start, end), ids in zip(spans, found, strict=True)
    ]
