"""Makes `tiny_bert/`, a random BERT, and `tiny_bert.npz`, its vectors.

Run once, with torch 2.13 and transformers 5.23 (neither is a
dependency of this project):

    python tests/golden/make_tiny_bert.py

`tiny_bert/` is a Hugging Face directory (8 layers, hidden 16, 4 heads, 64
positions, exact GELU). `tiny_bert.npz` holds, for `TEXTS`, the token ids of
the Hugging Face tokeniser (padded with 0) and the [CLS] vector of every layer
from `BertModel(output_hidden_states=True)`, one text at a time, truncated to
64 tokens.
"""

import json
import pathlib

import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).parent
WORDS = [
    "the",
    "a",
    "an",
    "of",
    "and",
    "to",
    "is",
    "it",
    "was",
    "this",
    "that",
    "film",
    "movie",
    "review",
    "not",
    "no",
    "good",
    "bad",
    "great",
    "dull",
    "never",
    "one",
    "two",
    "story",
    "actor",
    "plot",
    "ending",
    "watch",
    "time",
    "love",
    "hate",
    "very",
    "but",
    "so",
    "i",
    "you",
    "he",
    "she",
    "they",
    "we",
    "have",
    "has",
    "had",
    "with",
    "for",
    "on",
    "in",
    "at",
    "as",
    "be",
    "cafe",
    "amelie",
    "br",
    "naive",
    "strasse",
]
TEXTS = (
    "a great film",
    "This movie was NOT good, and the ending is dull.",
    "Café Amélie naïve — “quoted” it's the story’s end…",
    "<br /><br />The plot\x85 was\xa0bad\x96 very\tbad\n\nindeed!",
    "Straße, ½ price & ™ ﬁne x² 10°C £5 ¿qué? ÀÉÎÕÜ ñ ç ø æ",
    "zero\u200bwidth soft\xadhyphen bell\x07 and\ufeff bom",
    "word " * 90,
    "",
    "電影 is film 映画",
    "unknown☃snowman 😀 emoji",
)


def main() -> None:
    """Writes the directory and the file."""
    out = HERE / "tiny_bert"
    out.mkdir(exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += list("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~£¿°½²™“”’—…電影映画")
    vocabulary += list(letters) + [f"##{letter}" for letter in letters]
    vocabulary += [*WORDS, "##ing", "##ed", "##s", "##er", "##ly"]
    vocabulary = list(dict.fromkeys(vocabulary))
    (out / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    (out / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
    )
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=8,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    model = transformers.BertModel(config).eval()
    model.save_pretrained(out, safe_serialization=True)
    tokenizer = transformers.BertTokenizerFast(
        vocab=str(out / "vocab.txt"), do_lower_case=True
    )
    ids = np.zeros((len(TEXTS), 64), np.int32)
    layers = np.zeros((len(TEXTS), 9, 16), np.float32)
    for row, text in enumerate(TEXTS):
        tokens = tokenizer(
            text, truncation=True, max_length=64, return_tensors="pt"
        )
        ids[row, : tokens["input_ids"].shape[1]] = tokens["input_ids"][0]
        with torch.no_grad():
            states = model(**tokens, output_hidden_states=True).hidden_states
        layers[row] = torch.stack([s[0, 0] for s in states]).numpy()
    np.savez_compressed(HERE / "tiny_bert.npz", token_ids=ids, cls=layers)


if __name__ == "__main__":
    main()
