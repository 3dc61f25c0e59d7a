"""The legal values of `--peers`."""

PEERS = ("kim_cnn", "tuned_bert")
