"""The tables and figures of the paper: configurations of their rows, its own numbers, and run.sh for all of it."""
