"""Synthetic people: the embedded default data.

Forward kinematics of the paper's 17 joints on varied bodies. Legs, arms and trunk each follow an activity of their own
(walking legs with phoning arms and a leaning trunk), as an oscillation or a smooth wandering between two postures that
are jittered per clip; on top every angle wanders a little, and all stay within joint limits. Nobody was recorded, so
what is trained on this may be shipped freely.

Angles are in degrees in the body's frame (x left, y up, z forward): flexion is forward, abduction sideways and away
from the body, medial rotation inward about the limb's own axis. A limb at zero hangs straight down.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton

RATE = 30.0
FRAMES = 60

_CHUNK = (
    64  # clips made at once; a fixed number, so that the first clips of a seed do not depend on how many are asked for
)
_KNOTS = 64  # turning points of a wandering angle before they repeat: half a minute at least

# Bones: mean offset over the body's height, in the proportions of an adult, and the half range of its factor;
# it is wide for hips, shoulders and trunk, whose joints rigs place differently.
_BONES = {
    "spine_mid": ((0.0, 0.115, 0.0), 0.55),
    "spine_shoulder": ((0.0, 0.165, -0.005), 0.30),
    "neck": ((0.0, 0.058, 0.012), 0.25),
    "head": ((0.0, 0.066, 0.010), 0.25),
    "shoulder": ((0.102, -0.012, 0.0), 0.18),
    "elbow": ((0.0, -0.168, 0.0), 0.10),
    "wrist": ((0.0, -0.146, 0.0), 0.10),
    "hip": ((0.066, -0.030, 0.0), 0.35),
    "knee": ((0.0, -0.255, 0.0), 0.08),
    "ankle": ((0.0, -0.250, 0.0), 0.08),
}

# Limits of each angle: about what healthy people reach by themselves.
LIMITS = {
    "shoulder": ((-50, 170), (-45, 165), (-80, 80)),  # flexion, abduction, medial rotation
    "elbow": (0, 148),
    "hip": ((-30, 125), (-25, 55), (-40, 40)),
    "knee": (0, 145),
    "pelvis": ((-25, 60), (-20, 20), (-180, 180)),  # forward, to the left, turn; relative to the heading
    "spine": ((-15, 45), (-20, 20), (-25, 25)),  # each of two joints
    "neck": ((-35, 40), (-30, 30), (-60, 60)),
}
_LARGEST_RAISE = 172.0  # of the upper arm, in whatever direction


class _Arms(NamedTuple):
    """An oscillation between two arm postures (flexion, abduction, medial rotation, elbow) at `hertz` (low, high).

    `who`: "one" arm, the other hangs; "both"; "alternate" in turn.
    """

    start: tuple[float, float, float, float]
    end: tuple[float, float, float, float]
    hertz: tuple[float, float]
    who: str


_ARMS = {
    "hanging": _Arms((0, 8, 0, 12), (5, 12, 10, 25), (0.1, 0.4), "both"),
    "waving": _Arms((20, 85, -65, 60), (25, 95, -75, 115), (0.8, 2.0), "one"),
    "waving high": _Arms((60, 130, -30, 20), (40, 150, -60, 60), (0.8, 1.8), "both"),
    "reaching forward": _Arms((10, 10, 10, 80), (90, 5, 10, 15), (0.2, 0.7), "one"),
    "reaching up": _Arms((20, 15, 0, 70), (160, 20, 0, 15), (0.2, 0.7), "one"),
    "reaching sideways": _Arms((15, 20, 0, 60), (15, 95, 0, 10), (0.2, 0.7), "one"),
    "reaching down": _Arms((20, 5, 0, 20), (60, 5, 0, 10), (0.2, 0.6), "both"),
    "boxing": _Arms((35, 20, 30, 130), (88, 0, 30, 10), (0.8, 1.6), "alternate"),
    "phoning": _Arms((30, 25, 30, 138), (45, 40, 20, 145), (0.1, 0.4), "one"),
    "eating": _Arms((25, 15, 30, 75), (50, 30, 50, 135), (0.3, 0.8), "one"),
    "smoking": _Arms((10, 10, 35, 60), (45, 15, 50, 140), (0.15, 0.4), "one"),
    "hands on hips": _Arms((-20, 40, 60, 95), (-25, 50, 65, 105), (0.1, 0.4), "both"),
    "arms crossed": _Arms((30, 5, 70, 95), (35, 10, 75, 110), (0.1, 0.4), "both"),
    "in pockets": _Arms((-10, 15, 25, 35), (-15, 25, 35, 50), (0.1, 0.4), "both"),
    "carrying": _Arms((15, 10, 10, 85), (35, 15, 20, 95), (0.2, 0.6), "both"),
    "clapping": _Arms((45, 15, 10, 80), (50, 0, 45, 75), (0.8, 2.0), "both"),
    "gesturing": _Arms((10, 15, 20, 70), (45, 30, -20, 100), (0.3, 1.0), "alternate"),
    "pointing": _Arms((15, 10, 0, 40), (80, 30, 0, 5), (0.2, 0.5), "one"),
    "throwing": _Arms((20, 95, -75, 100), (95, 25, 0, 15), (0.5, 1.0), "one"),
    "arms raised": _Arms((150, 30, 0, 25), (90, 60, 0, 60), (0.2, 0.8), "both"),
    "arms spread": _Arms((10, 85, 0, 15), (20, 60, 10, 40), (0.2, 0.8), "both"),
    "hands to head": _Arms((60, 70, -40, 130), (100, 60, -30, 140), (0.2, 0.6), "both"),
    "swimming": _Arms((150, 20, 0, 20), (-20, 25, 0, 40), (0.4, 0.9), "alternate"),
    "behind the back": _Arms((-30, 15, 60, 70), (-40, 20, 70, 90), (0.1, 0.4), "both"),
}
_SHARE_OF_FREE_ARMS = 0.25  # of clips whose arms wander over much of the range of their joints
_SHARE_OF_SWINGING_ARMS = 0.5  # of walking or running clips whose arms swing against the legs


class _Legs(NamedTuple):
    """An oscillation between two postures: left and right leg (flexion, abduction, medial rotation, knee), lean."""

    start: tuple[tuple[float, float, float, float], tuple[float, float, float, float], float]
    end: tuple[tuple[float, float, float, float], tuple[float, float, float, float], float]
    hertz: tuple[float, float]


_STRAIGHT, _SEATED = (0, 4, -5, 3), (88, 8, 0, 88)
_LEGS = {
    "standing": _Legs((_STRAIGHT, _STRAIGHT, 0), ((4, 6, -8, 10), (0, 2, -5, 0), 3), (0.1, 0.4)),
    "standing wide": _Legs(((0, 16, -10, 5), (0, 16, -10, 5), 0), ((8, 20, -10, 18), (0, 12, -10, 3), 5), (0.1, 0.5)),
    "sitting": _Legs((_SEATED, _SEATED, 0), ((80, 12, -5, 70), (92, 5, 0, 105), 10), (0.1, 0.4)),
    "sitting with legs crossed": _Legs(
        ((98, -12, 0, 75), _SEATED, 0), ((102, -16, -10, 90), (85, 5, 0, 85), 8), (0.1, 0.4)
    ),
    "sitting on the floor": _Legs(
        ((98, 25, -25, 95), (95, 25, -25, 95), 10), ((85, 12, 0, 30), (90, 15, -10, 60), 20), (0.1, 0.3)
    ),
    "sitting down": _Legs((_STRAIGHT, _STRAIGHT, 0), (_SEATED, _SEATED, 10), (0.15, 0.4)),
    "squatting": _Legs((_STRAIGHT, _STRAIGHT, 5), ((110, 15, -10, 125), (110, 15, -10, 125), 35), (0.2, 0.6)),
    "kneeling": _Legs(((85, 5, 0, 95), (0, 5, 0, 95), 5), ((75, 8, 0, 80), (15, 5, 0, 110), 20), (0.1, 0.4)),
    "lunging": _Legs((_STRAIGHT, _STRAIGHT, 0), ((65, 3, 0, 80), (-20, 3, 0, 30), 12), (0.2, 0.6)),
    "kicking": _Legs((_STRAIGHT, (-15, 4, 0, 45), 0), ((5, 4, 0, 12), (80, 5, 0, 15), -8), (0.4, 0.9)),
    "stepping up": _Legs(((60, 4, 0, 75), (0, 4, 0, 8), 8), ((0, 4, 0, 8), (60, 4, 0, 75), 8), (0.3, 0.7)),
    "stepping aside": _Legs((_STRAIGHT, _STRAIGHT, 0), ((5, 25, 0, 12), (5, 15, 0, 12), 5), (0.3, 0.8)),
    "on one leg": _Legs(((40, 10, 0, 70), _STRAIGHT, 0), ((85, 15, -10, 100), (5, 4, 0, 12), 5), (0.2, 0.5)),
}
_LEG_WEIGHTS = np.array([4, 2] + [1] * (len(_LEGS) - 2)) / (len(_LEGS) + 4)  # people mostly stand
_SHARE_OF_GAITS = 0.3  # of all clips
_SHARE_OF_FREE_LEGS = 0.1  # of clips whose legs wander over much of the range of their joints

# Trunk: forward, left, turn of the whole spine at the two ends of the movement.
_TRUNKS = {
    "upright": ((0, 0, 0), (4, 2, 5)),
    "leaning": ((5, 0, 0), (28, 0, 0)),
    "bending down": ((5, 0, 0), (85, 0, 0)),
    "twisting": ((3, 0, -45), (3, 0, 45)),
    "bending sideways": ((0, -28, 0), (0, 28, 0)),
    "turning to the side": ((2, 0, 0), (6, 5, 50)),
}
_TRUNK_WEIGHTS = (0.45, 0.2, 0.1, 0.08, 0.07, 0.1)


def clips(count: int, seed: int | Sequence[int], frames: int = FRAMES) -> Iterator[Clip]:
    """`count` clips of `frames` poses `[frames, 17, 3]` at 30 Hz, skeleton `paper17`, feet on the ground.

    The same seed and `frames` give the same clips; fewer clips are the first of more.
    """
    skeleton = Skeleton.load("paper17")
    rng = np.random.default_rng(seed)
    for first in range(0, count, _CHUNK):
        positions, actions = _make(rng, skeleton, frames)
        for number in range(min(_CHUNK, count - first)):
            yield Clip(
                positions[number],
                skeleton,
                subject=f"body {first + number}",
                action=actions[number],
                rate=RATE,
                source=f"synthetic, seed {seed}, clip {first + number}",
            )


def poses(count: int, seed: int | Sequence[int]) -> Iterator[Clip]:
    """The first `count` poses of endless `clips`; the last clip is cut."""
    for number, clip in enumerate(clips(-(-count // FRAMES), seed)):
        yield dataclasses.replace(clip, positions=clip.positions[: count - number * FRAMES])


def _make(rng: np.random.Generator, skeleton: Skeleton, frames: int) -> tuple[np.ndarray, list[str]]:
    """A chunk of clips: positions `[clips, frames, 17, 3]` and what they show."""
    time = np.arange(frames) / RATE
    limbs, lean, speed, phase, leg_names = _legs(rng, time)
    arms, arm_names = _arms(rng, time, phase)
    limbs.update(arms)
    spine, trunk_names = _trunk(rng, time)
    spine[..., 0] += lean

    # Everyone sways and fidgets.
    for name, angles in limbs.items():
        angles += _wander(rng, time, np.full(angles.shape[-1], 5.0), seconds=(0.5, 2.0))
        low, high = _limits(name)
        np.clip(angles, low, high, out=angles)
    spine += _wander(rng, time, np.full(3, 4.0), seconds=(0.5, 2.0))
    neck = _wander(rng, time, np.array([20.0, 12.0, 40.0]), seconds=(0.7, 3.0))
    neck[..., 0] -= 0.3 * spine[..., 0]  # people look ahead

    turning = np.cumsum(_wander(rng, time, np.array([45.0]), seconds=(1.0, 3.0))[..., 0], axis=1) / RATE
    heading = rng.uniform(0, 360, (_CHUNK, 1)) + turning * rng.choice([0.3, 1.0, 3.0], (_CHUNK, 1))
    positions = _forward_kinematics(rng, skeleton, limbs, spine, neck, heading)

    # Put the lowest joint on the ground, and walk in the direction of the heading.
    positions[..., 1] -= positions[..., 1].min(axis=-1, keepdims=True) - 0.08
    direction = np.stack([np.sin(np.radians(heading)), np.cos(np.radians(heading))], axis=-1)
    path = np.cumsum(speed[..., None] * direction, axis=1) / RATE
    positions[..., [0, 2]] += (path + rng.uniform(-1, 1, (_CHUNK, 1, 2)))[:, :, None]
    return positions.astype(np.float32), [", ".join(names) for names in zip(leg_names, arm_names, trunk_names)]


# --- the motion of the parts


def _legs(rng, time):
    """Hips `[N, T, 3]` and knees `[N, T, 1]` by name, forward lean `[N, T]`, speed and gait phase `[N, T]`, and names.

    The phase is NaN where there is no gait.
    """
    chosen = rng.choice(len(_LEGS), size=_CHUNK, p=_LEG_WEIGHTS)
    kinds = list(_LEGS.values())
    start, end = (np.array([[*kind[at][0], *kind[at][1], kind[at][2]] for kind in kinds], float) for at in (0, 1))
    hertz = np.array([kind.hertz for kind in kinds])
    jitter = np.array([10, 6, 8, 12] * 2 + [5.0])
    angles = _between(rng, time, start[chosen], end[chosen], jitter, hertz[chosen])
    labels = np.array(list(_LEGS), dtype=object)[chosen]

    # Some legs wander over much of their range, which no table of activities covers.
    free = rng.random(_CHUNK) < _SHARE_OF_FREE_LEGS
    ranges = [(-20, 110), (-15, 40), (-30, 30), (0, 120)] * 2 + [(0, 20)]
    angles[free] = _uniform_walk(rng, time, ranges, seconds=(0.6, 2.0))[free]
    labels[free] = "moving legs"

    gait = rng.random(_CHUNK) < _SHARE_OF_GAITS
    runs = rng.random(_CHUNK) < 0.25
    walking, speed, phase = _gait(rng, time, runs)
    angles[gait] = walking[gait]
    speed[~gait], phase[~gait] = 0.0, np.nan
    labels[gait] = np.where(runs, "running", "walking")[gait]

    # Left and right change roles in half of the clips.
    flip = rng.random(_CHUNK) < 0.5
    angles[flip] = angles[flip][..., [4, 5, 6, 7, 0, 1, 2, 3, 8]]
    phase[flip] += np.pi
    limbs = {
        "hip_left": angles[..., 0:3],
        "knee_left": angles[..., 3:4],
        "hip_right": angles[..., 4:7],
        "knee_right": angles[..., 7:8],
    }
    return limbs, angles[..., 8], speed, phase, labels


def _gait(rng, time, runs):
    """Walking, or running where `runs` `[N]`: leg angles and lean `[N, T, 9]`, speed and phase `[N, T]`.

    The thigh swings as a cosine and the knee bends while its foot is in the air, as the thigh comes forward.
    """

    def draw(walk: tuple[float, float], run: tuple[float, float]) -> np.ndarray:
        return np.where(runs, rng.uniform(*run, _CHUNK), rng.uniform(*walk, _CHUNK))[:, None]

    strides = draw((0.6, 1.05), (1.2, 1.45))  # per second
    swing, forward = draw((12, 28), (24, 40)), draw((4, 8), (8, 14))
    lift, stance = draw((40, 65), (55, 95)), draw((3, 12), (8, 20))
    phase = 2 * np.pi * (strides * time + rng.random((_CHUNK, 1)))
    angles = np.empty((*phase.shape, 9))
    for side in (0, 1):
        at = phase + np.pi * side
        in_air = (0.5 + 0.5 * np.sin(at + np.pi + 0.7)) ** 2
        angles[..., 4 * side] = forward + swing * np.cos(at)
        angles[..., 4 * side + 1] = draw((0, 8), (0, 6))
        angles[..., 4 * side + 2] = draw((-12, 3), (-10, 3))
        angles[..., 4 * side + 3] = stance + lift * in_air
    angles[..., 8] = draw((-2, 8), (5, 18))
    # Two steps per stride, each as long as both thighs swing, on legs of 0.85 m; at a run the flight adds to it.
    speed = 2 * strides * 2 * 0.85 * np.sin(np.radians(swing)) * np.where(runs, 1.2, 1.0)[:, None]
    return angles, np.tile(speed, (1, len(time))), phase


def _arms(rng, time, phase):
    """Shoulders `[N, T, 3]` and elbows `[N, T, 1]` by name, and names. `phase` `[N, T]` is the gait's, or NaN."""
    chosen = rng.integers(len(_ARMS), size=_CHUNK)
    kinds = list(_ARMS.values())
    start, end = (np.array([kind[at] for kind in kinds], float)[chosen] for at in (0, 1))
    hertz = np.array([kind.hertz for kind in kinds])[chosen]
    who = np.array([kind.who for kind in kinds])[chosen]
    labels = np.array(list(_ARMS), dtype=object)[chosen]

    # The arm that acts, and the other: idle, in step, or half a beat behind; the same seed makes them keep time.
    seed, jitter = rng.integers(2**32), np.array([14, 12, 16, 14.0])
    idle, rest = (who == "one")[:, None], np.array([2, 9, 5, 18.0])
    acting = _between(np.random.default_rng(seed), time, start, end, jitter, hertz)
    start, end = np.where(idle, rest, start), np.where(idle, rest + 4, end)
    behind = np.where(who == "alternate", np.pi, 0.0)
    other = _between(np.random.default_rng(seed), time, start, end, jitter, hertz, behind)
    other += rng.normal(0, 6, (_CHUNK, 1, 4))  # bodies are not exactly symmetric
    flip = (rng.random(_CHUNK) < 0.5)[:, None, None]
    left, right = np.where(flip, acting, other), np.where(flip, other, acting)

    # Arms that swing against the legs, with their forearms.
    swinging = np.isfinite(phase[:, 0]) & (rng.random(_CHUNK) < _SHARE_OF_SWINGING_ARMS)
    size, elbow = rng.uniform(8, 40, (_CHUNK, 1)), rng.uniform(10, 90, (_CHUNK, 1))
    aside, inward = rng.uniform(3, 20, (_CHUNK, 1)), rng.uniform(-5, 35, (_CHUNK, 1))
    for arm, sign in ((left, -1), (right, 1)):
        swing = sign * size * np.cos(np.nan_to_num(phase))
        arm[swinging] = np.stack(np.broadcast_arrays(swing, aside, inward, elbow + 0.4 * swing), -1)[swinging]
    labels[swinging] = "swinging"

    free = rng.random(_CHUNK) < _SHARE_OF_FREE_ARMS
    for arm in (left, right):
        ranges = [(-40, 150), (-25, 130), (-70, 70), (0, 140)]
        arm[free] = _uniform_walk(rng, time, ranges, seconds=(0.5, 2.0))[free]
    labels[free] = "moving arms"
    limbs = {
        "shoulder_left": left[..., :3],
        "elbow_left": left[..., 3:],
        "shoulder_right": right[..., :3],
        "elbow_right": right[..., 3:],
    }
    return limbs, labels


def _trunk(rng, time):
    """Forward, left, turn of the whole spine `[N, T, 3]`, and names."""
    names, kinds = list(_TRUNKS), np.array(list(_TRUNKS.values()), float)
    chosen = rng.choice(len(names), size=_CHUNK, p=_TRUNK_WEIGHTS)
    start, end = kinds[chosen, 0], kinds[chosen, 1]
    sign = np.where(rng.random((_CHUNK, 1)) < 0.5, 1.0, [1.0, -1.0, -1.0])
    angles = _between(rng, time, start * sign, end * sign, np.array([6, 5, 8.0]), np.tile([0.1, 0.6], (_CHUNK, 1)))
    return angles, [names[number] for number in chosen]


# --- motion


def _between(rng, time, start, end, jitter, hertz, shift=0.0):
    """Movement between two postures `[N, D]` -> `[N, T, D]`: half of the clips keep a beat, half take their own time.

    Args:
        jitter: `[D]`, standard deviation of each posture's angles.
        hertz: `[N, 2]`, range of the beat.
        shift: `[N]`, added to the beat's phase.
    """
    count, width = start.shape
    start = start + rng.normal(size=(count, width)) * jitter
    end = end + rng.normal(size=(count, width)) * jitter
    beat = rng.uniform(hertz[:, :1], hertz[:, 1:])
    phase = 2 * np.pi * (beat * time + rng.random((count, 1))) + np.reshape(shift, (-1, 1))
    regular = 0.5 - 0.5 * np.cos(phase)
    loose = _knots(rng, time, rng.random((count, _KNOTS, 1)), 0.5 / beat)[..., 0]
    part = np.where(rng.random((count, 1)) < 0.5, regular, loose)[..., None]
    return start[:, None] + part * (end - start)[:, None]


def _wander(rng, time, deviation, seconds):
    """A smooth walk about zero `[N, T, D]`; `deviation` `[D]`, a new direction every so many `seconds` (low, high)."""
    values = rng.normal(size=(_CHUNK, _KNOTS, len(deviation))) * deviation
    return _knots(rng, time, values, rng.uniform(*seconds, (_CHUNK, 1)))


def _uniform_walk(rng, time, ranges, seconds):
    """A smooth walk `[N, T, D]` through values uniform in each of D `ranges`."""
    low, high = np.array(ranges, float).T
    values = rng.uniform(low, high, (_CHUNK, _KNOTS, len(low)))
    return _knots(rng, time, values, rng.uniform(*seconds, (_CHUNK, 1)))


def _knots(rng, time, values, seconds):
    """Passes smoothly through `values` `[N, K, D]`, one every `seconds` `[N, 1]`, from a random moment on."""
    at = time / seconds + rng.random((len(values), 1))
    number = at.astype(int)
    part = (at - number)[..., None]
    part = part**3 * (10 - 15 * part + 6 * part**2)  # minimum jerk (Flash and Hogan, 1985)
    rows = np.arange(len(values))[:, None]
    count = values.shape[1]
    return (1 - part) * values[rows, number % count] + part * values[rows, (number + 1) % count]


def _limits(name: str) -> np.ndarray:
    """`[2, D]`: the lowest and highest angles of a joint."""
    return np.array(LIMITS[name.partition("_")[0]], float).reshape(-1, 2).T


# --- bodies


def _forward_kinematics(rng, skeleton, limbs, spine, neck, heading):
    """Positions `[N, T, 17, 3]` with the root at the origin, of one random body per clip."""
    count, frames = heading.shape
    offsets = _bodies(rng, skeleton)
    positions = np.zeros((count, frames, len(skeleton), 3))
    turns: dict[str, Rotation] = {}

    def turn(x, y, z) -> Rotation:
        return Rotation.from_rotvec(np.stack([x, y, z], -1).reshape(-1, 3), degrees=True)

    def bend(angles) -> Rotation:  # forward, left, turn; the heading's own zero is along +z
        return turn(angles[..., 0], angles[..., 2], -angles[..., 1])

    facing = turn(np.zeros_like(heading), heading, np.zeros_like(heading))
    share = {name: np.clip(spine * part, *_limits(name)) for name, part in (("pelvis", 0.4), ("spine", 0.3))}
    turns["spine_base"] = facing * bend(share["pelvis"])
    turns["spine_mid"] = turns["spine_base"] * bend(share["spine"])
    turns["spine_shoulder"] = turns["spine_mid"] * bend(share["spine"])
    turns["neck"] = turns["spine_shoulder"] * bend(np.clip(neck, *_limits("neck")))
    for side, sign in (("left", 1), ("right", -1)):
        arm, leg = limbs[f"shoulder_{side}"], limbs[f"hip_{side}"]
        raised = np.linalg.norm(arm[..., :2], axis=-1, keepdims=True)
        swing = arm[..., :2] * np.minimum(1, _LARGEST_RAISE / np.maximum(raised, 1e-6))
        zero = np.zeros_like(heading)
        turns[f"shoulder_{side}"] = (
            turns["spine_shoulder"]
            * turn(-swing[..., 0], zero, sign * swing[..., 1])
            * turn(zero, -sign * arm[..., 2], zero)
        )
        turns[f"elbow_{side}"] = turns[f"shoulder_{side}"] * turn(-limbs[f"elbow_{side}"][..., 0], zero, zero)
        # Legs carry the body: they keep their direction when the pelvis leans.
        turns[f"hip_{side}"] = (
            facing * turn(-leg[..., 0], zero, sign * leg[..., 1]) * turn(zero, -sign * leg[..., 2], zero)
        )
        turns[f"knee_{side}"] = turns[f"hip_{side}"] * turn(limbs[f"knee_{side}"][..., 0], zero, zero)

    for level in skeleton.levels_by_depth[1:]:
        for joint in level:
            parent = skeleton.parents[joint]
            bone = np.repeat(offsets[:, joint], frames, axis=0)
            moved = turns[skeleton.joints[parent]].apply(bone).reshape(count, frames, 3)
            positions[:, :, joint] = positions[:, :, parent] + moved
    return positions


def _bodies(rng, skeleton) -> np.ndarray:
    """Offsets of the joints from their parents `[N, 17, 3]` in metres, left and right alike."""
    height = np.clip(rng.normal(1.68, 0.13, (_CHUNK, 1)), 1.25, 2.05)
    offsets = np.zeros((_CHUNK, len(skeleton), 3))
    for name, (mean, spread) in _BONES.items():
        bone = np.array(mean) * height * rng.uniform(1 - spread, 1 + spread, (_CHUNK, 3))
        if name in skeleton.joints:
            offsets[:, skeleton.index(name)] = bone
        else:
            offsets[:, skeleton.index(f"{name}_left")] = bone
            offsets[:, skeleton.index(f"{name}_right")] = bone * [-1, 1, 1]
    return offsets
