"""Units of work, the engines that run them, the set they fill."""
