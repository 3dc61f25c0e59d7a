"""BERT: checkpoints, tokeniser, [CLS] stacks."""
