"""Configurations of the rows of tables; `ablation.py:raw` is the row "raw" of `ablation`."""
