"""Fine-tuning of the encoder on the train texts, before stacks are made."""
