"""Videos as frames, by the ffmpeg that imageio-ffmpeg brings."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator

import numpy as np

from tfpose.errors import DataError, TfposeError
from tfpose.ffmpeg import check_whole
from tfpose.files import atomic_write

SUFFIX = ".mp4"
"""What the name of a video that is written ends in."""


class Video:
    """The frames of a video one by one, turned upright as its player turns them.

    Args:
        path: a file that ffmpeg reads.

    Attributes:
        path: the file.
        size: width and height in pixels.
        rate: frames per second; where they vary, frames are repeated or left out to keep to this rate.
        about: how many frames there are, by the duration; None where the file does not say.

    Raises:
        DataError: when there is no such file or it is no video.
        TfposeError: when imageio-ffmpeg is not installed.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        if not self.path.is_file():
            raise DataError(f"{path}: no such file; expected a video")
        with self._blame():
            self._frames = _ffmpeg().read_frames(str(self.path))
            facts = next(self._frames)
        self.size, self.rate = facts["size"], float(facts["fps"])
        if not self.rate > 0:
            raise DataError(f"{path}: does not say how many frames per second it has")
        self.about = round(facts["duration"] * self.rate) or None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Each frame `[height, width, 3]` uint8, RGB; once."""
        width, height = self.size
        with self._blame():
            for frame in self._frames:
                yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)

    def close(self):
        """Ends ffmpeg, also in the middle of the video."""
        self._frames.close()

    @contextlib.contextmanager
    def _blame(self):
        """Turns what ffmpeg says into one line: the last of its log."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            log = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise DataError(f"{self.path}: not a video that ffmpeg reads: {log[-1][:200] if log else error}") from error


@contextlib.contextmanager
def writing(path: str | os.PathLike, size: tuple[int, int], rate: float) -> Iterator[Callable]:
    """Writes a video whole or not at all: gives a function that takes the next frame `[height, width, 3]` uint8, RGB.

    Args:
        path: an .mp4 file.
        size: width and height in pixels; where one is odd, the last column or row is left out, as the codec needs it.
        rate: frames per second.

    Raises:
        DataError: for another ending, or when the file does not hold every frame at the end.
    """
    check_name(path)
    width, height = (2 * (length // 2) for length in size)
    with atomic_write(path) as unfinished:
        writer = _ffmpeg().write_frames(str(unfinished), (width, height), fps=rate, macro_block_size=2)
        frames = 0

        def add(frame: np.ndarray):
            nonlocal frames
            writer.send(np.ascontiguousarray(frame[:height, :width]))
            frames += 1

        with contextlib.closing(writer):
            writer.send(None)
            yield add
        check_whole(_ffmpeg().get_ffmpeg_exe(), unfinished, frames)


def check_name(path: str | os.PathLike):
    """Refuses a name that `writing` does not take, with a `DataError`."""
    if pathlib.Path(path).suffix.lower() != SUFFIX:
        raise DataError(f"{path}: the name of a video to write must end in {SUFFIX}")


def _ffmpeg():
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise TfposeError("imageio-ffmpeg is not installed. Run: pip install 'tfpose[video]'") from error
    return imageio_ffmpeg
