"""What goes wrong with a skeleton over time: jitter, drift, episodes of wrong joints, gaps, exchanged sides.

Every function takes clean clips `[B, T, J, 3]` in metres and an explicit seed and is XLA-compilable. Durations are in
seconds, so that clips of any frame rate get the same kind of noise.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfpose.noise.joints import choose_joints, limb_members, random_counts
from tfpose.seeds import split_seed
from tfpose.skeleton import Skeleton

_EPISODES = 4  # at most, of one kind in a clip of a training


@dataclasses.dataclass(frozen=True)
class ClipNoise:
    """How often each kind of noise is in a clip, and how strong it is at most.

    Attributes:
        clean: share of the clips in which all seen joints are right. Gaps are in any clip, the other shares are of the
            rest.
        jitter, jitter_std: share; Gaussian noise of every coordinate and frame, metres.
        depth, depth_std: share; the same along one horizontal viewing axis for each clip.
        ends: wrists, ankles and other ends of limbs jitter so many times as much as the trunk.
        drift, drift_std: share; noise that changes slowly, metres.
        drift_seconds: its correlation time, shortest and longest.
        episodes: share; 1 to `episode_joints` joints are off by `shortest` to `longest` metres for a while.
        limb_episodes: share; the same for a whole limb (both arms or both legs, or one side of them).
        gaps: share; joints, limbs or whole frames are missing for a while.
        sides: share; left and right of the arms, the legs or all limbs are exchanged for a while.
        zeros: share; one or two joints are at the origin for a while.
        stuck: share; one to three joints stay at their last place for a while.
        seconds: how long an episode is, shortest and longest; never less than a frame.
    """

    clean: float = 0.16
    jitter: float = 0.7
    jitter_std: float = 0.035
    depth: float = 0.3
    depth_std: float = 0.1
    ends: float = 1.5
    drift: float = 0.25
    drift_std: float = 0.04
    drift_seconds: tuple[float, float] = (0.1, 1.0)
    episodes: float = 0.4
    episode_joints: int = 5
    shortest: float = 0.1
    longest: float = 0.8
    limb_episodes: float = 0.1
    gaps: float = 0.35
    sides: float = 0.25
    zeros: float = 0.05
    stuck: float = 0.0
    seconds: tuple[float, float] = (0.03, 0.7)


def corrupt(clips, rate, skeleton: Skeleton, seed, noise: ClipNoise) -> tf.Tensor:
    """Clips as a sensor may see them.

    Args:
        clips: `[B, T, J, 3]` metres.
        rate: `[B]`, frames per second.
        skeleton: of the clips.
        seed: two integers.
        noise: what is done, and how often.

    Returns:
        `[B, T, J, 3]`; missing joints are NaN.
    """
    clean_seed, *seeds = split_seed(seed, 10)
    count = clips.shape[0]
    noisy = _chosen(count, clean_seed, 1.0 - noise.clean)

    def some(share, seed):
        return noisy & _chosen(count, seed, share)

    def level(share, most, seed):
        share_seed, level_seed = split_seed(seed, 2)
        return tf.where(some(share, share_seed), most * tf.random.stateless_uniform([count], level_seed), 0.0)

    seeds = [split_seed(seed, 2) for seed in seeds]
    seen = clips
    if noise.sides:
        seen = exchange_sides(seen, rate, skeleton, seeds[0][0], some(noise.sides, seeds[0][1]), noise.seconds)
    if noise.stuck:
        seen = stick(seen, rate, seeds[1][0], some(noise.stuck, seeds[1][1]), noise.seconds)
    seen = add_jitter(seen, level(noise.jitter, noise.jitter_std, seeds[2][1]), skeleton, seeds[2][0], noise.ends)
    seen = add_depth_noise(seen, level(noise.depth, noise.depth_std, seeds[3][1]), skeleton, seeds[3][0], noise.ends)
    seen = add_drift(seen, rate, level(noise.drift, noise.drift_std, seeds[4][1]), seeds[4][0], noise.drift_seconds)
    for share, limbs, (own, which) in (
        (noise.episodes, False, seeds[5]),
        (noise.limb_episodes, True, seeds[6]),
    ):
        if share:
            seen = displace(
                seen, rate, skeleton, own, some(share, which), noise.seconds, noise.episode_joints, limbs,
                noise.shortest, noise.longest,
            )  # fmt: skip
    if noise.zeros:
        at_zero = joint_episodes(seen, rate, seeds[7][0], some(noise.zeros, seeds[7][1]), noise.seconds, 2)
        seen = tf.where(at_zero[..., None], 0.0, seen)
    if noise.gaps:
        seen = remove(seen, rate, skeleton, seeds[8][0], _chosen(count, seeds[8][1], noise.gaps), noise.seconds)
    return seen


def add_jitter(clips, std, skeleton: Skeleton, seed, ends: float = 1.0) -> tf.Tensor:
    """Adds Gaussian noise of `std` `[B]` metres to every coordinate of every frame; `ends` as in `ClipNoise`."""
    return clips + std[:, None, None, None] * _factors(skeleton, ends) * tf.random.stateless_normal(clips.shape, seed)


def add_depth_noise(clips, std, skeleton: Skeleton, seed, ends: float = 1.0) -> tf.Tensor:
    """Adds Gaussian noise of `std` `[B]` metres along one random horizontal axis of each clip."""
    axis_seed, noise_seed = split_seed(seed, 2)
    angle = tf.random.stateless_uniform([clips.shape[0]], axis_seed, 0.0, 2 * np.pi)
    axis = tf.stack([tf.cos(angle), tf.zeros_like(angle), tf.sin(angle)], axis=-1)[:, None, None]
    noise = tf.random.stateless_normal([*clips.shape[:-1], 1], noise_seed)
    return clips + std[:, None, None, None] * _factors(skeleton, ends) * noise * axis


def add_drift(clips, rate, std, seed, seconds) -> tf.Tensor:
    """Adds noise of `std` `[B]` metres whose correlation time is between two numbers of `seconds`."""
    time_seed, noise_seed = split_seed(seed, 2)
    count, frames = clips.shape[:2]
    time = tf.random.stateless_uniform([count], time_seed, *seconds) * rate
    # Gaussian noise through a Gaussian window of `time` frames, of unit variance.
    steps = np.arange(frames)[:, None] - np.arange(-frames, 2 * frames)
    window = tf.exp(-tf.square(steps.astype(np.float32) / tf.maximum(time, 0.3)[:, None, None]))
    window /= tf.norm(window, axis=-1, keepdims=True)
    white = tf.random.stateless_normal([count, 3 * frames, clips.shape[2] * 3], noise_seed)
    return clips + std[:, None, None, None] * tf.reshape(window @ white, clips.shape)


def displace(
    clips, rate, skeleton: Skeleton, seed, chosen, seconds, most: int, limbs=False, shortest=0.2, longest=0.8
) -> tf.Tensor:
    """Moves joints far off for a while: each episode has its own joints and offsets.

    Args:
        clips: `[B, T, J, 3]` metres.
        rate: `[B]`.
        skeleton: of the clips.
        seed: two integers.
        chosen: bool `[B]`, the clips that it happens to.
        seconds: how long, shortest and longest.
        most: 1 to so many joints at once.
        limbs: whether the joints are those of a limb instead, which move together.
        shortest, longest: how far, metres.
    """
    seeds = split_seed(seed, _EPISODES)
    for own in seeds:
        when_seed, which_seed, count_seed, direction_seed, length_seed = split_seed(own, 5)
        when = episode(clips.shape, rate, when_seed, chosen, seconds)
        which = _joints(clips.shape, skeleton, which_seed, count_seed, most, limbs)
        shape = [clips.shape[0], 1, 1 if limbs else clips.shape[2]]
        direction = tf.math.l2_normalize(tf.random.stateless_normal([*shape, 3], direction_seed), axis=-1)
        length = tf.random.stateless_uniform(shape, length_seed, shortest, longest)
        clips = tf.where((when[..., None] & which[:, None])[..., None], clips + direction * length[..., None], clips)
    return clips


def remove(clips, rate, skeleton: Skeleton, seed, chosen, seconds) -> tf.Tensor:
    """Makes some joints, one limb, or all joints NaN for a while; arguments as of `displace`."""
    for own in split_seed(seed, _EPISODES):
        when_seed, which_seed, count_seed, kind_seed, limb_seed = split_seed(own, 5)
        when = episode(clips.shape, rate, when_seed, chosen, seconds)
        kind = tf.random.stateless_uniform([clips.shape[0], 1], kind_seed)
        some = _joints(clips.shape, skeleton, which_seed, count_seed, 5, False)
        limb = _joints(clips.shape, skeleton, limb_seed, count_seed, 1, True)
        which = tf.where(kind < 0.5, some, tf.where(kind < 0.85, limb, True))
        clips = tf.where((when[..., None] & which[:, None])[..., None], np.float32("nan"), clips)
    return clips


def exchange_sides(clips, rate, skeleton: Skeleton, seed, chosen, seconds) -> tf.Tensor:
    """Exchanges left and right of one kind of limb, or of all, for a while; arguments as of `displace`."""
    members, twins = limb_members(skeleton), tf.gather(clips, skeleton.mirror_joints, axis=2)
    exchanged = tf.zeros(clips.shape[:3], bool)
    for own in split_seed(seed, _EPISODES):
        when_seed, which_seed = split_seed(own, 2)
        when = episode(clips.shape, rate, when_seed, chosen, seconds)
        which = tf.random.stateless_uniform([clips.shape[0]], which_seed, 0, len(members), tf.int32)
        exchanged |= when[..., None] & tf.gather(members, which)[:, None]
    return tf.where(exchanged[..., None], twins, clips)


def stick(clips, rate, seed, chosen, seconds) -> tf.Tensor:
    """Leaves 1 to 3 joints where they were for a while; arguments as of `displace`."""
    stuck = joint_episodes(clips, rate, seed, chosen, seconds, 3)
    return hold(clips, stuck)


def hold(clips, stuck) -> tf.Tensor:
    """The joints that are `stuck` (bool `[B, T, J]`) stay where they were before; in the first frame none is."""
    frames = np.arange(clips.shape[1])
    moments = tf.where(stuck, 0, frames[:, None])
    earlier = np.tril(np.ones((len(frames), len(frames)), bool))
    last = tf.reduce_max(tf.where(earlier[:, :, None], moments[:, None], 0), axis=2)
    return _at(clips, last)


def joint_episodes(clips, rate, seed, chosen, seconds, most: int) -> tf.Tensor:
    """bool `[B, T, J]`: one episode in which 1 to `most` joints are chosen."""
    when_seed, which_seed, count_seed = split_seed(seed, 3)
    count, _, joints, _ = clips.shape
    which = choose_joints(random_counts(count, 1, most, count_seed), joints, which_seed)
    return episode(clips.shape, rate, when_seed, chosen, seconds)[..., None] & which[:, None]


def episode(shape, rate, seed, chosen, seconds) -> tf.Tensor:
    """bool `[B, T]`: the frames of one episode, of a length log-uniform between two numbers of `seconds`.

    It may begin before the clip; in clips that are not `chosen` (bool `[B]`) there is none.
    """
    start_seed, length_seed = split_seed(seed, 2)
    count, frames = shape[:2]
    log_seconds = tf.random.stateless_uniform([count], length_seed, *np.log(seconds).astype(np.float32))
    length = tf.maximum(tf.exp(log_seconds) * rate, 1.0)
    start = tf.random.stateless_uniform([count], start_seed) * (frames + length) - length
    moments = np.arange(frames, dtype=np.float32)
    return chosen[:, None] & (moments >= start[:, None]) & (moments < (start + length)[:, None])


def _joints(shape, skeleton: Skeleton, seed, count_seed, most: int, limbs: bool) -> tf.Tensor:
    """bool `[B, J]`: 1 to `most` joints, or those of one limb: an arm, a leg, or what a skeleton has.

    Without mirror pairs a skeleton has no limbs, and joints are taken.
    """
    if not (limbs and skeleton.limbs):
        return choose_joints(random_counts(shape[0], 1, most, count_seed), shape[2], seed)
    left = {skeleton.index(left) for left, _ in skeleton.mirror}
    members = np.zeros((2 * len(skeleton.limbs), len(skeleton)), bool)
    for number, limb in enumerate(skeleton.limbs):
        for joint in limb:
            members[2 * number + (joint in left), joint] = True
    return tf.gather(members, tf.random.stateless_uniform([shape[0]], seed, 0, len(members), tf.int32))


def _chosen(count: int, seed, share: float) -> tf.Tensor:
    return tf.random.stateless_uniform([count], seed) < share


def _factors(skeleton: Skeleton, ends: float) -> np.ndarray:
    """The factor of each joint's noise, `[J, 1]`: 1 in the trunk, `ends` at the ends of limbs, their mean between."""
    leaves = {joint for joint in range(len(skeleton)) if not skeleton.children[joint]}
    trunk = {skeleton.index(joint) for joint in skeleton.torso}
    factors = [1.0 if j in trunk else ends if j in leaves else (1 + ends) / 2 for j in range(len(skeleton))]
    return np.array(factors, np.float32)[:, None]


def _at(clips, moments) -> tf.Tensor:
    """Each joint at its own moment: `moments` int `[B, T, J]`."""
    return tf.transpose(
        tf.gather(tf.transpose(clips, [0, 2, 1, 3]), tf.transpose(moments, [0, 2, 1]), axis=2, batch_dims=2),
        [0, 2, 1, 3],
    )
