"""Reordering by indices that are known when the graph is built, in whole pieces.

A gather's gradient is a scatter (IndexedSlices in TensorFlow), slow for the few long rows of a skeleton. Pieces
and their concatenation are copies in both directions, and built-in operations everywhere.
"""

from __future__ import annotations

from keras import ops


def take(values, indices):
    """`values[indices]` along the first axis; each run of neighbouring indices is one piece."""
    spans = [(begin, end) for _, begin, end in runs([(0, index) for index in indices])]
    if sorted(indices) == list(range(values.shape[0])):
        ordered = sorted(spans)
        pieces = dict(zip(ordered, split(values, [end - begin for begin, end in ordered])))
    else:
        pieces = {(begin, end): values[begin:end] for begin, end in spans}
    return concatenate([pieces[span] for span in spans])


def split(values, sizes):
    """Pieces of `sizes` along the first axis, which they fill.

    Unlike slices, whose gradients are each padded to the full length and added up, the pieces' gradients are joined.
    """
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    return ops.split(values, ends[:-1]) if len(sizes) > 1 else [values]


def concatenate(parts, axis=0):
    """A single part is passed through."""
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis)


def runs(places):
    """Joins `(source, index)` places that follow each other into `(source, begin, end)` spans."""
    joined = []
    for source, index in places:
        if joined and joined[-1][0] == source and joined[-1][2] == index:
            joined[-1] = (source, joined[-1][1], index + 1)
        else:
            joined.append((source, index, index + 1))
    return joined


def pad_end(values, length):
    """Zeros after `values` until the first axis is `length`."""
    missing = length - values.shape[0]
    return ops.pad(values, [[0, missing]] + [[0, 0]] * (len(values.shape) - 1)) if missing else values
