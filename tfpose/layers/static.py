"""Reordering by indices that are known when the graph is built, as slices.

A gather's gradient is a scatter (IndexedSlices in TensorFlow), which is slow for the few long rows of a skeleton;
slices and concatenations are copies in both directions and built-in operations everywhere.
"""

from __future__ import annotations

from keras import ops


def take(values, indices):
    """`values[indices]` along the first axis, by slices of neighbouring indices."""
    if list(indices) == list(range(values.shape[0])):
        return values
    parts = [values[begin:end] for _, begin, end in runs([(0, index) for index in indices])]
    return parts[0] if len(parts) == 1 else ops.concatenate(parts)


def runs(places):
    """Joins `(source, index)` places that follow each other into `(source, begin, end)` slices."""
    joined = []
    for source, index in places:
        if joined and joined[-1][0] == source and joined[-1][2] == index:
            joined[-1] = (source, joined[-1][1], index + 1)
        else:
            joined.append((source, index, index + 1))
    return joined


def pad_front(values, length):
    """Zeros after `values` until the first axis is `length`."""
    missing = length - values.shape[0]
    return ops.pad(values, [[0, missing]] + [[0, 0]] * (len(values.shape) - 1)) if missing else values
