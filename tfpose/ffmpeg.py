"""Checks that a video is complete: programs that write through ffmpeg do not notice when it fails at the end."""

from __future__ import annotations

import os
import re
import subprocess


def check_whole(program: str | os.PathLike, path: str | os.PathLike, frames: int):
    """Counts the frames of a video by an ffmpeg.

    Args:
        program: ffmpeg.
        path: the video.
        frames: how many were to be written.

    Raises:
        OSError: when it has another number, or is no video.
    """
    command = [program, "-i", str(path), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace").stderr
    held = int((re.findall(r"frame= *(\d+)", said) or [0])[-1])
    if held != frames:
        raise OSError(f"ffmpeg wrote {held} of {frames} frames; is the disk full?")
