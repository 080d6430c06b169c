"""What cleaning did to a clip, in numbers, as text and as a page."""

from __future__ import annotations

import base64
import html as escaping
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfpose import metrics
from tfpose.files import write_text
from tfpose.skeleton import Skeleton

MOVED = 0.03
"""Metres: a joint that was moved farther is counted."""
_SHOWN = 240  # frames of an animation


def summary(observed: np.ndarray, result: dict[str, np.ndarray], skeleton: Skeleton) -> dict[str, Any]:
    """What happened to the joints of a clip.

    Args:
        observed: `[T, J, 3]` metres; NaN = missing.
        result: of `ClipDenoiser.denoise_clip`; of a clip with nobody in it `{"denoised": [T, J, 3]}` alone.

    Returns:
        Counts: "frames", "joints" (T x J), "missing", "filled", "moved" (farther than `MOVED`), "exchanged" (frames in
        which left and right of the arms or the legs were), "touched" (frames with a joint filled, moved or exchanged).
        "bones": a dict for each bone with "bone", "length" (median, metres), and the spreads "before" and "after"
        (standard deviation over time, metres; NaN for a single frame).
    """
    denoised = result["denoised"]
    missing = ~np.isfinite(observed).all(-1)
    steps = np.linalg.norm(np.nan_to_num(denoised) - np.nan_to_num(observed), axis=-1)
    moved = (steps > MOVED) & ~missing & np.isfinite(denoised).all(-1)
    filled = missing & np.isfinite(denoised).all(-1)
    exchanged = _exchanged(observed, denoised, skeleton)
    lengths = [metrics.bone_lengths(poses, skeleton) for poses in (observed, denoised)]
    bones = []
    for at, (joint, above) in enumerate(skeleton.bones):
        before, after = (length[np.isfinite(length[:, at]), at] for length in lengths)
        bones.append(
            {
                "bone": f"{skeleton.joints[above]} - {skeleton.joints[joint]}",
                "length": float(np.median(after)) if len(after) else float("nan"),
                "before": float(np.std(before)) if len(before) > 1 else float("nan"),
                "after": float(np.std(after)) if len(after) > 1 else float("nan"),
            }
        )
    return {
        "frames": len(observed),
        "joints": missing.size,
        "missing": int(missing.sum()),
        "filled": int(filled.sum()),
        "moved": int(moved.sum()),
        "exchanged": int(exchanged.sum()),
        "touched": int(((moved | filled).any(1) | exchanged).sum()),
        "bones": bones,
    }


def total(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of several summaries; the spreads of bones are means, and lengths are left out."""
    counts = {key: sum(part[key] for part in summaries) for key in summaries[0] if key != "bones"}
    bones = []
    for parts in zip(*(part["bones"] for part in summaries)):
        means = {key: _mean([part[key] for part in parts]) for key in ("length", "before", "after")}
        bones.append({"bone": parts[0]["bone"], **means})
    return {**counts, "bones": bones}


def text(summarised: dict[str, Any]) -> str:
    """A table for a terminal."""
    rows = [
        ("frames", f"{summarised['frames']:,}, of which {summarised['touched']:,} touched"),
        ("joints missing", f"{summarised['missing']:,} of {summarised['joints']:,}, {summarised['filled']:,} filled"),
        (f"moved over {MOVED * 100:.0f} cm", f"{summarised['moved']:,}"),
        ("sides exchanged", f"in {summarised['exchanged']:,} frames"),
    ]
    lines = [f"  {name:<18} {value}" for name, value in rows]
    width = max(len(bone["bone"]) for bone in summarised["bones"])
    lines.append(f"  {'bone':<{width}}  length, cm  spread before, mm  after, mm")
    for bone in summarised["bones"]:
        length, before, after = bone["length"] * 100, bone["before"] * 1000, bone["after"] * 1000
        lines.append(f"  {bone['bone']:<{width}}  {length:>10.1f}  {before:>17.1f}  {after:>9.1f}")
    return "\n".join(lines)


def drawable(observed: np.ndarray, cleaned: np.ndarray) -> np.ndarray:
    """bool `[T]`: in which frames of both clips `[T, J, 3]` somebody is."""
    return np.isfinite(observed).all(-1).any(1) & np.isfinite(cleaned).all(-1).any(1)


def page(path: str | os.PathLike, title: str, clips: Sequence[dict[str, Any]]) -> None:
    """Writes one HTML page that needs nothing beside it: for each clip the numbers, curves over time and an animation.

    The animation begins where somebody is seen first; a clip in which nobody is has no pictures.

    Args:
        path: an .html file.
        title: of the page.
        clips: for each "name", "observed" and "result" as in `summary`, "skeleton", "rate", and optionally "notes".

    Raises:
        DataError: when it cannot be written.
    """
    from tfpose import plots

    parts = []
    for clip in clips:
        observed, result, skeleton = clip["observed"], clip["result"], clip["skeleton"]
        counts = summary(observed, result, skeleton)
        pictures = []
        seen = drawable(observed, result["denoised"])
        with tempfile.TemporaryDirectory() as folder:
            if "trust" in result and len(observed) > 1 and seen.any():
                curves = pathlib.Path(folder, "curves.png")
                plots.trajectories(curves, observed, result["denoised"], result["trust"], skeleton, rate=clip["rate"])
                pictures.append(_embedded(curves, "coordinates over time; what was missing or not trusted is shaded"))
            if seen.any():
                moving = pathlib.Path(folder, "clip.gif")
                short = slice(seen.argmax(), seen.argmax() + _SHOWN)
                plots.animate(moving, observed[short], result["denoised"][short], skeleton, rate=clip["rate"])
                pictures.append(_embedded(moving, "observed, and cleaned"))
        parts.append(_section(clip["name"], counts, clip.get("notes", ()), pictures))
    write_text(
        path,
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escaping.escape(title)}</title><style>{_STYLE}</style></head>\n<body><h1>{escaping.escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body></html>\n",
    )


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}
td.n,th.n{text-align:right}img{max-width:100%;display:block;margin:1rem 0}figcaption,.note{color:#666;font-size:.9rem}
"""


def _section(name: str, counts: dict, notes: Sequence[str], pictures: Sequence[str]) -> str:
    rows = "".join(
        f'<tr><td>{what}</td><td class="n">{counts[key]:,}</td></tr>'
        for key, what in {
            "frames": "frames",
            "touched": "frames touched",
            "missing": "joints missing",
            "filled": "joints filled",
            "moved": f"joints moved by more than {MOVED * 100:.0f} cm",
            "exchanged": "frames with left and right exchanged",
        }.items()
    )
    bones = "".join(
        f'<tr><td>{escaping.escape(bone["bone"])}</td><td class="n">{bone["length"] * 100:.1f}</td>'
        f'<td class="n">{bone["before"] * 1000:.1f}</td><td class="n">{bone["after"] * 1000:.1f}</td></tr>'
        for bone in counts["bones"]
    )
    said = "".join(f'<p class="note">{escaping.escape(note)}</p>' for note in notes)
    return (
        f"<h2>{escaping.escape(name)}</h2>{said}<table>{rows}</table>{''.join(pictures)}"
        '<table><tr><th>bone</th><th class="n">length, cm</th><th class="n">spread before, mm</th>'
        f'<th class="n">after, mm</th></tr>{bones}</table>'
    )


def _embedded(picture: pathlib.Path, caption: str) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    image = f'<img alt="{caption}" src="data:image/{picture.suffix[1:]};base64,{data}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _exchanged(observed: np.ndarray, denoised: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """`[T]` bool: whether the cleaned left of some limb is where its right was observed, and the other way round."""
    found = np.zeros(len(observed), bool)
    image = np.array(skeleton.mirror_joints)
    for limb in skeleton.limbs:
        joints = list(limb)
        same = np.linalg.norm(denoised[:, joints] - observed[:, joints], axis=-1).sum(-1)
        crossed = np.linalg.norm(denoised[:, joints] - observed[:, image[joints]], axis=-1).sum(-1)
        # Where the limbs are near to each other an exchange cannot be told, and does not matter.
        found |= (crossed < 0.5 * same) & (same > 0.05 * len(joints))
    return found


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
