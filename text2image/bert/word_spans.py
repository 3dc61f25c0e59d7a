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


def find_words(
    text: str, ids: Ids, tokenize: Tokenize, gap: int | None = None
) -> list[WordSpan]:
    """Finds the words that the tokens of a text belong to.

    A word is a run of letters, digits and their marks, or one other character.
    Where the ids of such pieces differ from those of the text, it is longer:
    all between two blanks, or as many of these as a token reaches over.

    Args:
        text: The text.
        ids: Its ids, at most as many as the encoder takes, with `[CLS]` and
            `[SEP]` and without padding, `(T,)`.
        tokenize: Texts to their ids, each like `ids`.
        gap: Number of tokens after `[CLS]` before those that may be missing;
            the others are the last of the text. `None`: only tokens at the
            end are missing. See `long_texts`.

    Returns:
        The words in their order. Their tokens are the positions 1 to T - 2,
        each once; words without a token are left out.
    """
    expected = [int(value) for value in ids[1:-1]]
    chunks = [match.span() for match in _CHUNK.finditer(text)]
    head = _head_words(text, chunks, expected[:gap], tokenize)
    if gap is None:
        return head
    tail = [
        dataclasses.replace(word, first=word.first + gap, stop=word.stop + gap)
        for word in _tail_words(text, chunks, expected[gap:], tokenize)
    ]
    while head and tail and tail[0].start < head[-1].end:
        # One word, with tokens on both sides.
        first, last = head.pop(), tail.pop(0)
        start = min(first.start, last.start)
        end = max(first.end, last.end)
        head.append(WordSpan(start, end, first.first, last.stop))
    return head + tail


def split_words(text: str) -> list[tuple[int, int]]:
    """Start and end of the words of a text, without any tokeniser.

    A word is a run of letters, digits and their marks, or one other character.
    """
    return [
        span
        for match in _CHUNK.finditer(text)
        for span in _cut(text, *match.span(), len(text))
    ]


def _head_words(
    text: str,
    chunks: list[tuple[int, int]],
    expected: list[int],
    tokenize: Tokenize,
) -> list[WordSpan]:
    """The words of the first tokens of a text."""
    most = len(expected)
    pieces: list[_Piece] = []
    count = 0
    for first in range(0, len(chunks), _BLOCK):
        if count >= most:
            break
        block = chunks[first : first + _BLOCK]
        pieces += _pieces(text, block, tokenize, slice(0, most))
        count = sum(len(piece.ids) for piece in pieces)
    return _match(text, pieces, expected, tokenize)


def _tail_words(
    text: str,
    chunks: list[tuple[int, int]],
    expected: list[int],
    tokenize: Tokenize,
) -> list[WordSpan]:
    """The words of the last tokens of a text; their positions start at 1."""
    most = len(expected)
    if not most:
        return []
    pieces: list[_Piece] = []
    count = 0
    for stop in range(len(chunks), 0, -_BLOCK):
        if count >= most:
            break
        block = chunks[max(stop - _BLOCK, 0) : stop]
        pieces = _pieces(text, block, tokenize, slice(-most, None)) + pieces
        count = sum(len(piece.ids) for piece in pieces)
    # Tokens of these pieces that are missing before the last ones.
    missing = max(count - most, 0)
    joined = [value for piece in pieces for value in piece.ids]
    words = _match(text, pieces, joined[:missing] + expected, tokenize)
    return [
        WordSpan(
            word.start,
            word.end,
            max(word.first - missing, 1),
            word.stop - missing,
        )
        for word in words
        if word.stop - missing > 1
    ]


def _match(
    text: str,
    pieces: list[_Piece],
    expected: list[int],
    tokenize: Tokenize,
) -> list[WordSpan]:
    """Gives each expected token to the words that pieces make."""
    words: list[WordSpan] = []
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
    kept: slice,
) -> list[_Piece]:
    """Cuts chunks into pieces where that changes no id that is kept."""
    # Nearly every piece has a token: twice as many are enough.
    most = abs(kept.stop or kept.start)
    cuts = [_cut(text, *chunk, 2 * most) for chunk in chunks]
    wholes = _tokenized(text, chunks, tokenize)
    parts = iter(
        _tokenized(text, list(itertools.chain.from_iterable(cuts)), tokenize)
    )
    pieces = []
    for whole, cut in zip(wholes, cuts, strict=True):
        separate = list(itertools.islice(parts, len(cut)))
        joined = [value for piece in separate for value in piece.ids]
        pieces += separate if joined[kept] == whole.ids[kept] else [whole]
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
