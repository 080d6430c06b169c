"""The command: help, wrong calls, and each subcommand from end to end on files made up here."""

import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfpose import cleaning, cli, presets
from tfpose.cli import common, demo
from tfpose.errors import TfposeError
from tfpose.formats import arrays, bvh, read, tables
from tfpose.formats.axes import from_y_up
from tfpose.formats.clip import Clip
from tfpose.formats.recording import Options
from tfpose.skeleton import Skeleton
from tfpose.trainers.configs import default


@pytest.fixture
def call(capsys):
    """Runs the command: `(status, stdout, stderr)`."""

    def run(*argv):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in argv])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def walk(standing_pose) -> np.ndarray:
    """Seven frames of somebody who sways."""
    poses = np.tile(standing_pose, (7, 1, 1))
    poses[:, :, 0] += 0.05 * np.sin(np.arange(7))[:, None] * poses[:, :, 1]
    return poses


def everything(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- help and wrong calls


def test_the_console_script_is_main():
    (script,) = (entry for entry in importlib.metadata.entry_points(group="console_scripts") if entry.name == "tfpose")
    assert script.load() is cli.main


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_the_commands(call, argv):
    status, out, err = call(*argv)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: tfpose COMMAND [flags]")
    for name in ("demo", "pretrain", "evaluate", "denoise", "export", "inspect"):
        assert re.search(rf"^  {name} +\w", out, re.MULTILINE)


def test_presets_are_listed(call):
    status, out, _ = call("presets")
    assert status == 0 and [line.split(":")[0] for line in out.splitlines()] == list(presets.NAMES)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_flags(call, shell):
    status, out, _ = call("completion", shell)
    assert status == 0
    for word in (*cli.COMMANDS, "most_poses", "workdir"):
        assert word in out
    if shell == "bash":
        program = f"{out}\nCOMP_WORDS=(tfpose evaluate --see); COMP_CWORD=2; _tfpose; echo ${{COMPREPLY[@]}}"
        run = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        assert run.stdout == "--seeds\n"
    assert call("completion", "tcsh")[0] == 2


def test_version(call):
    assert call("--version") == (0, f"{importlib.metadata.version('tfpose')}\n", "")


def test_help_does_not_wait_for_tensorflow():
    """In a process of its own, as a user calls it."""
    script = """
import sys, time
from tfpose import cli
for name in cli.COMMANDS:
    assert cli.main([name, "--help"]) == 0
assert not {"tensorflow", "keras", "matplotlib"} & set(sys.modules), "help imports too much"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself_with_an_example(call, name):
    status, out, err = call(name, "--help")
    assert (status, err) == (0, "")
    about, _, options = out.partition("\nFlags:\n")
    assert re.search(rf"^ *tfpose {name}\b.*\S", about, re.MULTILINE), about
    example = next(line for line in about.splitlines() if line.strip().startswith(f"tfpose {name}"))
    known = set(re.findall(r"^ +--(?:\[no\])?(\w+):", options, re.MULTILINE))
    used = set(re.findall(r"--(\w+)", example))
    assert used <= known, f"the example uses flags that there are not: {used - known}"
    assert "absl" not in out and "flagfile" not in out


def test_an_unknown_command_is_a_wrong_call(call):
    status, out, err = call("denoize")
    assert (status, out) == (2, "")
    assert err.startswith("tfpose: no command 'denoize'\n") and "Usage: tfpose COMMAND" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["denoise", "x.npz", "--model=m", "--out=o.npz", "--nope"], "Unknown command line flag 'nope'"),
        (["denoise", "x.npz"], "Flag --out must have a value"),
        (["denoise", "--model=m", "--out=o.npz"], "expected INPUT, got nothing"),
        (["denoise", "a", "b", "--model=m", "--out=o.npz"], "expected INPUT, got a b"),
        (["evaluate", "--model=m"], "expected EVALUATOR, got nothing"),
        (["evaluate", "walking", "--model=m"], "no evaluator 'walking'; there are"),
        (["evaluate", "denoise", "--model=m", "--views=sideways"], "flag --views=sideways"),
        (["evaluate", "denoise", "--model=m", "--seeds=one"], "--seeds=one: expected whole numbers"),
        (["evaluate", "denoise", "--model=m", "--features=code"], "denoise knows no --features; leave it out"),
        (["evaluate", "lift", "--model=m", "--most_poses=3"], "lift knows no --most_poses; leave it out"),
        (["evaluate", "denoise", "--model=m", "--most_poses=0"], "flag --most_poses=0"),
        (["evaluate", "denoise", "--model=m", "--seeds="], "--seeds is empty; expected whole numbers"),
        (["denoise", "x.npz", "--model=m", "--out=o.npz", "--clip_format=wav"], "flag --clip_format=wav"),
        (["demo", "--train", "--steps=0"], "flag --steps=0"),
        (["export", "--model=m"], "Flag --out must have a value"),
        (
            ["export", "--model=m", "--out=o", "--format=serving,keras"],
            "--format: no format keras; there are saved_model",
        ),
        (["export", "--model=m", "--out=o", "--format="], "no format given"),
        (["export", "--model=m", "--out=o", "--version=2"], "--name, --version, --compiled and --lite are of"),
        (["export", "--model=m", "--out=o", "--compiled"], "--name, --version, --compiled and --lite are of"),
        (["inspect"], "expected FILE, got nothing"),
        (["pretrain", "extra"], "expected no positional arguments, got extra"),
        (["pretrain", "--config.stepz=3"], "--config has no such setting: 'stepz' Did you mean \"steps\""),
        (["pretrain", "--config=paper", "--config.loss.nope=3"], "--config has no such setting: 'nope'"),
        (["pretrain", "--config.steps.deep=3"], "--config has no such setting: "),
        (["pretrain", "--config.steps=many"], "flag --config.steps=many"),
        (["pretrain", "--evaluators=denoise,clips"], "--evaluators=clips: is not for the model that is pretrained"),
    ],
)
def test_wrong_calls_end_with_2_and_one_message(call, argv, message):
    status, out, err = call(*argv)
    assert (status, out) == (2, "")
    first, *rest = err.splitlines()
    assert first.startswith(f"tfpose {argv[0]}: ") and message in first
    assert rest[-1] == f"See: tfpose {argv[0]} --help" and len(rest) <= 2


@pytest.mark.parametrize(
    "argv",
    [
        ["denoise", "x.npz", "--out=o.npz"],
        ["evaluate", "denoise", "--data=synthetic"],
        ["export", "--out=artifacts", "--data=synthetic"],
    ],
)
def test_a_missing_model_is_named(call, tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    for model, file in (("nowhere", "nowhere"), ("empty", "empty/model.keras")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        status, out, err = call(*argv, f"--model={model}")
        assert (status, out) == (1, "")
        assert err.startswith(f"tfpose {argv[0]}: {file}: no such file; expected a model") and err.count("\n") == 1
    assert everything(tmp_path) == {}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--config=nope"], "--config=nope: there is no such file; it is a file or one of classify, "),
        (["--data=nope"], "nope: neither a file or folder nor one of the data sets synthetic, cmu"),
        (["--data=cmu", "--data_dir=/nowhere"], "/nowhere/cmu: no such folder"),
        (["--data=synthetic", "--model_skeleton=nope"], "no skeleton 'nope'"),
    ],
)
def test_bad_input_of_pretrain_ends_with_1_and_one_message(call, tmp_path, argv, message):
    status, _, err = call("pretrain", *argv, f"--workdir={tmp_path / 'run'}")
    assert status == 1
    assert err.startswith(f"tfpose pretrain: {message}") and err.count("\n") == 1
    assert everything(tmp_path) == {}


def test_recognition_is_not_learned_from_one_action(call, data_dir, tmp_path):
    argv = ("--config.model.features=relative", "--data=ntu", f"--data_dir={data_dir}", f"--workdir={tmp_path / 'run'}")
    status, _, err = call("classify", *argv)
    assert status == 1 and err.count("\n") == 1
    assert err.startswith("tfpose classify: ntu/train: all of its training clips show hand waving")
    assert everything(tmp_path) == {}


def test_a_table_in_the_place_of_the_numbers_is_refused_before_anything_is_measured(call):
    status, out, err = call("evaluate", "denoise", "--model=nowhere", "--out=r.md")
    assert (status, out) == (1, "") and err.count("\n") == 1
    assert err.startswith("tfpose evaluate: r.md: the name of the JSON file must not end in .md")


def test_a_shortened_training_has_a_step():
    assert [common.shortened(steps, 20) for steps in (400, 39, 5)] == [20, 1, 1]


def test_stopping_is_no_error(call, monkeypatch):
    def stopped(values, positional):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfpose.cli.inspect.run", stopped)
    assert call("inspect", "x") == (130, "", "\ntfpose inspect: stopped\n")


def test_auto_data_is_cmu_where_it_is(tmp_path, paper17, monkeypatch):
    from absl import flags

    asked = []
    monkeypatch.setattr("tfpose.datasets.splits.poses", lambda name, *rest: asked.append(name))
    for data_dir in (tmp_path, tmp_path / "with"):
        (tmp_path / "with" / "cmu").mkdir(parents=True, exist_ok=True)
        values = flags.FlagValues()
        common.define(values, *common.DATA)
        values(["tfpose", f"--data_dir={data_dir}"])
        common.load_poses(values, "train", paper17)
    assert asked == ["synthetic", "cmu"]


# --- denoise


def write_custom_csv(folder: pathlib.Path, poses: np.ndarray, paper17) -> tuple[pathlib.Path, pathlib.Path]:
    """A rig of its own: joints in another order and by other names, one more joint, other columns between them."""
    order = list(reversed(paper17.joints))
    native = {joint: f"Bip_{joint.title()}" for joint in order}
    joints = [
        [joint, None if parent < 0 else paper17.joints[parent]]
        for joint, parent in zip(paper17.joints, paper17.parents)
    ]
    joints = [joints[paper17.index(joint)] for joint in order] + [["tail", "spine_base"]]
    rig = folder / "my_rig.json"
    rig.write_text(json.dumps({"name": "my_rig", "joints": joints, "native": native | {"tail": "Bip_Tail"}}))
    header = (
        ["time"] + [f"{native[joint]}_{axis}" for joint in order for axis in "xyz"] + [f"Bip_Tail_{a}" for a in "xyz"]
    )
    rows = [
        [str(number), *(f"{value:.6f}" for joint in order for value in pose[paper17.index(joint)]), "0", "0.7", "-0.4"]
        for number, pose in enumerate(poses)
    ]
    path = folder / "poses.csv"
    path.write_text("\n".join(",".join(row) for row in [header, *rows]))
    return path, rig


def expected_of(model, poses) -> np.ndarray:
    from tfpose.models import load_model

    return load_model(model).denoise(np.asarray(poses, np.float32))


def test_denoise_a_csv_of_a_rig_of_ones_own(call, tmp_path, pretrained, walk, paper17):
    source, rig = write_custom_csv(tmp_path, walk, paper17)
    out = tmp_path / "new" / "clean.csv"
    status, said, err = call("denoise", source, "--skeleton", rig, "--model", pretrained, "--out", out)
    assert (status, err) == (0, "")
    assert said.startswith(f"{source}: 7 poses -> {out}\n  frames ")
    assert out.read_text().splitlines()[0] == source.read_text().splitlines()[0]
    (clip,) = tables.read_file(out, Options(Skeleton.load(rig), unit=1.0))
    np.testing.assert_allclose(clip.to(paper17).positions, expected_of(pretrained, walk), atol=0.003)
    tail = clip.skeleton.index("tail")
    assert (clip.positions[:, tail] != [0, 0.7, -0.4]).any(), "moves with the root"


def test_denoise_takes_millimetres_with_z_upwards(call, tmp_path, pretrained, walk, paper17):
    x, y, z = 1000 * walk.transpose(2, 0, 1)
    arrays.write(tmp_path / "noisy.npy", np.stack([x, -z, y], axis=-1), paper17)
    argv = ["denoise", tmp_path / "noisy.npy", "--skeleton=paper17", "--model", pretrained]
    for flags in (["--unit=0.001", "--up=z"], ["--unit=mm"], []):
        status, _, err = call(*argv, "--out", tmp_path / "clean.npy", "--skeleton_out=model", *flags)
        notes = err.splitlines()
        assert status == 0 and len(notes) == 2 - len(flags) and all(note.startswith("note: ") for note in notes)
        np.testing.assert_allclose(np.load(tmp_path / "clean.npy"), expected_of(pretrained, walk), atol=1e-4)
    # The same rig, unit and axes come back.
    assert call(*argv, "--out", tmp_path / "clean.npy")[0] == 0
    np.testing.assert_allclose(
        from_y_up(expected_of(pretrained, walk), "z") * 1000, np.load(tmp_path / "clean.npy"), atol=3
    )


def test_denoise_fills_missing_joints(call, tmp_path, pretrained, walk, paper17):
    walk[2, 4:7] = np.nan
    walk[5, 0, 1] = np.nan  # one coordinate is enough, be it the root's
    arrays.write(tmp_path / "noisy.npz", walk, paper17)
    out = tmp_path / "clean.npz"
    status, _, err = call(
        *("denoise", tmp_path / "noisy.npz", "--skeleton=paper17", "--model", pretrained / "model.keras"),
        *("--out", out, "--skeleton_out=model"),
    )
    assert (status, err) == (0, "")
    with np.load(out) as found:
        assert found["positions"].shape == (7, 17, 3) and found["joints"].tolist() == list(paper17.joints)
        assert found["positions"].dtype == np.float32 and np.isfinite(found["positions"]).all()
        np.testing.assert_allclose(found["positions"], expected_of(pretrained, walk), atol=1e-5)


@pytest.fixture
def clip_run(clip_model, tmp_path):
    """A folder with a model of clips, as a training leaves it."""
    from tfpose.models import save_model

    save_model(clip_model, tmp_path / "run")
    return tmp_path / "run"


def test_a_clip_with_nobody_in_it_stays_as_it_is(call, tmp_path, clip_run, walk, paper17):
    arrays.write(tmp_path / "nobody.npz", np.full_like(walk, np.nan), paper17)
    argv = ["denoise", tmp_path / "nobody.npz", "--skeleton=paper17", "--model", clip_run]
    argv += ["--out", tmp_path / "out.npz"]
    status, _, err = call(*argv)
    assert status == 0 and err.endswith("nobody is in it; it stays as it is\n")
    with np.load(tmp_path / "out.npz") as found:
        assert np.isnan(found["positions"]).all()
    status, _, err = call(*argv, "--plot", tmp_path / "curves.png")
    assert status == 0 and err.splitlines()[-1].endswith("nobody is in any clip, there is nothing to draw")
    assert call(*argv, "--report", tmp_path / "report.html")[0] == 0
    report = (tmp_path / "report.html").read_text()
    assert "nobody.npz" in report and "data:image/" not in report


def test_clips_go_through_a_model_of_clips(call, tmp_path, clip_run, walk, paper17):
    from tfpose.models import load_model

    walk[2, 4:7] = np.nan
    arrays.write(tmp_path / "noisy.npz", walk, paper17)
    argv = ["denoise", tmp_path / "noisy.npz", "--skeleton=paper17", "--model", clip_run, "--skeleton_out=model"]
    model, made = load_model(clip_run), {}
    for name, flags in {
        "offline": ["--plot", tmp_path / "clean.png", "--rate=25", "--report", tmp_path / "report.html"],
        "causal": ["--causal", "--rate=30"],
        "options": ["--leave_missing", "--constant_bones", "--rate=30"],
        "per_frame": ["--per_frame", "--rate=30"],
    }.items():
        status, said, err = call(*argv, "--out", tmp_path / f"{name}.npz", *flags)
        assert (status, err) == (0, "") and "3 of 119, " in said
        with np.load(tmp_path / f"{name}.npz") as found:
            made[name] = dict(found)
    expected = model.denoise_clip(walk, 25)
    np.testing.assert_allclose(made["offline"]["positions"], expected["denoised"], atol=1e-5)
    np.testing.assert_array_equal(made["offline"]["filled"], expected["filled"])
    np.testing.assert_allclose(made["offline"]["trust"], expected["trust"], atol=1e-5)
    causal = model.denoise_clip(walk, 30, causal=True)["denoised"]
    np.testing.assert_allclose(made["causal"]["positions"], causal, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(made["options"]["positions"]), np.isnan(walk))
    np.testing.assert_allclose(made["per_frame"]["positions"], model.autoencoder.denoise(walk), atol=1e-5)
    assert set(made["per_frame"]) == {"positions", "joints", "unit", "up", "rate", "trust", "filled"}
    with Image.open(tmp_path / "clean.png") as image:
        image.load()
    report = (tmp_path / "report.html").read_text()
    assert 'joints missing</td><td class="n">3<' in report and report.count("data:image/") == 2
    assert "http" not in report, "it needs nothing from elsewhere"


def test_clips_with_gaps_are_drawn(call, tmp_path, clip_run, walk, paper17):
    walk[:, 6] = np.nan  # a joint that is never seen
    walk[[0, 3]] = np.nan  # and frames with nobody
    arrays.write(tmp_path / "noisy.npz", walk, paper17, rate=np.array(30.0))
    argv = ["denoise", tmp_path / "noisy.npz", "--skeleton=paper17", "--model", clip_run, "--out", tmp_path / "o.npz"]
    for name, flags in (("a.png", ["--leave_missing"]), ("b.png", ["--per_frame"]), ("c.gif", [])):
        status, _, err = call(*argv, *flags, "--plot", tmp_path / name)
        assert (status, err) == (0, "")
        with Image.open(tmp_path / name) as image:
            image.load()


def test_the_rate_that_is_given_is_written(call, tmp_path, pretrained, walk, paper17):
    tables.write(tmp_path / "walk.csv", [Clip(walk, paper17)])
    out = tmp_path / "clean.bvh"
    argv = ["denoise", tmp_path / "walk.csv", "--model", pretrained, "--out", out]
    for flags, rate in ((["--rate=60"], 60), ([], 30)):
        assert call(*argv, *flags)[0] == 0
        assert bvh.read_file(out)[0].rate == pytest.approx(rate, rel=1e-4)


def test_what_a_pose_model_cannot_do_is_said(call, tmp_path, pretrained, walk, paper17):
    from tfpose.models import load_model

    arrays.write(tmp_path / "noisy.npy", walk, paper17)
    argv = ["denoise", tmp_path / "noisy.npy", "--skeleton=paper17", "--model", pretrained]
    status, _, err = call(*argv, "--out", tmp_path / "clean.npy", "--causal")
    assert status == 2 and "--causal and --constant_bones need a model of clips" in err
    with pytest.raises(TfposeError, match=r"^causal and constant_bones need .*, got a PoseAutoencoder"):
        cleaning.clean(load_model(pretrained), Clip(walk, paper17), causal=True)


def write_bvh(path: pathlib.Path, poses: np.ndarray, skeleton, native=None) -> pathlib.Path:
    """Poses in centimetres; every joint has position channels, relative to its parent."""
    native = native or {}
    channels = []

    def joint(number: int, depth: int) -> list[str]:
        parent = skeleton.parents[number]
        offset = 100 * (poses[:, number] - (poses[:, parent] if parent >= 0 else 0))
        channels.append(offset)
        pad = "  " * depth
        name = native.get(skeleton.joints[number], skeleton.joints[number])
        lines = [
            f"{pad}{'ROOT' if parent < 0 else 'JOINT'} {name}",
            f"{pad}{{",
            f"{pad}  OFFSET {offset[0, 0]:.4f} {offset[0, 1]:.4f} {offset[0, 2]:.4f}",
            f"{pad}  CHANNELS 3 Xposition Yposition Zposition",
        ]
        for child in skeleton.children[number]:
            lines += joint(child, depth + 1)
        return [*lines, f"{pad}}}"]

    head = ["HIERARCHY", *joint(skeleton.root, 0), "MOTION", f"Frames: {len(poses)}", "Frame Time: 0.04"]
    rows = [" ".join(f"{value:.6f}" for value in row) for row in np.concatenate(channels, axis=1)]
    path.write_text("\n".join(head + rows) + "\n")
    return path


@pytest.mark.parametrize("renamed", [False, True])
def test_denoise_a_bvh(call, tmp_path, pretrained, walk, paper17, renamed):
    """By its own joint names, or by those that a skeleton file gives as native."""
    native = {joint: f"mixamo:{joint}" for joint in paper17.joints} if renamed else {}
    source = write_bvh(tmp_path / "walk.bvh", walk, paper17, native)
    argv = ["denoise", source, "--model", pretrained, "--out", tmp_path / "clean.bvh"]
    if renamed:
        rig = tmp_path / "mixamo.json"
        rig.write_text(json.dumps({**paper17.to_dict(), "name": "mixamo", "native": native}))
        argv += ["--skeleton", rig]
    status, _, err = call(*argv)
    assert (status, err) == (0, "")
    (clip,) = bvh.read_file(tmp_path / "clean.bvh", Options(Skeleton.load(rig) if renamed else None, unit=0.01))
    np.testing.assert_allclose(clip.to(paper17).positions, expected_of(pretrained, walk), atol=0.003)


@pytest.fixture
def folder(tmp_path, walk, paper17) -> pathlib.Path:
    """Two clips, one file that is cut off, and notes."""
    folder = tmp_path / "clips"
    (folder / "deep").mkdir(parents=True)
    write_bvh(folder / "one.bvh", walk, paper17)
    write_bvh(folder / "deep" / "two.bvh", walk[:3], paper17)
    broken = write_bvh(folder / "broken.bvh", walk, paper17)
    broken.write_bytes(broken.read_bytes()[:900])
    (folder / "notes.txt").write_text("nothing to see")
    return folder


def test_a_broken_file_ends_the_command_and_is_named(call, tmp_path, pretrained, folder):
    out = tmp_path / "clean"
    status, said, err = call("denoise", folder, "--model", pretrained, "--out", out)
    assert (status, said) == (1, "")
    assert err.startswith(f"tfpose denoise: {folder / 'broken.bvh'}: ") and err.count("\n") == 1
    assert not out.exists()


def test_broken_files_are_passed_over_and_counted(call, tmp_path, pretrained, folder, walk, paper17):
    out = tmp_path / "clean"
    status, said, err = call("denoise", folder, "--model", pretrained, "--out", out, "--skip_bad")
    assert status == 0
    noted, counted = (line for line in err.splitlines() if "skipped" in line)
    assert noted.startswith(f"skipped {folder / 'broken.bvh'}: ") and counted == "1 unreadable file skipped"
    assert sorted(path for path in everything(out) if path.endswith(".bvh")) == ["deep/two.bvh", "one.bvh"]
    assert said.splitlines()[:2] == [
        f"{folder / 'deep' / 'two.bvh'}: 3 poses -> {out / 'deep' / 'two.bvh'}",
        f"{folder / 'one.bvh'}: 7 poses -> {out / 'one.bvh'}",
    ]
    (clip,) = bvh.read_file(out / "deep" / "two.bvh", Options(unit=0.01))
    np.testing.assert_allclose(clip.to(paper17).positions, expected_of(pretrained, walk[:3]), atol=0.003)


def test_nothing_but_broken_files(call, tmp_path, pretrained):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.bvh").write_text("HIERARCHY")
    status, _, err = call("denoise", tmp_path / "clips", "--model", pretrained, "--out", tmp_path / "c", "--skip_bad")
    assert status == 1
    assert err.splitlines()[-1] == f"tfpose denoise: {tmp_path / 'clips'}: nothing to denoise"


def test_many_clips_want_a_folder(call, tmp_path, pretrained, folder):
    out = tmp_path / "clean.npz"
    status, said, err = call("denoise", folder, "--model", pretrained, "--out", out, "--skip_bad")
    assert (status, said) == (1, "")
    assert err.splitlines()[-1] == f"tfpose denoise: {folder} holds 2 clips and --out={out} is one file; give a folder"
    assert not out.exists()


def test_clips_of_one_name_do_not_overwrite_each_other(paper17, walk):
    def names(sources, source="in", to=None):
        clips = [Clip(walk, paper17, source=name) for name in sources]
        return [str(path) for path in cleaning.targets(clips, pathlib.Path(source), pathlib.Path("out"), to)]

    assert names(["x/a.bvh", "y/a.bvh", "b.skeleton", "", "z/a.bvh"]) == [
        "out/a.bvh", "out/a_0.bvh", "out/b.npz", "out/clip.npz", "out/a_1.bvh",
    ]  # fmt: skip
    # Several people of one file: one file where the format holds them, else numbered ones.
    assert names(["a.json", "a.json"]) == ["out/a.json"]
    assert names(["a.skeleton", "a.skeleton"]) == ["out/a_0.npz", "out/a_1.npz"]
    assert names(["a.json", "b.bvh"], to=".trc") == ["out/a.trc", "out/b.trc"]


def test_convert_a_folder(call, tmp_path, folder, walk, paper17):
    (folder / "broken.bvh").unlink()
    for to in ("trc", ".TRC"):
        assert call("convert", folder, tmp_path / to, "--to", to)[0] == 0
        assert sorted(everything(tmp_path / to)) == ["deep/two.trc", "one.trc"]
    stick = Skeleton("stick", ("head", "ankle_left"), (-1, 0))
    write_bvh(folder / "zz_stick.bvh", walk[:, [paper17.index(joint) for joint in stick.joints]], stick)
    argv = ["convert", folder, tmp_path / "paper", "--skeleton_out=paper17"]
    status, _, err = call(*argv)
    assert status == 1 and f"tfpose convert: {folder / 'zz_stick.bvh'}: " in err
    status, _, err = call(*argv, "--skip_bad")
    assert status == 0 and f"skipped {folder / 'zz_stick.bvh'}: " in err
    assert sorted(everything(tmp_path / "paper")) == ["deep/two.bvh", "one.bvh"]
    for out, to, says in (
        ("out", "fbx", "--to must be one of .bvh, .c3d, "),
        ("out", "", "--to must be one of "),
        ("out.csv", "bvh", f"--to=bvh is for a folder, and OUT is the file {tmp_path / 'out.csv'}"),
    ):
        status, said, err = call("convert", folder, tmp_path / out, "--to", to)
        assert (status, said) == (2, "") and err.startswith(f"tfpose convert: {says}")
        assert not (tmp_path / out).exists()


@pytest.mark.parametrize("plot", ["clean.png", "clean.gif"])
def test_denoise_draws(call, tmp_path, pretrained, walk, paper17, plot):
    arrays.write(tmp_path / "noisy.npy", walk, paper17)
    status, said, err = call(
        *("denoise", tmp_path / "noisy.npy", "--skeleton=paper17", "--model", pretrained),
        *("--out", tmp_path / "clean.npy", "--plot", tmp_path / plot),
    )
    assert (status, err) == (0, "")
    assert f"picture: {tmp_path / plot}" in said
    with Image.open(tmp_path / plot) as image:
        image.load()
        assert image.format == plot[-3:].upper()
        assert getattr(image, "n_frames", 1) == (7 if plot.endswith("gif") else 1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--out={}/clean.npz", "--plot={}/clean.jpg"], "{}/clean.jpg: a picture is written as "),
        (["--out={}/file/clean.npz"], "{}/file"),
        (["--out={}/clean.npz", "--plot={}/file/clean.png"], "{}/file"),
    ],
    ids=["picture of another kind", "output below a file", "picture below a file"],
)
def test_a_failure_leaves_nothing(call, tmp_path, pretrained, walk, paper17, flags, message):
    arrays.write(tmp_path / "noisy.npy", walk, paper17)
    (tmp_path / "file").write_text("no folder")
    before = everything(tmp_path)
    flags = [flag.format(tmp_path) for flag in flags]
    status, said, err = call("denoise", tmp_path / "noisy.npy", "--skeleton=paper17", "--model", pretrained, *flags)
    assert (status, said) == (1, "")
    assert message.format(tmp_path) in err and err.count("\n") == 1
    assert everything(tmp_path) == before


def test_a_clip_that_cannot_become_the_models_skeleton_leaves_nothing(
    call, tmp_path, pretrained, folder, walk, paper17
):
    """The other clips could, and come first."""
    stick = Skeleton("stick", ("head", "ankle_left"), (-1, 0))
    (folder / "broken.bvh").unlink()
    write_bvh(folder / "zz_stick.bvh", walk[:, [paper17.index(joint) for joint in stick.joints]], stick)
    out = tmp_path / "clean"
    status, _, err = call("denoise", folder, "--model", pretrained, "--out", out)
    assert status == 1
    assert "cannot become 'paper17': it has no spine_base" in err
    assert not out.exists()
    status, _, err = call("denoise", folder, "--model", pretrained, "--out", out, "--skip_bad")
    assert status == 0 and f"skipped {folder / 'zz_stick.bvh'}: " in err and "1 clip of other rigs skipped" in err
    assert sorted(everything(out)) == ["deep/two.bvh", "one.bvh"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nowhere.bvh"], "nowhere.bvh: no such file or folder"),
        (["noisy.npy", "--skeleton=kinect20"], "noisy.npy: expected 20 joints of skeleton 'kinect20', got 17"),
        (["noisy.npy", "--skeleton=paper17", "--unit=10"], "noisy.npy: at 10 m per unit its bones would be"),
        (["noisy.npy", "--skeleton=paper17", "--map=nowhere.json"], "nowhere.json: no such file"),
        (["noisy.npy", "--skeleton=nope"], "no skeleton 'nope'"),
        (["notes.txt"], "notes.txt: "),
        (["notes.doc"], "notes.doc: cannot tell its format from '.doc'"),
    ],
)
def test_bad_input_of_denoise_is_named(call, tmp_path, monkeypatch, pretrained, walk, paper17, argv, message):
    monkeypatch.chdir(tmp_path)
    arrays.write("noisy.npy", walk, paper17)
    for name in ("notes.txt", "notes.doc"):
        pathlib.Path(name).write_text("nothing to see")
    status, _, err = call("denoise", *argv, "--model", pretrained, "--out=clean.npz")
    assert status == 1
    assert message in err and err.count("\n") == 1
    assert not pathlib.Path("clean.npz").exists()


def test_a_model_that_is_none_is_named(call, tmp_path, walk, paper17):
    arrays.write(tmp_path / "noisy.npy", walk, paper17)
    (tmp_path / "model.keras").write_bytes(b"no model")
    status, _, err = call("denoise", tmp_path / "noisy.npy", "--model", tmp_path, "--out", tmp_path / "c.npz")
    assert status == 1
    assert err.startswith(f"tfpose denoise: {tmp_path / 'model.keras'}: not a tfpose model, or damaged")


# --- pretrain, evaluate, inspect, demo


def test_pretrain_says_what_it_learns_from(pretrained):
    """`pretrained` is a run of the command."""
    config = json.loads((pretrained / "config.json").read_text())["config"]
    assert config["steps"] == 40 and config["batch"] == 8 and config["model"]["units"] == 4


def test_pretraining_on_ones_own_clips(call, tmp_path, folder, monkeypatch):
    """What reaches the training: the poses of the folder, in the model's skeleton, and the settings."""
    asked = {}
    monkeypatch.setattr(
        "tfpose.trainers.pretrain.pretrain", lambda config, poses, workdir, evaluate: asked.update(locals())
    )
    argv = ["pretrain", f"--data={folder}", "--skip_bad", f"--workdir={tmp_path / 'run'}", "--config.model.units=3"]
    status, said, err = call(*argv, "--config.loss.eq11.transfer=0.25")
    assert status == 0
    assert said == f"10 poses of {folder} (the user's own clips)\nmodel: {tmp_path / 'run' / 'model.keras'}\n"
    assert err.count("1 unreadable file skipped") == 2  # to learn from and to test on
    assert asked["poses"].positions.shape == (10, 17, 3) and asked["workdir"] == str(tmp_path / "run")
    assert asked["config"].model.units == 3 and asked["config"].loss.eq11.transfer == 0.25
    assert asked["config"].model.code_size == 16


def test_evaluate_writes_numbers_and_picture(call, tmp_path, pretrained):
    out, plot = tmp_path / "results" / "r.json", tmp_path / "figure.png"
    argv = ["evaluate", "denoise", "--model", pretrained, "--data=synthetic", "--most_poses=40", "--seeds=3"]
    status, said, err = call(*argv, "--out", out, "--plot", plot)
    assert (status, err) == (0, "")
    result = json.loads(out.read_text())
    rows = result["mean"]["rows"]
    assert list(rows) == [
        *("doing nothing", "mean pose", "mean bone lengths"),
        *("autoencoder", "autoencoder + trust"),
    ]
    assert result["seeds"] == [3] and result["mean"]["poses"] == 40 and result["data"]["name"] == "synthetic/test"
    assert result["command"] == f"tfpose {' '.join(map(str, argv))} --out {out} --plot {plot}"
    assert result["model"]["trained"]["config"]["steps"] == 40
    table = out.with_suffix(".md").read_text()
    nothing = rows["doing nothing"]["mpjpe_mean"]
    assert f"{nothing:.1f}" in table and f"{nothing:.1f}" in said
    assert "synthetic/test\n\n40 poses for each k" in said
    with Image.open(plot) as image:
        image.load()
        assert image.format == "PNG"


@pytest.mark.slow
def test_export_for_a_server(call, tmp_path, pretrained, walk, paper17):
    clip, out = tmp_path / "walk.npz", tmp_path / "out"
    arrays.write(clip, walk, paper17)
    clips = ["--data", clip, "--skeleton=paper17", "--clip_format=arrays"]
    serving = ["export", "--model", pretrained, "--out", out, *clips, "--name=poses", "--version=7"]
    status, said, err = call(*serving, "--format=saved_model,serving")
    assert status == 0, err
    assert said.count("verified: every difference is at most 1e-05") == 2
    assert said.endswith(f"saved_model: {out / 'saved_model'}\nserving: {out / 'poses' / '7'}\n")
    assert (out / "poses" / "7" / "saved_model.pb").exists() and not (out / "model.tflite").exists()
    assert 'key: "stable"' in (out / "models.config").read_text()
    status, _, err = call(*serving, "--format=serving")
    assert status == 1
    assert err == f"tfpose export: {out / 'poses' / '7'}: exists already; delete it or export to another place\n"


def test_inspect_describes_a_model(call, pretrained, paper17):
    model = pretrained / "model.keras"
    status, said, err = call("inspect", model)
    assert (status, err) == (0, "")
    assert said.startswith(f"{model}: ") and "paper17" in said and ", ".join(paper17.joints) in said
    status, said, _ = call("inspect", model, "--json")
    description = json.loads(said)
    assert status == 0 and description["skeleton"]["name"] == "paper17" and "denoise" in description["signatures"]


def test_inspect_names_what_it_cannot_read(call, tmp_path):
    status, said, err = call("inspect", tmp_path / "nowhere.tflite")
    assert (status, said) == (1, "")
    assert str(tmp_path / "nowhere.tflite") in err and err.count("\n") == 1


def test_demo_does_not_remove_what_no_demo_made(call, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    status, said, err = call("demo", "--data=synthetic", "--out", tmp_path)
    assert (status, said) == (1, "")
    assert f"{tmp_path}: holds thesis.tex, which no demo made; give another --out" in err
    assert everything(tmp_path) == {"thesis.tex": b"years of work"}
    (tmp_path / "thesis.tex").unlink()
    (tmp_path / "exported").mkdir()  # as a demo makes
    (tmp_path / "exported" / "model.tflite").write_text("an export")
    assert call("demo", "--data=synthetic", "--out", tmp_path)[0] == 1
    assert everything(tmp_path) == {"exported/model.tflite": b"an export"}
    (tmp_path / demo._MARK).touch()
    (tmp_path / "thesis.tex").write_text("in the folder of a demo")
    assert call("demo", "--data=synthetic", "--out", tmp_path)[0] == 1
    assert len(everything(tmp_path)) == 3


def test_demo_removes_what_a_demo_made(tmp_path):
    for name in demo._WRITTEN:
        if "." in name:
            (tmp_path / name).write_text("old")
        else:
            (tmp_path / name / "deep").mkdir(parents=True)
    assert demo._fresh(tmp_path) == tmp_path and everything(tmp_path) == {demo._MARK: b""}


@pytest.fixture(params=["shipped", "trained"])
def demo_flags(request, monkeypatch) -> list[str]:
    """The demo with the weights that ship, and with three steps of training a small model, which teach nothing."""
    if request.param == "shipped":
        return []
    config = default.get_config()
    config.model.update({"units": 4, "code_size": 4, "decoder_units": 4, "refinements": 1})
    monkeypatch.setattr(default, "get_config", lambda: config)
    return ["--train", "--steps=3"]


@pytest.mark.slow
def test_demo(call, tmp_path, paper17, demo_flags):
    """The whole road."""
    pytest.importorskip("ai_edge_litert", reason="the demo writes a LiteRT file, which needs ai-edge-litert")
    out = tmp_path / "demo"
    status, said, err = call("demo", "--data=synthetic", "--out", out, *demo_flags)
    assert status == 0, err
    first = (
        "Training 3 steps on 30,000 poses of synthetic/train" if demo_flags else "The weights that ship: sebirenet_cmu"
    )
    assert first in said and "| doing nothing |" in said
    for kind, name in (("PNG", "denoised.png"), ("GIF", "denoised.gif")):
        with Image.open(out / name) as image:
            image.load()
            assert image.format == kind
    (noisy,) = read(out / "noisy.npz", skeleton=paper17)
    (clean,) = read(out / "clean.npz", skeleton=paper17)
    assert noisy.positions.shape == clean.positions.shape and len(noisy) == 75
    named = [pathlib.Path(path) for path in re.findall(rf"{re.escape(str(tmp_path))}[^\s,]*", said)]
    assert len(named) >= 6 and all(path.exists() for path in named if path.name != "clean.gif")
    assert (out / "run" / "model.keras").is_file() == bool(demo_flags)
    assert {path.name for path in out.iterdir()} == set(demo._WRITTEN) - (set() if demo_flags else {"run"})
