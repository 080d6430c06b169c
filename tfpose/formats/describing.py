"""What a file of clips holds, and what is known of its joints."""

from __future__ import annotations

from typing import Any

from tfpose.formats.clip import Clip
from tfpose.skeleton import Skeleton


def describe(clip: Clip, target: Skeleton) -> dict[str, Any]:
    """What a clip holds, and from which of its joints those of `target` come.

    Returns:
        "source", "format", "frames", "rate", "unit" (metres), "up", "mirrored", "missing" (a share), "notes"; "joints":
        the file's name -> the vocabulary's, None where it is not known; "target": joint of `target` -> a list of the
        file's names, empty where it cannot be made.
    """
    skeleton, origin = clip.skeleton, clip.origin
    vocabulary = {joint for name in Skeleton.names() for joint in Skeleton.load(name).joints}
    made = {}
    for joint in target.joints:
        rule = {joint: 1.0} if joint in skeleton.joints else skeleton.derived.get(joint, {})
        made[joint] = [skeleton.native.get(part, part) for part in rule]
    return {
        "source": clip.source,
        "format": origin.format if origin else None,
        "frames": len(clip),
        "rate": clip.rate,
        "unit": origin.unit if origin else 1.0,
        "up": origin.up if origin else "y",
        "mirrored": bool(origin and origin.mirrored),
        "missing": float(clip.missing.mean()),
        "notes": list(clip.notes),
        "joints": {name: joint if joint in vocabulary else None for name, joint in zip(clip.names, skeleton.joints)},
        "target": made,
    }


def text(described: dict[str, Any]) -> str:
    """The same for a terminal."""
    rate = f"{described['rate']:.5g} Hz" if described["rate"] else "rate not said"
    axes = f"{described['up']} up" + (", mirrored" if described["mirrored"] else "")
    lines = [
        described["source"],
        f"  {described['frames']:,} frames, {rate}, 1 unit = {described['unit']:.4g} m, {axes}, "
        f"{described['missing']:.1%} of the joints missing",
        *(f"  note: {note}" for note in described["notes"]),
        "  joints of the model, and what they come from:",
    ]
    width = max(map(len, described["target"]))
    for joint, parts in described["target"].items():
        lines.append(f"    {joint:<{width}}  {' + '.join(parts) or 'MISSING'}")
    others = [name for name, joint in described["joints"].items() if joint is None]
    if others:
        lines.append(f"  joints that are not known, and move with the bone they hang on: {', '.join(others)}")
    lacking = [joint for joint, parts in described["target"].items() if not parts]
    if lacking:
        lines.append(
            f"  {len(lacking)} joints are missing: say what the file calls them with --map, a JSON file such as "
            f'{{"{lacking[0]}": "NAME"}}'
        )
    return "\n".join(lines)
