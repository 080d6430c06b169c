"""Every clip is encoded once or refused with a reason, whatever dies on the way."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tfpose import cli
from tfpose.datasets import codes, read_codes, synthetic
from tfpose.errors import DataError, TfposeError
from tfpose.export.saved_model import export_saved_model
from tfpose.formats import arrays, read
from tfpose.models import load_model
from tfpose.skeleton import Skeleton

pytest.importorskip("apache_beam")

from tfpose.export import encode_dataset as pipeline
from tfpose.export.encode_dataset import encode_dataset
from tfpose.export.pipelines import new_output

PAPER = Skeleton.load("paper17")
READING = {"skeleton": PAPER}
RETRYING = {"runner": "BundleBasedDirectRunner", "beam_options": ["--direct_runner_bundle_retry"]}


@pytest.fixture(scope="module")
def saved_model(model, tmp_path_factory) -> pathlib.Path:
    return export_saved_model(model, tmp_path_factory.mktemp("encode") / "saved_model")


@pytest.fixture
def clips(tmp_path) -> pathlib.Path:
    """A folder of 24 clips of 1 to 300 frames, one of them with a missing joint in every frame."""
    positions = np.concatenate([clip.positions for clip in synthetic.clips(6, seed=3)])
    for take in range(24):
        poses = positions[: [300, 1, 60, 7][take % 4]].copy()
        if take == 2:
            poses[:, 5] = np.nan
        arrays.write(tmp_path / "clips" / f"take{take:02d}.npy", poses, PAPER)
    return tmp_path / "clips"


def check(out, folder, model, **reading_options):
    """Whether the clips of `folder` are in `out`, once each, as the model encodes them."""
    found = {(clip.source, clip.number): clip for clip in read_codes(out)}
    assert len(found) == sum(1 for _ in read_codes(out))
    expected = collections.defaultdict(list)
    for clip in read(folder, **reading_options):
        expected[clip.source].append(clip)
    assert sorted(found) == [(source, number) for source in sorted(expected) for number in range(len(expected[source]))]
    pairs = [(clip, expected[source][number]) for (source, number), clip in found.items()]
    for clip, of in pairs:
        assert (clip.subject, clip.action, clip.view) == (of.subject, of.action, of.view)
        assert (len(clip), clip.clips) == (len(of), len(expected[clip.source]))
    encoded = model.encode(np.concatenate([of.to(model.skeleton).positions for _, of in pairs]))
    for name, code in encoded.items():
        np.testing.assert_allclose(np.concatenate([getattr(clip, name) for clip, _ in pairs]), code, atol=1e-5, rtol=0)


def left_beside(out: pathlib.Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path.name.startswith("."))


@pytest.mark.parametrize("format", codes.FORMATS)
def test_codes_are_the_models_own(clips, model, saved_model, tmp_path, monkeypatch, format):
    loaded = []
    open_artifact = pipeline.open_artifact
    monkeypatch.setattr(pipeline, "open_artifact", lambda path: loaded.append(path) or open_artifact(path))
    out = tmp_path / "codes"
    summary = encode_dataset(clips, saved_model, out, format=format, reading_options=READING, clips_per_shard=10)
    check(out, clips, model, **READING)
    assert (summary["files"], summary["clips"], summary["poses"]) == (24, 24, 6 * (300 + 1 + 60 + 7))
    assert sorted(summary["shards"].values()) == [4, 10, 10] and summary["dead_letters"] == {}
    assert summary["model"]["weights_sha256"] == pipeline.read_card(saved_model)["weights_sha256"]
    assert json.loads((out / "summary.json").read_text()) == summary
    assert (out / "dead_letters.jsonl").read_text() == ""
    assert len(list(out.iterdir())) == 3 + 2 and left_beside(out) == []
    assert len(loaded) == 1


def test_what_cannot_be_encoded_is_told_and_counted(clips, saved_model, tmp_path):
    positions = next(synthetic.clips(1, seed=4)).positions
    (bad := clips / "bad").mkdir()
    (bad / "cut.npy").write_bytes((clips / "take00.npy").read_bytes()[:1000])
    (bad / "S001C001P001R001A001.skeleton").write_text("0")
    write_ntu(bad / "S001C002P003R002A013.skeleton", bodies=(("7",), ("7", "9"), ("7",)))
    arrays.write(bad / "infinite.npy", np.where(np.arange(60)[:, None, None] == 7, np.inf, positions), PAPER)
    nobody = positions.copy()
    nobody[[3, 5]] = np.nan
    arrays.write(bad / "nobody.npy", nobody, PAPER)
    summary = encode_dataset(clips, saved_model, tmp_path / "codes", reading_options=READING)
    letters = [json.loads(line) for line in (tmp_path / "codes" / "dead_letters.jsonl").read_text().splitlines()]
    of = {(pathlib.Path(letter["source"]).name, letter["number"]): letter for letter in letters}
    assert len(of) == len(letters) == 5
    assert summary["files"] == 24 + 5 and summary["clips"] == 24 + 1
    assert summary["dead_letters"] == {"empty": 1, "missing": 2, "unreadable": 2}
    says = {
        ("cut.npy", None): ("unreadable", None, "not a .npy file"),
        ("infinite.npy", None): ("unreadable", None, "is infinite in frame 7"),
        ("S001C001P001R001A001.skeleton", None): ("empty", None, "nobody is seen"),
        ("S001C002P003R002A013.skeleton", 1): ("missing", 2, "no joint in frame 0, in 2 of 3 frames"),
        ("nobody.npy", 0): ("missing", 1, "no joint in frame 3, in 2 of 60 frames"),
    }
    assert of.keys() == says.keys()
    for which, (kind, in_file, reason) in says.items():
        assert (of[which]["kind"], of[which]["clips"]) == (kind, in_file)
        assert of[which]["reason"].startswith(str(bad / which[0])) and reason in of[which]["reason"]
    (second,) = [clip for clip in read_codes(tmp_path / "codes") if clip.source.endswith(".skeleton")]
    assert (second.number, second.clips, second.view) == (0, 2, "C002")


def test_clips_of_another_skeleton_are_told(clips, saved_model, tmp_path):
    write_ntu(clips / "S001C002P003R002A013.skeleton", bodies=(("7",),))
    (tmp_path / "chairs").mkdir()
    for folder in (clips, tmp_path / "chairs"):
        np.save(folder / "chair.npy", np.random.default_rng(0).normal(size=(3, 19, 3)))  # no skeleton has 19 joints
    summary = encode_dataset(clips, saved_model, tmp_path / "codes", reading_options=READING | {"skeleton": None})
    # The other one has a joint that is missing in all frames, so that no skeleton fits for certain.
    assert summary["clips"] == 24 and summary["dead_letters"] == {"skeleton": 2}
    with pytest.raises(DataError, match=r"none of 1 files can be encoded, such as .*chair.*give the skeleton"):
        encode_dataset(tmp_path / "chairs", saved_model, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists() and left_beside(tmp_path / "nothing") == []


def test_a_file_of_many_clips(model, saved_model, tmp_path):
    positions = np.random.default_rng(5).normal(size=(40, 5, 32, 3)).astype(np.float32)
    takes = {"S1": {f"Walking {take}": poses for take, poses in enumerate(positions)}}
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=np.array(takes, dtype=object))
    summary = encode_dataset(tmp_path / "data_3d_h36m.npz", saved_model, tmp_path / "codes")
    assert (summary["files"], summary["clips"]) == (1, 40)
    sources = {(clip.number, clip.action) for clip in read_codes(tmp_path / "codes")}
    assert sorted(number for number, _ in sources) == list(range(40))


def test_the_local_runner_holds_few_clips(many_clips, saved_model, tmp_path, monkeypatch):
    """Between reading and encoding, of any number; others spread them, and may keep them on disk."""
    waiting, most = 0, 0
    process, run_inference = pipeline._Read.process, pipeline._Encoder.run_inference

    def read_clips(self, file):
        nonlocal waiting, most
        for clip in process(self, file):
            waiting += 1
            most = max(most, waiting)
            yield clip

    def encode(self, batch, *args, **kwargs):
        nonlocal waiting
        waiting -= len(batch)
        return run_inference(self, batch, *args, **kwargs)

    monkeypatch.setattr(pipeline._Read, "process", read_clips)
    monkeypatch.setattr(pipeline._Encoder, "run_inference", encode)
    encode_dataset(many_clips, saved_model, tmp_path / "codes", reading_options=READING)
    assert waiting == 0 and most <= pipeline._CLIPS_AT_ONCE + 1  # one is being read


def test_what_exists_or_is_being_written_is_refused(clips, saved_model, tmp_path):
    out = tmp_path / "codes"
    with new_output(out), pytest.raises(DataError, match="another process is writing there"):
        encode_dataset(clips, saved_model, out, reading_options=READING)
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(DataError, match=f"^{out}: exists already"):
        encode_dataset(clips, saved_model, out, reading_options=READING)
    assert sorted(out.parent.rglob("*")) == before


def fails_once(monkeypatch):
    """Makes the encoder fail once, after it encoded its first clips."""
    failed, run_inference = [], pipeline._Encoder.run_inference

    def run(self, *args, **kwargs):
        for number, encoded in enumerate(run_inference(self, *args, **kwargs)):
            if number == 5 and not failed:
                failed.append(True)
                raise RuntimeError("the machine is on fire")
            yield encoded

    monkeypatch.setattr(pipeline._Encoder, "run_inference", run)
    return failed


def test_a_part_that_is_run_again_is_written_once(clips, model, saved_model, tmp_path, monkeypatch):
    failed = fails_once(monkeypatch)
    encode_dataset(clips, saved_model, tmp_path / "codes", reading_options=READING, clips_per_shard=3, **RETRYING)
    assert failed
    check(tmp_path / "codes", clips, model, **READING)


def test_a_part_that_is_not_run_again_fails_loudly(clips, model, saved_model, tmp_path, monkeypatch):
    assert not fails_once(monkeypatch)
    out = tmp_path / "codes"
    with pytest.raises(TfposeError, match=r"the pipeline failed, and nothing was written: .*on fire"):
        encode_dataset(clips, saved_model, out, reading_options=READING)
    assert not out.exists() and left_beside(out) == []
    encode_dataset(clips, saved_model, out, reading_options=READING)
    check(out, clips, model, **READING)


@pytest.mark.parametrize("times", [0, 2])
def test_what_is_lost_or_written_twice_is_found(clips, saved_model, tmp_path, monkeypatch, times):
    def write(self, file, clip):
        for _ in range(times if clip.source.endswith("take05.npy") else 1):
            file.write(clip)

    monkeypatch.setattr(pipeline._Sink, "write_record", write)
    with pytest.raises(TfposeError, match=r"1 files are not encoded once and whole, such as .*take05\.npy"):
        encode_dataset(clips, saved_model, tmp_path / "codes", reading_options=READING)
    assert not (tmp_path / "codes").exists() and left_beside(tmp_path / "codes") == []


@pytest.mark.slow
def test_a_killed_command_starts_over(many_clips, model, saved_model, tmp_path):
    out = tmp_path / "codes"
    arguments = [many_clips, "--model", saved_model, "--out", out, "--skeleton", "paper17", "--clips_per_shard", "1"]
    command = [sys.executable, "-m", "tfpose.cli", "encode-dataset", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        while len(list(tmp_path.glob(".codes.unfinished/*/beam-temp-*/*"))) < 3 and running.poll() is None:
            time.sleep(0.01)
        running.kill()
    assert running.returncode == -signal.SIGKILL
    assert not out.exists() and left_beside(out) == [".codes.unfinished"]
    (unfinished,) = out.parent.glob(".codes.unfinished/*/")
    with pytest.raises(DataError, match="no such file; expected the summary of a finished"):
        list(read_codes(unfinished))
    encode_dataset(many_clips, saved_model, out, reading_options=READING)
    check(out, many_clips, model, **READING)
    assert left_beside(out) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_killed_worker_ends_the_command(clips, model, saved_model, tmp_path):
    os.mkfifo(tmp_path / "endless.csv")  # whoever reads it waits

    def kill():
        with open(tmp_path / "endless.csv", "w"):  # opens when the worker has opened it
            (worker,) = [worker for shell in children(os.getpid()) for worker in children(shell)]
            os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    out = tmp_path / "codes"
    with pytest.raises(TfposeError, match="nothing was written"):
        encode_dataset(
            tmp_path / "endless.csv",
            saved_model,
            out,
            reading_options=READING,
            beam_options=["--direct_running_mode=multi_processing", "--direct_num_workers=1"],
        )
    killer.join()
    assert not out.exists() and left_beside(out) == []
    encode_dataset(clips, saved_model, out, reading_options=READING)
    check(out, clips, model, **READING)


def children(process: int) -> list[int]:
    return [int(pid) for pid in subprocess.run(["pgrep", "-P", str(process)], capture_output=True).stdout.split()]


def test_the_command(clips, keras_file, tmp_path, capsys):
    out = tmp_path / "codes"
    (clips / "cut.npy").write_bytes(b"")
    call = ["encode-dataset", str(clips), "--model", str(keras_file), "--out", str(out), "--skeleton=paper17"]
    assert cli.main([*call, "--format=parquet"]) == 0
    said = capsys.readouterr().out
    assert f"25 files: 24 clips, 2208 poses encoded -> {out}" in said and "not encoded: 1 unreadable" in said
    (clips / "cut.npy").unlink()
    check(out, clips, load_model(keras_file), **READING)
    assert "encode-dataset" in json.loads((out / "summary.json").read_text())["command"]
    assert cli.main(call) == 1
    assert f"{out}: exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--", "--nope=3", "--direct_num_workers=1"], 1, "Beam has no option --nope"),
        (["--runner=Nope"], 1, "Beam cannot use the runner 'Nope'"),
        (["another", "--", "--direct_num_workers=1"], 2, "expected INPUT, got"),
    ],
)
def test_wrong_calls(clips, saved_model, tmp_path, capsys, arguments, status, says):
    call = ["encode-dataset", str(clips), f"--model={saved_model}", f"--out={tmp_path / 'codes'}"]
    assert cli.main([*call, *arguments]) == status
    assert says in capsys.readouterr().err
    assert not (tmp_path / "codes").exists() and left_beside(tmp_path / "codes") == []


def test_a_model_without_codes_is_refused(clips, lifter, lifter_artifacts, tmp_path):
    with pytest.raises(TfposeError, match="a PoseLifter has no signature 'encode'; it has lift"):
        encode_dataset(clips, lifter, tmp_path / "codes", reading_options=READING)
    with pytest.raises(TfposeError, match="a PoseLifter has no signature 'encode'; a PoseAutoencoder has"):
        encode_dataset(clips, lifter_artifacts["saved_model"], tmp_path / "codes", reading_options=READING)


def test_without_beam_it_says_what_to_install(clips, saved_model, tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "tfpose.export.encode_dataset")
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert cli.main(["encode-dataset", str(clips), f"--model={saved_model}", f"--out={tmp_path / 'codes'}"]) == 1
    assert "run: pip install 'tfpose[beam]'" in capsys.readouterr().err


def test_real_clips(data_dir, model, saved_model, tmp_path):
    folder = tmp_path / "nucla"
    folder.mkdir()
    for path in sorted((data_dir / "nucla" / "all_sqe").glob("*.json"))[:12]:
        (folder / path.name).symlink_to(path.resolve())
    summary = encode_dataset(folder, saved_model, tmp_path / "codes")
    assert summary["clips"] == 12
    check(tmp_path / "codes", folder, model)


@pytest.fixture
def many_clips(tmp_path) -> pathlib.Path:
    """A folder of more short clips than are encoded in a moment."""
    positions = next(synthetic.clips(1, seed=6)).positions
    for take in range(400):
        arrays.write(tmp_path / "many" / f"take{take:03d}.npy", positions[take % 50 :][:9], PAPER)
    return tmp_path / "many"


def write_ntu(path: pathlib.Path, bodies):
    """A recording of NTU RGB+D: the bodies that are seen in each frame."""
    rng, lines = np.random.default_rng(0), [str(len(bodies))]
    for seen in bodies:
        lines.append(str(len(seen)))
        for body in seen:
            lines += [f"{body} 0 0 0 0 0 0 0.1 0.2 2", "25"]
            lines += [" ".join(map(str, [*rng.normal(size=3), *[0] * 8, 2])) for _ in range(25)]
    path.write_text("\n".join(lines))
