"""Pictures: files appear whole, show what they say, and a failure leaves nothing behind."""

import itertools
import shutil

import matplotlib
import numpy as np
import pytest
from matplotlib import animation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from tfpose import plots
from tfpose.errors import DataError, TfposeError
from tfpose.plots.poses import upright
from tfpose.plots.style import RUNS
from tfpose.skeleton import Skeleton


def pixels_of(image, color: str) -> int:
    """How many pixels have this colour, near enough for a palette."""
    rgb = np.asarray(image.convert("RGB"), int)
    return int((np.abs(rgb - np.round(255 * np.array(to_rgb(color)))).max(-1) <= 12).sum())


def open_whole(path, kind: str) -> Image.Image:
    Image.open(path).verify()
    image = Image.open(path)
    image.load()
    assert image.format == kind
    return image


@pytest.fixture
def samples(standing_pose):
    """Three poses: truth, corrupted (a wrist far out), recovered (nearly right), and the mask of what was moved."""
    truth = np.tile(standing_pose, (3, 1, 1))
    corrupted, moved = truth.copy(), np.zeros(truth.shape[:2], bool)
    corrupted[:, 6] += [0.4, 0.3, 0.2]
    moved[:, 6] = True
    return truth, corrupted, truth + np.float32(0.01), moved


@pytest.fixture
def texts(monkeypatch):
    """Every text that is written on a figure."""
    written = []
    original = Figure.text

    def text(self, x, y, s, *args, **kwargs):
        written.append(s)
        return original(self, x, y, s, *args, **kwargs)

    monkeypatch.setattr(Figure, "text", text)
    return written


# --- one pose


def drawn_at(axes, points) -> np.ndarray:
    """Where data points lie on the picture, in pixels from its lower left."""
    from mpl_toolkits.mplot3d import proj3d

    x, y, _ = proj3d.proj_transform(*upright(np.asarray(points)).T, axes.get_proj())
    return axes.transData.transform(np.stack([x, y], -1))


@pytest.fixture
def axes():
    figure = Figure((4, 4))
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1), projection="3d")


def test_a_pose_stands_upright_with_its_left_on_the_viewers_right(axes, standing_pose, paper17):
    plots.frame(axes, standing_pose, paper17, azimuth=-90)  # from +z, where the person looks
    axes.figure.canvas.draw()
    at = dict(zip(paper17.joints, drawn_at(axes, standing_pose)))
    assert at["head"][1] > at["spine_base"][1] > at["ankle_left"][1]
    assert at["shoulder_left"][0] > at["head"][0] > at["shoulder_right"][0]
    everything = np.stack(list(at.values()))
    assert everything.min() > 0 and everything.max() < 400
    assert np.ptp(everything[:, 1]) > 300  # it fills the picture


def test_metres_are_as_long_in_all_directions(axes, standing_pose, paper17):
    cube = np.concatenate([np.zeros((1, 3)), np.eye(3)])
    plots.frame(axes, standing_pose, paper17, azimuth=30)
    axes.figure.canvas.draw()
    projection = drawn_at(axes, cube)[1:] - drawn_at(axes, cube)[0]
    # Of an orthographic picture the two rows are orthogonal and equally long exactly when the scale is one.
    gram = projection.T @ projection
    assert gram == pytest.approx(gram[0, 0] * np.eye(2), abs=1e-6 * gram[0, 0])


@pytest.mark.parametrize("turn", [0, 75, 160, 250])
def test_the_camera_stands_before_the_person_however_turned(axes, standing_pose, paper17, turn):
    a = np.radians(turn)
    rotation = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    turned = standing_pose @ rotation.T
    plots.frame(axes, turned, paper17)
    axes.figure.canvas.draw()
    left, right = drawn_at(axes, turned[[paper17.index("shoulder_left"), paper17.index("shoulder_right")]])
    assert left[0] > right[0] + 40


def test_left_is_full_and_filled_and_right_is_pale_and_hollow(axes, standing_pose, paper17):
    drawn = plots.draw_pose(axes, standing_pose, paper17, "#0000ff")
    bones = [line for line in drawn if line.get_linestyle() != "None"]
    joints = [line for line in drawn if line.get_linestyle() == "None"]
    right, middle, left = bones
    assert left.get_color() == middle.get_color() == "#0000ff"
    assert min(right.get_color()[:2]) > 0.4
    assert joints[2].get_markerfacecolor() == "#0000ff" and joints[0].get_markerfacecolor() == "white"
    assert len(joints[0].get_data_3d()[0]) == len(joints[2].get_data_3d()[0]) == 6
    drawn_bones = sum(len(line.get_data_3d()[0]) // 3 for line in bones)
    assert drawn_bones == len(paper17.bones)


def test_missing_joints_are_left_out(axes, standing_pose, paper17):
    standing_pose[6] = np.nan
    plots.frame(axes, standing_pose, paper17)
    assert plots.draw_pose(axes, standing_pose, paper17, "red")
    axes.figure.canvas.draw()


def test_of_a_pose_without_joints_nothing_is_drawn(axes, standing_pose, paper17):
    assert plots.draw_pose(axes, np.full_like(standing_pose, np.nan), paper17, "red") == []
    with pytest.raises(TfposeError, match=r"pose must be \[17, 3\]"):
        plots.draw_pose(axes, np.full((16, 3), np.nan), paper17, "red")


def test_a_rig_without_sides_is_drawn_too(tmp_path):
    chain = Skeleton("chain", ("a", "b", "c"), (-1, 0, 1))
    poses = np.array([[[0, 0, 0], [0, 1, 0], [0, 1, 1.0]]])
    plots.denoising_grid(tmp_path / "chain.png", poses, poses, poses, chain)
    open_whole(tmp_path / "chain.png", "PNG")


# --- the paper's figures


def test_denoising_grid_shows_all_three_roles(tmp_path, samples, paper17, texts):
    truth, corrupted, recovered, moved = samples
    path = tmp_path / "new" / "folder" / "grid.png"
    plots.denoising_grid(path, truth, corrupted, recovered, paper17, moved, titles=["one", "two", "three"])
    image = open_whole(path, "PNG")
    for color in (plots.TRUTH, plots.CORRUPTED, plots.RECOVERED):
        assert pixels_of(image, color) > 500
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    # 17 joints, one off by |(0.4, 0.3, 0.2)| m: 31.7 mm; after: sqrt(3) cm everywhere.
    assert texts.count("32 → 17 mm") == 3
    assert [t.replace("\N{NO-BREAK SPACE}", " ") for t in texts].count("6 wrist left") == 3
    assert "two" in texts


def test_denoising_grid_without_truth_says_how_much_was_changed(tmp_path, samples, paper17, texts):
    _, corrupted, _, _ = samples
    plots.denoising_grid(tmp_path / "grid.png", None, corrupted, corrupted + np.array([0, 0.1, 0]), paper17)
    image = open_whole(tmp_path / "grid.png", "PNG")
    assert pixels_of(image, plots.TRUTH) == 0
    assert pixels_of(image, plots.CORRUPTED) > 500 and pixels_of(image, plots.RECOVERED) > 500
    assert texts == ["changed by 100 mm"] * 3


def test_a_sample_without_any_joint_is_left_empty(tmp_path, samples, paper17, texts):
    observed = np.array(samples[1])
    observed[1] = np.nan
    plots.denoising_grid(tmp_path / "grid.png", None, observed, observed, paper17)
    open_whole(tmp_path / "grid.png", "PNG")
    assert texts == ["changed by 0 mm", "changed by ? mm", "changed by 0 mm"]


def test_moved_joints_are_ringed(tmp_path, samples, paper17):
    truth, corrupted, recovered, moved = samples
    red = []
    for mask in (moved[:1], None):
        plots.denoising_grid(tmp_path / "grid.png", truth[:1], corrupted[:1], recovered[:1], paper17, mask)
        red.append(pixels_of(open_whole(tmp_path / "grid.png", "PNG"), plots.CORRUPTED))
    assert red[0] > red[1] + 100


@pytest.mark.parametrize("number", [1, 2, 7, 13])
def test_any_number_of_samples_fits_the_page(tmp_path, standing_pose, paper17, number):
    poses = np.tile(standing_pose, (number, 1, 1))
    moved = np.zeros((number, 17), bool)
    moved[:, :5] = True
    plots.denoising_grid(tmp_path / "grid.png", poses, poses, poses, paper17, moved)
    rgb = np.asarray(open_whole(tmp_path / "grid.png", "PNG").convert("RGB"))
    for edge in (rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]):
        assert (edge == 255).all()  # nothing is cut


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_vector_formats(tmp_path, samples, paper17, suffix):
    truth, corrupted, recovered, _ = samples
    plots.denoising_grid(tmp_path / f"grid.{suffix}", truth, corrupted, recovered, paper17)
    start = (tmp_path / f"grid.{suffix}").read_bytes()[:200]
    assert start.startswith(b"%PDF") if suffix == "pdf" else b"<?xml" in start


def test_view_transfer_grid(tmp_path, standing_pose, paper17, texts):
    poses, views = np.tile(standing_pose, (2, 1, 1)), np.tile(standing_pose, (3, 1, 1))
    transferred = np.tile(standing_pose, (2, 3, 1, 1))
    plots.view_transfer_grid(tmp_path / "views.png", poses, views, transferred, paper17)
    image = open_whole(tmp_path / "views.png", "PNG")
    assert pixels_of(image, plots.RECOVERED) > 1000
    assert texts == ["the view of", "the pose of"]
    # The upper left corner, where neither a pose nor a view stands, is empty.
    corner = np.asarray(image.convert("RGB"))[: image.height // 4, : image.width // 4]
    assert (corner == 255).all()


def test_the_skeleton_model_names_every_joint_once(tmp_path, samples, standing_pose, paper17, texts):
    truth, corrupted, _, moved = samples
    plots.skeleton_model(tmp_path / "a.png", standing_pose, truth, corrupted, moved, paper17)
    image = open_whole(tmp_path / "a.png", "PNG")
    for color in (plots.TRUTH, plots.CORRUPTED, plots.RECOVERED):
        assert pixels_of(image, color) > 100
    for number, joint in enumerate(paper17.joints):
        assert texts.count(str(number)) == 1 and texts.count(joint.replace("_", " ")) == 1
    assert texts.count("1 moved") == 3


def test_the_sensors_skeleton_stands_over_the_recovered_one(tmp_path, samples, paper17, texts):
    _, corrupted, recovered, _ = samples
    plots.before_and_after(tmp_path / "a.png", corrupted, recovered, paper17, ["walk", "sit", "throw"])
    image = open_whole(tmp_path / "a.png", "PNG")
    width, height = image.size
    upper, lower = image.crop((0, 0, width, height // 2)), image.crop((0, height // 2, width, height))
    assert pixels_of(upper, plots.CORRUPTED) > 300 and not pixels_of(lower, plots.CORRUPTED)
    assert pixels_of(lower, plots.RECOVERED) > 300 and not pixels_of(upper, plots.RECOVERED)
    assert {"sensor", "recovered", "walk", "sit", "throw"} <= set(texts)
    with pytest.raises(TfposeError, match="titles must be one for each of the 3 samples, got 1"):
        plots.before_and_after(tmp_path / "a.png", corrupted, recovered, paper17, ["walk"])


def test_code_maps_colour_the_same_points_in_every_way(tmp_path):
    points = np.random.default_rng(0).normal(size=(200, 2))
    labels = {"side": ["left", "right"] * 100, "hour": [f"{i % 10} h" for i in range(200)]}
    plots.code_maps(tmp_path / "a.png", {"pose": points, "view": points[::-1]}, labels)
    image = open_whole(tmp_path / "a.png", "PNG")
    for color in ("#0b5cad", "#d55e00", "#332288", "#222222"):  # two of two, and the first and last of ten
        assert pixels_of(image, color) > 50
    with pytest.raises(TfposeError, match=r"map 'pose' must be \[N, 2\] with N 'side' labels, got \(200, 3\), 200"):
        plots.code_maps(tmp_path / "a.png", {"pose": np.zeros((200, 3))}, labels)


def test_training_curves(tmp_path):
    steps = np.arange(0, 4000, 10)
    loss = 3 * np.exp(-steps / 500) + 0.1
    measured = [float(v) if s % 400 == 0 else None for s, v in zip(steps, loss)]
    plots.training_curves(
        tmp_path / "curves.png",
        {"default": {"step": steps, "loss": loss, "mpjpe_mm": measured}, "paper": {"step": steps, "loss": 2 * loss}},
    )
    image = open_whole(tmp_path / "curves.png", "PNG")
    assert pixels_of(image, RUNS[0]) > 200 and pixels_of(image, RUNS[1]) > 200


def test_training_curves_take_a_keras_history(tmp_path):
    plots.training_curves(tmp_path / "keras.png", {"run": {"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, np.nan, np.nan]}})
    open_whole(tmp_path / "keras.png", "PNG")


def test_training_curves_refuse_what_cannot_be_drawn(tmp_path):
    with pytest.raises(TfposeError, match="run 'a': 'loss' has 3 values for 2 steps"):
        plots.training_curves(tmp_path / "x.png", {"a": {"step": [1, 2], "loss": [1, 2, 3]}})
    with pytest.raises(TfposeError, match="holds no quantity to draw"):
        plots.training_curves(tmp_path / "x.png", {"a": {"step": [1, 2]}})
    assert list(tmp_path.iterdir()) == []


# --- clips


@pytest.fixture
def clip(standing_pose):
    """Twelve frames of a person who sways; observed with a jumping wrist."""
    truth = np.tile(standing_pose, (12, 1, 1))
    truth[:, :, 0] += 0.1 * np.sin(np.arange(12))[:, None] * truth[:, :, 1]
    observed = truth.copy()
    observed[::3, 6] += 0.3
    return truth, observed


def durations(path) -> list[int]:
    """How long each frame is shown, in ms."""
    image = Image.open(path)
    shown = []
    for i in range(image.n_frames):
        image.seek(i)
        shown.append(image.info["duration"])
    return shown


def frames_of(path) -> list[Image.Image]:
    image = Image.open(path)
    frames = []
    for i in range(image.n_frames):
        image.seek(i)
        frames.append(image.convert("RGB"))
    return frames


def test_gif_has_a_picture_for_every_frame(tmp_path, clip, paper17):
    truth, observed = clip
    plots.animate(tmp_path / "clip.gif", observed, truth, paper17, truth=truth, rate=15)
    assert open_whole(tmp_path / "clip.gif", "GIF").info["loop"] == 0
    frames = frames_of(tmp_path / "clip.gif")
    assert len(frames) == 12
    for color in (plots.TRUTH, plots.CORRUPTED, plots.RECOVERED):
        assert pixels_of(frames[0], color) > 100
    assert frames[0].getpixel((0, 0)) == (255, 255, 255)
    assert any(np.any(np.asarray(a) != np.asarray(b)) for a, b in itertools.pairwise(frames))
    assert (tmp_path / "clip.gif").stat().st_size < 12 * 25_000


@pytest.mark.parametrize(("rate", "frames"), [(12, 12), (30, 12), (50, 6), (100, 3)])
def test_gif_runs_in_real_time(tmp_path, clip, paper17, rate, frames):
    truth, observed = clip
    plots.animate(tmp_path / "clip.gif", observed, truth, paper17, rate=rate)
    shown = durations(tmp_path / "clip.gif")
    assert len(shown) == frames
    assert min(shown) >= 20  # browsers slow down what is faster
    assert sum(shown) == pytest.approx(1000 * 12 / rate, abs=5)  # GIF counts in 10 ms


def test_a_clip_where_nothing_moves_keeps_its_length(tmp_path, standing_pose, paper17):
    still = np.tile(standing_pose, (5, 1, 1))
    plots.animate(tmp_path / "still.gif", still, still, paper17, rate=10)
    assert sum(durations(tmp_path / "still.gif")) == 500


def test_one_wild_frame_does_not_shrink_the_clip(tmp_path, standing_pose, paper17):
    calm = np.tile(standing_pose, (15, 1, 1))
    wild = calm.copy()
    wild[7, 6] = [50, 50, 50]
    plots.animate(tmp_path / "calm.gif", calm, calm, paper17, rate=20)
    plots.animate(tmp_path / "wild.gif", wild, calm, paper17, rate=20)
    blue = [pixels_of(Image.open(tmp_path / f"{name}.gif"), plots.RECOVERED) for name in ("calm", "wild")]
    assert blue[1] == pytest.approx(blue[0], rel=0.1)


def test_a_walking_person_and_missing_joints(tmp_path, clip, paper17):
    truth, observed = clip
    way = np.linspace(0, 4, 12)[:, None, None] * [1, 0, 0]
    observed[3, 9] = np.nan
    plots.animate(tmp_path / "walk.gif", observed + way, truth + way, paper17, rate=15)
    assert Image.open(tmp_path / "walk.gif").n_frames == 12
    observed[[0, 5]] = truth[[0, 1]] = np.nan  # nobody
    plots.animate(tmp_path / "walk.gif", observed, truth, paper17, rate=15)
    assert Image.open(tmp_path / "walk.gif").n_frames == 12


def test_mp4_without_ffmpeg_says_what_to_do(tmp_path, clip, paper17, monkeypatch):
    monkeypatch.setattr(animation.FFMpegWriter, "isAvailable", lambda: False)
    with pytest.raises(TfposeError, match=r"clip\.mp4: writing \.mp4 needs the program ffmpeg.*or use \.gif"):
        plots.animate(tmp_path / "clip.mp4", *clip, paper17)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ffmpeg(monkeypatch):
    """Makes matplotlib take another program for ffmpeg."""
    return lambda path: monkeypatch.setitem(matplotlib.rcParams, "animation.ffmpeg_path", str(path))


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("echo first >&2; echo the disk is full >&2; exit 1", "ffmpeg: the disk is full"),
        ("exit 0", "wrote 0 of 12 frames"),
    ],
)
def test_an_mp4_that_ffmpeg_did_not_finish_is_no_file(tmp_path, clip, paper17, ffmpeg, end, says):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{end}\n")
    program.chmod(0o755)
    ffmpeg(program)
    with pytest.raises(DataError, match=rf"clip\.mp4: cannot be written \(OSError: .*{says}") as caught:
        plots.animate(tmp_path / "clip.mp4", *clip, paper17)
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == [program]


def test_mp4(tmp_path, clip, paper17, ffmpeg):
    ffmpeg(shutil.which("ffmpeg") or pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe())
    plots.animate(tmp_path / "clip.mp4", *clip, paper17)
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


# --- what is refused, and what a failure leaves


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"corrupted": np.zeros((3, 16, 3))},
            r"corrupted must be \[N, 17, 3\] for skeleton 'paper17', got \[3, 16, 3\]",
        ),
        (
            {"recovered": np.zeros((2, 17, 3))},
            r"recovered must be \[3, 17, 3\] for skeleton 'paper17', got \[2, 17, 3\]",
        ),
        ({"truth": np.zeros((17, 3))}, r"truth must be \[3, 17, 3\] for skeleton 'paper17', got \[17, 3\]"),
        ({"moved": np.zeros((3, 16), bool)}, r"moved must be \[N, J\] = \(3, 17\), got \(3, 16\)"),
        ({"titles": ["one"]}, "titles must be one for each of the 3 samples, got 1"),
        ({"corrupted": np.full((3, 17, 3), np.nan)}, "corrupted holds no finite coordinate"),
        ({"path": "grid.jpg"}, r"grid\.jpg: a picture is written as \.png, \.svg or \.pdf, not '\.jpg'"),
    ],
)
def test_grid_refuses(tmp_path, samples, paper17, change, message):
    truth, corrupted, recovered, moved = samples
    given = {"path": "grid.png", "truth": truth, "corrupted": corrupted, "recovered": recovered, "moved": moved}
    given = {**given, "skeleton": paper17, **change}
    given["path"] = tmp_path / given["path"]
    with pytest.raises(TfposeError, match=message):
        plots.denoising_grid(**given)
    assert list(tmp_path.iterdir()) == []


def test_view_transfer_grid_refuses_a_table_of_the_wrong_size(tmp_path, standing_pose, paper17):
    two = np.tile(standing_pose, (2, 1, 1))
    with pytest.raises(TfposeError, match=r"transferred must be \[2, 2, 17, 3\] .* got \[2, 3, 17, 3\]"):
        plots.view_transfer_grid(tmp_path / "v.png", two, two, np.zeros((2, 3, 17, 3)), paper17)


@pytest.mark.parametrize(
    ("name", "rate", "message"),
    [
        ("clip.avi", 30, r"clip\.avi: an animation is written as \.gif or \.mp4, not '\.avi'"),
        ("clip.gif", 0, "rate must be a positive number of frames per second, got 0"),
        ("clip.gif", float("nan"), "rate must be a positive number"),
    ],
)
def test_animate_refuses(tmp_path, clip, paper17, name, rate, message):
    with pytest.raises(TfposeError, match=message):
        plots.animate(tmp_path / name, *clip, paper17, rate=rate)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_keeps_the_old_file_and_nothing_else(tmp_path, samples, clip, paper17, monkeypatch):
    truth, corrupted, recovered, _ = samples
    for name in ("old.png", "old.gif"):
        (tmp_path / name).write_bytes(b"what was there before")

    def half_written(self, path, *args, **kwargs):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Figure, "savefig", half_written)
    monkeypatch.setattr(Image.Image, "save", half_written)
    with pytest.raises(TfposeError, match="no space left"):
        plots.denoising_grid(tmp_path / "old.png", truth, corrupted, recovered, paper17)
    with pytest.raises(TfposeError, match="no space left"):
        plots.animate(tmp_path / "old.gif", *clip, paper17)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old.gif", "old.png"]
    assert all(p.read_bytes() == b"what was there before" for p in tmp_path.iterdir())


def test_a_new_picture_replaces_the_old_one(tmp_path, samples, paper17):
    truth, corrupted, recovered, _ = samples
    (tmp_path / "grid.png").write_bytes(b"old")
    plots.denoising_grid(tmp_path / "grid.png", truth, corrupted, recovered, paper17)
    open_whole(tmp_path / "grid.png", "PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["grid.png"]


def test_trajectories(tmp_path, standing_pose, paper17):
    clip = np.tile(standing_pose, (20, 1, 1))
    noisy, trust = clip.copy(), np.ones((20, 17))
    noisy[5:9, 6], trust[5:9, 6], trust[12:15, 12] = np.nan, 0.0, 0.1
    path = tmp_path / "curves.png"
    plots.trajectories(path, noisy, clip, trust, paper17, truth=clip)
    with Image.open(path) as image:
        tall = image.size[1]
    plots.trajectories(path, noisy, clip, trust, paper17, joints=["wrist_left"])
    with Image.open(path) as image:
        assert image.size[1] < tall / 2
    recovered = clip.copy()
    recovered[:, 6] = noisy[:, 6] = np.nan  # never there
    plots.trajectories(path, noisy, recovered, trust, paper17, joints=["wrist_left"])
    plots.trajectories(path, noisy, recovered, trust, paper17)
    with pytest.raises(TfposeError, match=r"trust: expected \[20, 17\], got \[20\]"):
        plots.trajectories(path, noisy, clip, trust[:, 0], paper17)
