"""Damaged files of every format of clips: clips, or one line that names the file."""

import tally
import test_damage


def test_clips_of_every_format(tmp_path, times):
    counts = test_damage.attack(tmp_path, 10 * times, seed=7)
    tally.count("files", "clips of every format, damaged", counts)
