"""Tracking in videos, made of `person.png`: cut from the picture of samples in the npm package @vladmandic/human 3.3.6
(MIT licence). `person.json` is what MediaPipe 0.10.21 itself finds in it: its full pose model, static image mode."""

import functools
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image

from tfpose import cli
from tfpose.errors import DataError, TfposeError
from tfpose.formats import trc as trc_format
from tfpose.skeleton import Skeleton
from tfpose.video import frames, landmarker, track

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="pip install 'tfpose[video]'")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mediapipe") is None, reason=f"pip install --no-deps {landmarker.PACKAGE}"
)
HERE = pathlib.Path(__file__).parent
SKELETON = Skeleton.load("blazepose33")
SIZE, RATE, EMPTY, FRAMES = 320, 25, 3, 15
GREY = 230


def person(size: int = SIZE) -> Image.Image:
    return Image.open(HERE / "person.png").convert("RGB").resize((size, size), Image.Resampling.BICUBIC)


def write(path: pathlib.Path, frames) -> pathlib.Path:
    frames = [np.ascontiguousarray(frame) for frame in frames]
    writer = imageio_ffmpeg.write_frames(str(path), frames[0].shape[1::-1], fps=RATE, macro_block_size=2)
    writer.send(None)
    for frame in frames:
        writer.send(frame)
    writer.close()
    return path


def read(path: pathlib.Path) -> np.ndarray:
    frames = imageio_ffmpeg.read_frames(str(path))
    width, height = next(frames)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in frames])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def swaying(folder):
    """Nobody for `EMPTY` frames, then somebody who leans to one side and the other."""
    picture, empty = person(), np.full((SIZE, SIZE, 3), GREY, np.uint8)
    lean = [8 * np.sin(frame / 2) for frame in range(FRAMES - EMPTY)]
    turned = [picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=(GREY,) * 3) for angle in lean]
    return write(folder / "swaying.mp4", [empty] * EMPTY + turned)


@pytest.fixture(scope="module")
def pair(folder):
    """A larger person on the left, and the same one smaller and as in a mirror on the right."""
    canvas = Image.new("RGB", (600, 320), (GREY,) * 3)
    canvas.paste(person(320), (0, 0))
    canvas.paste(person(240).transpose(Image.Transpose.FLIP_LEFT_RIGHT), (350, 70))
    return write(folder / "pair.mp4", [canvas] * 3)


def test_landmarks_are_those_of_mediapipe():
    picture = np.asarray(Image.open(HERE / "person.png").convert("RGB"))
    wanted = {name: np.array(values) for name, values in json.loads((HERE / "person.json").read_text()).items()}
    model = landmarker.Landmarker()
    (region,) = model.detect(picture)
    pose = model.pose(picture, region)
    assert np.linalg.norm(pose.world - wanted["world"], axis=-1).max() < 0.015  # metres
    assert np.linalg.norm(pose.picture - wanted["picture"], axis=-1).max() < 2  # pixels of 156
    np.testing.assert_allclose(pose.visibility, wanted["visibility"], atol=0.03)


def test_a_clip_in_metres_with_y_up(swaying):
    clip = track(swaying)
    assert (len(clip), clip.rate, clip.skeleton, clip.source) == (FRAMES, RATE, SKELETON, str(swaying))
    assert clip.missing[:EMPTY].all() and not clip.missing[EMPTY:].any()
    found = dict(zip(SKELETON.joints, clip.positions[EMPTY:].mean(0)))
    assert found["nose"][1] > 0.5 and found["ankle_left"][1] < -0.6
    assert found["nose"][2] > found["ear_left"][2]  # looks at the camera
    assert found["wrist_left"][0] > 0.3 and found["wrist_right"][0] < -0.3  # so her left is on the right
    assert 0.2 < np.linalg.norm(found["shoulder_left"] - found["shoulder_right"]) < 0.45
    # As she leans on the picture, so she does in the clip.
    head = clip.positions[EMPTY:, SKELETON.index("nose")]
    lean = np.degrees(np.arctan2(-head[:, 0], head[:, 1]))
    assert np.corrcoef(lean, 8 * np.sin(np.arange(FRAMES - EMPTY) / 2))[0, 1] > 0.95


def test_a_video_that_is_stored_on_its_side_is_upright(folder):
    """As phones store them; with an odd number of columns, which codecs of .mp4 files do not take."""
    canvas = Image.new("RGB", (333, 400), (GREY,) * 3)
    canvas.paste(person(), (6, 40))
    lying, tagged, drawn = (folder / name for name in ("lying.mkv", "tagged.mkv", "upright.mp4"))
    canvas.transpose(Image.Transpose.ROTATE_90).save(folder / "lying.png")
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"]
    subprocess.run([*ffmpeg, "-i", folder / "lying.png", "-c:v", "ffv1", lying], check=True)
    subprocess.run([*ffmpeg, "-display_rotation", "-90", "-i", lying, "-c", "copy", tagged], check=True)
    clip = track(tagged, draw=drawn)
    assert clip.positions[0, SKELETON.index("nose"), 1] > 0.5
    assert read(drawn).shape[1:3] == (400, 332)


def test_hidden_joints_are_missing(folder):
    clip = track(write(folder / "half.mp4", [person().crop((0, 0, SIZE, 150))] * 3))
    missing = dict(zip(SKELETON.joints, clip.missing.all(0)))
    assert missing["ankle_left"] and missing["ankle_right"]
    assert not missing["nose"] and not missing["shoulder_left"]


def test_several_people_by_size(pair):
    larger, smaller = (track(pair, person=number).positions[0] for number in (0, 1))
    mirrored = smaller[list(SKELETON.mirror_joints)] * (-1, 1, 1)
    assert np.linalg.norm(larger - mirrored, axis=-1).mean() < 0.08
    assert np.linalg.norm(larger - smaller, axis=-1).mean() > 0.08
    with pytest.raises(DataError, match=r"no person 2 .* found in 3 frames"):
        track(pair, person=2)


def test_the_skeleton_is_drawn_where_the_joints_are(swaying, folder):
    drawn = folder / "drawn.mp4"
    track(swaying, draw=drawn)
    before, after = read(swaying).astype(int), read(drawn).astype(int)
    assert after.shape == before.shape == (FRAMES, SIZE, SIZE, 3)
    changed = np.abs(after - before).max(-1) > 60
    assert not changed[:EMPTY].any()
    wanted = np.array(json.loads((HERE / "person.json").read_text())["picture"]) * SIZE / 156
    for joint in ("elbow_left", "wrist_right", "knee_left"):  # upright in the first frame with somebody
        x, y = wanted[SKELETON.index(joint)].round().astype(int)
        assert changed[EMPTY, y - 2 : y + 3, x - 2 : x + 3].any(), joint
    assert changed[EMPTY].mean() < 0.1


def test_errors_are_one_line(folder):
    text = folder / "text.mp4"
    text.write_text("no video\n" * 100)
    nobody = write(folder / "nobody.mp4", [np.full((64, 64, 3), GREY, np.uint8)] * 4)
    for path, says in (
        (folder / "gone.mp4", "no such file"),
        (text, "not a video that ffmpeg reads"),
        (nobody, "nobody found in 4 frames"),
    ):
        with pytest.raises(DataError, match=f"^{path}: {says}") as caught:
            track(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"must end in \.mp4"):
        track(nobody, draw=folder / "drawn.avi")
    with pytest.raises(DataError, match="into itself"):
        track(nobody, draw=nobody)
    with pytest.raises(TfposeError, match="person"):
        track(nobody, person=-1)
    assert not list(folder.glob(".*"))  # nothing unfinished stays


def test_a_video_that_ffmpeg_did_not_finish_is_no_file(folder, monkeypatch):
    frame = np.full((64, 64, 3), GREY, np.uint8)
    cut = functools.partial(imageio_ffmpeg.write_frames, output_params=["-vf", "select=lt(n\\,2)"])
    for make, says in ((imageio_ffmpeg.write_frames, None), (cut, "ffmpeg wrote 2 of 5 frames")):
        monkeypatch.setattr(imageio_ffmpeg, "write_frames", make)
        path = folder / f"cut_{bool(says)}.mp4"
        caught = pytest.raises(DataError, match=rf"^{path}: cannot be written .*{says}") if says else nullcontext()
        with caught, frames.writing(path, (64, 64), 23.976) as add:
            for _ in range(5):
                add(frame)
        assert path.exists() == (not says)
    assert not list(folder.glob(".*"))


def test_without_the_extra_it_says_what_to_install(monkeypatch, swaying):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(TfposeError, match=r"pip install 'tfpose\[video\]'"):
        track(swaying)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TfposeError, match=f"pip install --no-deps {re.escape(landmarker.PACKAGE)}"):
        landmarker.Landmarker()


@pytest.mark.slow
def test_the_command(swaying, folder, capsys):
    out, drawn = folder / "clean.npz", folder / "of_command.mp4"
    assert cli.main(["track", str(swaying), f"--out={out}", f"--draw={drawn}", "--skeleton_out=model"]) == 0
    said = capsys.readouterr().out
    assert f"{swaying}: 15 frames at 25 per second, the person in 12, 0% of the joints hidden -> {out}" in said
    skeleton, raw = Skeleton.load("paper17"), track(swaying).to(Skeleton.load("paper17")).positions
    with np.load(out) as file:
        assert list(file["joints"]) == list(skeleton.joints)
        positions, trust, filled = file["positions"], file["trust"], file["filled"]
    assert np.isnan(positions[:EMPTY]).all() and (trust[:EMPTY] == 0).all() and not filled[:EMPTY].any()
    assert np.linalg.norm(positions[EMPTY:] - raw[EMPTY:], axis=-1).mean() < 0.05
    assert len(read(drawn)) == FRAMES

    trc = folder / "clean.trc"  # all landmarks
    assert cli.main(["track", str(swaying), f"--out={trc}"]) == 0
    (clip,) = trc_format.read_file(trc)
    assert clip.skeleton == Skeleton.load("blazepose33") and clip.rate == 25
    np.testing.assert_allclose(clip.to(skeleton).positions[EMPTY:], positions[EMPTY:], atol=0.006)

    assert cli.main(["track", str(swaying), "--out=clean.bvh2"]) == 1
    assert cli.main(["track", str(folder / "gone.mp4"), f"--out={out}"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert any("clean.bvh2: the name must end in" in line for line in said)
    assert any("gone.mp4: no such file" in line for line in said)
