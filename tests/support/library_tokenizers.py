"""WordPiece tokenisers of the tokenizers library, and hostile texts."""

import json
import random

import tokenizers
from tokenizers import normalizers, pre_tokenizers, processors

FRAME = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CHARACTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789äöüßéÄÖÜçς"
    "\u0131\u03c3œﬁ½²™这部电影看กข็한각日あアㄱ😀👍🏽♥αβΑΣ,.!?-_'\"()[]<>@#"
) + "".join(map(chr, (*range(0x300, 0x330), 0x345, 0x8D4, 0x302E, 0x1B44)))
_WORDS = ("the", "ab", "cd", "film", "Film", "cafe", "café", "##ing", "hello")

# Each is followed by hostile neighbours in `hostile_texts`.
_FRAGMENTS = [
    *("ab", "cd", "film", "Film", "hello", "HELLO", "the", "[SEP]", "[MASK]"),
    *(
        "sep",
        "<url>",
        "<URL>",
        "new york",
        "电",
        "影",
        "电影",
        "a电",
        " ",
        "  ",
    ),
    *("\t", "\r\n", "\u2028", "\x85", "\x0b", "\x00", "\u200b", "\ufeff"),
    *("\u0301", "\u0323", "\u0345", "\u08d4", "\u302e", "\u1b44", "é", "É"),
    *(
        "İ",
        "\u0131",
        "ß",
        "ẞ",
        "Σ",
        "ς",
        "ﬁ",
        "½",
        "한",
        "각",
        "👍🏽",
        "\u00a0",
    ),
    *("👨\u200d👩\u200d👧", "\ufffd", "\ue000", "\U000f0000", "\U0010ffff"),
    *("\u0378", "x" * 99, "x" * 100, "x" * 101, "ก" * 34),
    *("ก" * 100, "ก" * 101, "  "),
    *(".", ",", "'", "_", "-", "[", "]", "##", "##a", "1", "①", "\u0660"),
    *("[CLS]", "[UNK]", "[PAD]", "l", "lo", "ll", "[USER]", "\u3000", "\xad"),
]


def vocabulary():
    pieces = [
        piece
        for character in dict.fromkeys(_CHARACTERS)
        for piece in (character, f"##{character}")
    ]
    return list(dict.fromkeys([*FRAME, *_WORDS, *pieces]))


def build(
    normalizer=None, *, words=None, added=(), max_characters=100, digits=False
):
    """The library's tokeniser; `added` are `AddedToken`s."""
    words = vocabulary() if words is None else words
    model = tokenizers.models.WordPiece(
        {word: i for i, word in enumerate(words)},
        unk_token="[UNK]",
        max_input_chars_per_word=max_characters,
    )
    library = tokenizers.Tokenizer(model)
    library.normalizer = normalizer or normalizers.BertNormalizer()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if digits:
        library.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.WhitespaceSplit(),
                pre_tokenizers.Punctuation(),
                pre_tokenizers.Digits(individual_digits=True),
            ]
        )
    library.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, words.index(name)) for name in FRAME[2:4]],
    )
    for token in added:
        library.add_tokens([token])
    library.add_special_tokens(
        [
            tokenizers.AddedToken(name, special=True, normalized=False)
            for name in FRAME
        ]
    )
    return library


def without_frame(library):
    """The same, but it reads `[SEP]` and its like in a text as characters."""
    content = json.loads(library.to_str())
    for token in content["added_tokens"]:
        token["special"] = token["content"] in FRAME
    library = tokenizers.Tokenizer.from_str(json.dumps(content))
    library.encode_special_tokens = True
    return library


def hostile_texts(number, seed=0):
    draw = random.Random(seed)
    return ["", " ", "\x00", *_FRAGMENTS] + [
        "".join(draw.choices(_FRAGMENTS, k=draw.randint(2, 9)))
        for _ in range(number)
    ]
