"""Reordering by indices that are known when the graph is built, in whole pieces; shapes that are known then.

A gather's gradient is a scatter (IndexedSlices in TensorFlow), slow for the few long rows of a skeleton. Pieces
and their concatenation are copies in both directions, and built-in operations everywhere.
"""

from __future__ import annotations

import numpy as np
from keras import ops


def regroup(groups, wanted):
    """Stacks values otherwise, each piece of what stays together in one go.

    Args:
        groups: `(members, values [len(members), ...])` each.
        wanted: the members of each stack that is wanted: of all groups each member once.

    Returns:
        The stacks, along the first axis.
    """
    groups = list(groups)
    places = {member: (number, at) for number, (members, _) in enumerate(groups) for at, member in enumerate(members)}
    spans = [runs([places[member] for member in members]) for members in wanted]
    pieces = {}
    for number, (_, values) in enumerate(groups):
        ordered = sorted(span for stack in spans for span in stack if span[0] == number)
        pieces.update(zip(ordered, split(values, [end - begin for _, begin, end in ordered])))
    return [concatenate([pieces[span] for span in stack]) for stack in spans]


def take(values, indices):
    """`values[indices]` along the first axis; each run of neighbouring indices is one piece."""
    return concatenate([values[begin:end] for _, begin, end in runs([(0, index) for index in indices])])


def exchange(indices):
    """The matrix `[n, n]` whose product with `[..., n, m]` takes the rows `indices`.

    Of a few short rows the product costs no more than a gather, and XNNPACK, under LiteRT, knows no gather.
    """
    return np.eye(len(indices), dtype="float32")[list(indices)]


def split(values, sizes):
    """Splits `values` along the first axis into pieces of `sizes`, which add up to its length.

    Unlike slices, whose gradients are each padded to the full length and added up, the pieces' gradients are joined.
    """
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    return ops.split(values, ends[:-1]) if len(sizes) > 1 else [values]


def concatenate(parts, axis=0):
    """Joins tensors; more than five in groups, because XNNPACK joins no more at once. One tensor stays as it is."""
    while len(parts) > 1:
        groups = [parts[begin : begin + 5] for begin in range(0, len(parts), 5)]
        parts = [ops.concatenate(group, axis) if len(group) > 1 else group[0] for group in groups]
    return parts[0]


def runs(places):
    """Joins `(source, index)` places that follow each other into `(source, begin, end)` spans."""
    joined = []
    for source, index in places:
        if joined and joined[-1][0] == source and joined[-1][2] == index:
            joined[-1] = (source, joined[-1][1], index + 1)
        else:
            joined.append((source, index, index + 1))
    return joined


def by_rows(function, values):
    """Applies a function of the last axis, such as a `Dense`, to `[B, ..., n]`, as to rows `[-1, n]`.

    With more than two axes Keras computes the shape while the graph runs, and LiteRT plans its memory anew there. All
    axes but B should be known.
    """
    result = function(ops.reshape(values, (-1, values.shape[-1])))
    inner = (length(values, axis) for axis in range(1, len(values.shape) - 1))
    return ops.reshape(result, (-1, *inner, result.shape[-1]))


def length(values, axis):
    """How long an axis is: a number where that is known when the graph is built, else a tensor."""
    return ops.shape(values)[axis] if values.shape[axis] is None else values.shape[axis]


def pad_end(values, length):
    """Zeros after `values` until the first axis is `length`."""
    missing = length - values.shape[0]
    return ops.pad(values, [[0, missing]] + [[0, 0]] * (len(values.shape) - 1)) if missing else values
