"""Clips of any length to learn motion from, and where they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from tfpose.datasets import checked
from tfpose.errors import DataError
from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton


@dataclasses.dataclass(frozen=True, eq=False)
class MotionSet:
    """Clips in metres, y up, of any lengths and one frame rate; no joint missing.

    Args:
        name: set and split, such as "cmu/train".
        clips: `[T, J, 3]` each, T at least 1.
        rate: frames per second of all clips.
        skeleton: what the J joints are.
        sources: what each clip is called.
        lineage: what data this is, with the acknowledgement that its owner asks for.
        observed: what an estimator or a sensor made of each clip, like `clips`; empty where that is not known.

    Attributes:
        checksum: the first 16 hex digits of the SHA-256 of joint names, rate and positions.

    Raises:
        DataError: for no clips, wrong shapes, or positions that are not finite.
    """

    name: str
    clips: tuple[np.ndarray, ...]
    rate: float
    skeleton: Skeleton
    sources: tuple[str, ...] = ()
    lineage: str = ""
    observed: tuple[np.ndarray, ...] = ()
    checksum: str = dataclasses.field(init=False)

    def __post_init__(self):
        if not self.clips:
            raise DataError(f"{self.name}: holds no clip in which all joints are seen")
        shape = ("T", len(self.skeleton), 3)
        clips, observed = (
            tuple(checked.array(self.name, "clips", clip, shape) for clip in each)
            for each in (self.clips, self.observed)
        )
        if observed and [clip.shape for clip in observed] != [clip.shape for clip in clips]:
            raise DataError(f"{self.name}: what is observed has other shapes than the clips")
        checksum = checked.checksum([*self.skeleton.joints, f"{self.rate:.6g}"], *clips, *observed)
        checked.complete(self, clips=clips, observed=observed, checksum=checksum)

    @classmethod
    def of_clips(cls, name: str, clips: Iterable[Clip], skeleton: Skeleton, rate: float, lineage: str = ""):
        """Makes a set of the clips that miss no joint, all at one `rate`, which is that of clips that do not say."""
        clips = [clip.to(skeleton) for clip in clips]
        clips = [clip for clip in clips if not clip.missing.any()]
        positions = tuple(at_rate(clip.positions, clip.rate or rate, rate) for clip in clips)
        return cls(name, positions, rate, skeleton, tuple(clip.source for clip in clips), lineage)

    def __len__(self) -> int:
        """How many frames there are."""
        return sum(len(clip) for clip in self.clips)

    def windows(self, batch: int, frames: int, rates, seed: int, start: int = 0):
        """What a training draws from: an endless stream of pieces of clips at random frame rates.

        The batch of a step depends on `seed` and the step alone.

        Args:
            batch: pieces per batch.
            frames: of each piece. Where a clip ends the piece goes on backwards.
            rates: the lowest and the highest frame rate, log-uniform.
            seed: of the choice.
            start: the step of the first batch.

        Returns:
            A `tf.data.Dataset` of `{"clips": [batch, frames, J, 3], "rate": [batch]}`, and "observed", like "clips",
            where it is known.
        """
        import tensorflow as tf  # which clips do not need

        from tfpose.seeds import split_seed, step_seed

        known = {"clips": self.clips} | ({"observed": self.observed} if self.observed else {})
        known = {name: tf.constant(np.concatenate(clips)) for name, clips in known.items()}
        lengths = np.array([len(clip) for clip in self.clips])
        ends = np.cumsum(lengths)
        first = tf.constant(np.repeat(ends - lengths, lengths), tf.int32)
        length = tf.constant(np.repeat(lengths, lengths) - 1, tf.float32)

        def at(step):
            start_seed, rate_seed = split_seed(step_seed(seed, step), 2)
            chosen = tf.random.stateless_uniform([batch], start_seed, 0, len(self), tf.int32)
            rate = tf.exp(tf.random.stateless_uniform([batch], rate_seed, *np.log(rates).astype(np.float32)))
            begin, last = tf.gather(first, chosen)[:, None], tf.gather(length, chosen)[:, None]
            moments = tf.cast(chosen[:, None] - begin, tf.float32) + tf.range(frames, dtype=tf.float32) * (
                self.rate / rate[:, None]
            )
            whole = tf.floor(moments)

            def place(shift):
                # To and fro between the first frame and the last.
                there = tf.math.floormod(whole + shift, tf.maximum(2 * last, 1.0))
                return begin + tf.cast(tf.minimum(there, 2 * last - there), tf.int32)

            places, share = [place(shift) for shift in (-1.0, 0.0, 1.0, 2.0)], (moments - whole)[..., None, None]
            pieces = {name: cubic(*(tf.gather(values, at) for at in places), share) for name, values in known.items()}
            return {**pieces, "rate": rate}

        steps = tf.data.Dataset.counter(start, dtype=tf.int64)
        return steps.map(at, num_parallel_calls=1, deterministic=True).prefetch(4)


def cubic(before, here, after, later, share):
    """The Catmull-Rom spline of four values, at `share` of the way from `here` to `after`."""
    slope, next_slope = (after - before) / 2, (later - here) / 2
    bend = 3 * (after - here) - 2 * slope - next_slope
    return here + share * (slope + share * (bend + share * (2 * (here - after) + slope + next_slope)))


def at_rate(positions: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    """A clip `[T, J, 3]` of `rate` frames per second at a `wanted` rate, by cubic splines."""
    if abs(rate - wanted) < 1e-2 * wanted or len(positions) < 2:
        return np.asarray(positions, np.float32)
    from scipy.interpolate import CubicSpline

    moments = np.arange(len(positions)) / rate
    new = np.arange(0, moments[-1] + 1e-9, 1 / wanted)
    return CubicSpline(moments, positions)(new).astype(np.float32)
