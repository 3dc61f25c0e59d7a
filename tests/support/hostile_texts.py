"""Texts that have broken text systems, as bytes; over 200 of them."""

_WHOLE = (
    "",
    " ",
    "\t\r\n \n",
    "\0",
    "a\0b good film\0",
    "\ufeffgood film",
    "\u202egood \u202dfilm\u202c \u2066bad\u2069",
    "e" + "\u0301" * 1000,
    "\u0301" * 300,
    "👩\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈 🇧🇪🇧",
    "電影很好看\uff0c但是結局不好。",
    "映画はとても良かった",
    "영화가 좋았다",
    "فيلم جيد جدا",
    "סרט טוב מאוד",
    "Z̸̡̛͍̜̤͊̂a̷̢̛͖l̶̙͑g̶̛o̵",
    "ﬁlm ½ ™ ß ẞ İ \u0131 ǅ ŉ Σς",
    "\u2028line\u2029paragraph\x85next\x0bvt\x0cff",
    "\u00a0\u1680\u2000\u3000",
    "\u200b\u200c\u200d\u2060\u00ad",
    "\ufffd\ufffe\uffff",
    "\U0010ffff\U000e0001\U000f0000",
    'a "quoted", comma\r\nand a new line',
    "''';DROP TABLE reviews;--",
    "<script>alert(1)</script><br /><br />",
    "=cmd|' /C calc'!A0",
    "%s %d %n {0} {} $HOME `id` $(id)",
    "\\x41\\u0041\\",
    "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "##ing ##ed ## #",
    "../../../../etc/passwd",
    *("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none", "nil"),
    *("0", "-1", "1e309", "inf", "-inf", "True", "false", "undefined"),
    "\x1b[31mred\x1b[0m \a\b\x7f",
    "good" * 25,  # 100 bytes: the longest word that is looked up
    "good" * 25 + "s",
    "x" * 1_000_000,
    "a " * 500_000,
    "é" * 100_000,
    "!" * 10_000,
)
_SURROGATES = ("\ud800", "good \udfff film", "\udc80\udcff", "\ud83d \ude00")
_INVALID = (
    b"\xc0\x80",  # overlong NUL
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",  # above U+10FFFF
    b"\xf8\x88\x80\x80\x80",
    b"\xe2\x82",  # cut in a character
    b"\xf0\x9f\x98",
    b"good \xc3 film",
    b"good \xff\xfe\xfd film",
    "größer".encode("latin-1"),
    "good film".encode("utf-16"),
    "good film".encode("utf-32"),
    bytes(range(256)),
)

HOSTILE = (
    *(text.encode() for text in _WHOLE),
    *(text.encode("utf-8", "surrogatepass") for text in _SURROGATES),
    *_INVALID,
    # Every byte that cannot stand alone.
    *(b"good " + bytes([value]) + b" film" for value in range(0x80, 0x100)),
)
assert len(HOSTILE) >= 200
