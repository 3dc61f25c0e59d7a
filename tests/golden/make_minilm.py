"""Makes `minilm.npz`: Hugging Face's vectors of eight reviews, from MiniLM.

Run once, with torch 2.13 and transformers 5.23 (neither is a
dependency of this project), and the model's directory:

    PYTHONPATH=. python tests/golden/make_minilm.py DIRECTORY

Holds the token ids of `minilm_texts.TEXTS` (padded with 0) and the [CLS]
vector of the six layers, float32, eager attention, one text at a time,
truncated to 512 tokens.
"""

import pathlib
import sys

import numpy as np
import torch
import transformers

from tests.support import minilm_texts


def main(directory: str) -> None:
    """Writes the file."""
    model = transformers.BertModel.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tokenizer = transformers.BertTokenizerFast.from_pretrained(directory)
    rows = len(minilm_texts.TEXTS)
    ids = np.zeros((rows, 512), np.int32)
    stacks = np.zeros((rows, 6, 384), np.float32)
    for row, text in enumerate(minilm_texts.TEXTS):
        tokens = tokenizer(
            text, truncation=True, max_length=512, return_tensors="pt"
        )
        ids[row, : tokens["input_ids"].shape[1]] = tokens["input_ids"][0]
        with torch.no_grad():
            states = model(**tokens, output_hidden_states=True).hidden_states
        stacks[row] = torch.stack([s[0, 0] for s in states[1:]]).numpy()
    np.savez_compressed(
        pathlib.Path(__file__).with_name("minilm.npz"), ids=ids, cls=stacks
    )


if __name__ == "__main__":
    main(sys.argv[1])
