"""What cleaning did to a clip, in numbers and as text."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from tfpose import reports
from tfpose.formats.samples import sample
from tfpose.skeleton import Skeleton

PAPER = Skeleton.load("paper17")


@pytest.fixture
def walk():
    return sample("walk").to(PAPER).positions


def test_everything_is_counted(walk):
    observed, denoised = walk.copy(), walk.copy()
    observed[3, 4:6] = np.nan
    observed[10:12, PAPER.index("wrist_left")] += 0.3
    pairs = [(PAPER.index(f"{joint}_left"), PAPER.index(f"{joint}_right")) for joint in ("hip", "knee", "ankle")]
    for left, right in pairs:
        observed[20:25, [left, right]] = observed[20:25, [right, left]]
    denoised[40, 7] = np.nan
    found = reports.summary(observed, {"denoised": denoised}, PAPER)
    assert (found["frames"], found["joints"]) == (70, 70 * 17)
    assert (found["missing"], found["filled"]) == (2, 2)
    assert found["exchanged"] == 5 and found["touched"] == 1 + 2 + 5
    assert found["moved"] == 2 + 5 * 6
    bones = {bone["bone"]: bone for bone in found["bones"]}
    forearm = bones["elbow_left - wrist_left"]
    assert forearm["before"] > 0.02 and forearm["after"] < 1e-4 and 0.15 < forearm["length"] < 0.35
    text = reports.text(found)
    assert "2 of 1,190, 2 filled" in text and "in 5 frames" in text and "elbow_left - wrist_left" in text


def test_a_sum_of_clips(walk):
    one = reports.summary(walk, {"denoised": walk}, PAPER)
    both = reports.total([one, one])
    assert both["frames"] == 140 and both["moved"] == 0
    assert both["bones"][0]["length"] == pytest.approx(one["bones"][0]["length"])


def test_a_single_frame_has_no_spread(walk):
    found = reports.summary(walk[:1], {"denoised": walk[:1]}, PAPER)
    assert np.isnan(found["bones"][0]["before"]) and "nan" in reports.text(found)


@pytest.fixture
def page(walk, tmp_path):
    result = {"denoised": walk, "trust": np.ones(walk.shape[:2])}
    clip = {
        "name": "walk <1>.bvh",
        "observed": walk,
        "result": result,
        "skeleton": PAPER,
        "rate": 30,
        "notes": ["in cm"],
    }
    reports.page(tmp_path / "report.html", "a title", [clip])
    return tmp_path / "report.html"


def test_a_page_needs_nothing_beside_it(page):
    text = page.read_text()
    assert "walk &lt;1&gt;.bvh" in text and "in cm" in text and text.count("data:image/") == 2
    assert not re.search(r"(src|href)=\"(?!data:)", text)


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium; make test-web installs it")
def test_a_browser_shows_its_pictures(page, tmp_path):
    shot = tmp_path / "shot.png"
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,2400"]
    subprocess.run([*browser, f"--screenshot={shot}", f"file://{page}"], check=True, capture_output=True, timeout=120)
    with Image.open(shot) as image:
        colours = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    # The blue of cleaned poses is there, so the pictures are.
    assert ((colours[:, 2] > colours[:, 0] + 60) & (colours[:, 2] > 120)).mean() > 0.001


def test_a_page_begins_where_somebody_is_seen(walk, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("tfpose.plots.animate", lambda path, observed, *rest, **more: draw(path, observed))

    def draw(path, observed):
        drawn.append(observed)
        path.write_bytes(b"a picture")

    late = np.concatenate([np.full((300, 17, 3), np.nan), walk])
    clip = {"name": "late.bvh", "observed": late, "result": {"denoised": late}, "skeleton": PAPER, "rate": 30}
    nobody = {**clip, "name": "nobody.bvh", "observed": late[:9], "result": {"denoised": late[:9]}}
    reports.page(tmp_path / "report.html", "a title", [clip, nobody])
    np.testing.assert_array_equal(drawn, [walk])
    text = (tmp_path / "report.html").read_text()
    assert text.count("data:image/") == 1 and "nobody.bvh" in text
