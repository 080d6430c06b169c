"""The model of clips: streams, long clips, gaps, options and errors."""

import numpy as np
import pytest

from tfpose.errors import TfposeError
from tfpose.models import ClipDenoiser, clip_denoiser, load_model, save_model


@pytest.fixture
def model(clip_model) -> ClipDenoiser:
    return clip_model


@pytest.fixture
def noisy(standing_pose) -> np.ndarray:
    """30 frames with jitter, missing joints and a missing frame, far from the origin."""
    random = np.random.default_rng(1)
    clip = standing_pose + np.float32([7, 0, -3]) + 0.01 * random.normal(size=(30, 17, 3)).astype(np.float32)
    clip[4:9, 6], clip[15] = np.nan, np.nan
    return clip


def test_shapes_and_values(model, noisy):
    result = model.denoise_clip(noisy, rate=30)
    assert result["denoised"].shape == (30, 17, 3) and np.isfinite(result["denoised"]).all()
    assert result["trust"].shape == (30, 17) and (result["trust"] >= 0).all() and (result["trust"] <= 1).all()
    assert result["filled"].dtype == bool and result["filled"][4:9, 6].all() and result["filled"][15].all()
    batch = model.denoise_clip(np.stack([noisy, noisy[::-1]]), rate=[30, 60])
    assert batch["denoised"].shape == (2, 30, 17, 3)
    np.testing.assert_allclose(batch["denoised"][0], result["denoised"], atol=1e-4)


def test_a_stream_is_the_causal_form(model, noisy):
    whole = model.denoise_clip(noisy, rate=25, causal=True)
    stream = model.stream(rate=25)
    for number, joints in enumerate(noisy):
        step = stream.step(joints)
        for name in ("denoised", "trust", "filled"):
            np.testing.assert_allclose(step[name], whole[name][number], atol=1e-5)


def test_several_people_in_one_stream(model, noisy):
    together, alone = model.stream(30), model.stream(30)
    other = noisy[::-1] + np.float32([2, 0, 0])
    for one, two in zip(noisy, other):
        both = together.step(np.stack([one, two]))["denoised"]
        np.testing.assert_allclose(both[1], alone.step(two)["denoised"], atol=1e-4)


def test_each_person_of_a_stream_has_digits_far_from_the_origin_whenever_they_come(model, noisy):
    near, far = model.stream(30), model.stream(30)
    away = np.float32([4096, 0, -4096])  # in steps of half a millimetre
    for number, joints in enumerate(np.round(noisy[:12] * 2048) / 2048):
        both = np.stack([np.full_like(joints, np.nan) if number < late else joints for late in (0, 3)])
        expected, found = near.step(both)["denoised"], far.step(both + away)["denoised"]
        seen = number >= 3
        np.testing.assert_allclose((found - away)[: 1 + seen], expected[: 1 + seen], atol=1e-3)


def test_long_clips_are_computed_in_pieces(model, noisy, monkeypatch):
    whole = {causal: model.denoise_clip(noisy, 30, causal=causal)["denoised"] for causal in (True, False)}
    monkeypatch.setattr(clip_denoiser, "_AT_ONCE", 10)
    np.testing.assert_allclose(model.denoise_clip(noisy, 30, causal=True)["denoised"], whole[True], atol=1e-4)
    np.testing.assert_allclose(model.denoise_clip(noisy, 30)["denoised"], whole[False], atol=1e-4)


@pytest.mark.parametrize("gap", [slice(0, 60), slice(8, 52), slice(8, None)])
def test_pieces_without_anybody_in_them_stay_where_somebody_was(model, noisy, monkeypatch, gap):
    clip = np.concatenate([noisy, noisy, noisy[:10]])
    clip[gap] = np.nan
    whole = model.denoise_clip(clip, 30)["denoised"]
    monkeypatch.setattr(clip_denoiser, "_AT_ONCE", 10)
    monkeypatch.setattr(clip_denoiser, "OVERLAP", 10)
    pieces = model.denoise_clip(clip, 30)["denoised"]
    assert np.ptp(pieces, axis=1)[..., 1].min() > 0.5 < np.ptp(whole, axis=1)[..., 1].min()
    np.testing.assert_allclose(pieces.mean(axis=1), whole.mean(axis=1), atol=0.05)


def test_it_moves_with_the_clip(model, noisy):
    here, there = (model.denoise_clip(clip, 30)["denoised"] for clip in (noisy, noisy + np.float32([1, 2, 3])))
    np.testing.assert_allclose(there, here + np.float32([1, 2, 3]), atol=1e-4)


def test_missing_frames_at_the_ends_are_filled(model, noisy):
    noisy[:3], noisy[-2:] = np.nan, np.nan
    for causal in (True, False):
        denoised = model.denoise_clip(noisy, 30, causal=causal)["denoised"]
        assert np.isfinite(denoised).all()
    assert np.abs(denoised[0] - denoised[5]).max() < 0.5
    nothing = model.denoise_clip(np.full_like(noisy, np.nan), 30)
    assert np.isfinite(nothing["denoised"]).all() and nothing["filled"].all()


def test_missing_joints_can_stay_missing(model, noisy):
    denoised = model.denoise_clip(noisy, 30, leave_missing=True)["denoised"]
    np.testing.assert_array_equal(np.isnan(denoised), np.isnan(noisy))


def test_bones_can_be_constant(model, noisy, paper17):
    denoised = model.denoise_clip(noisy, 30, constant_bones=True)["denoised"]
    child, parent = np.transpose(paper17.bones)
    lengths = np.linalg.norm(denoised[:, child] - denoised[:, parent], axis=-1)
    assert lengths.std(0).max() < 1e-5


def test_confidence_of_zero_is_a_missing_joint(model, noisy):
    confidence = np.ones(noisy.shape[:2])
    confidence[:, 3] = 0.0
    result = model.denoise_clip(noisy, 30, confidence)
    assert (result["trust"][:, 3] < 1e-6).all() and result["filled"][:, 3].all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda clip: {"positions": clip[:, :5], "rate": 30}, r"positions: expected \[T, 17, 3\] or"),
        (lambda clip: {"positions": clip[0], "rate": 30}, r"got \[17, 3\]"),
        (lambda clip: {"positions": "walk.bvh", "rate": 30}, "positions: expected an array, got a str"),
        (lambda clip: {"positions": clip, "rate": 0}, "rate: expected frames per second"),
        (lambda clip: {"positions": clip, "rate": None}, "rate: expected frames per second, such as 30; got None"),
        (lambda clip: {"positions": clip, "rate": np.inf}, "rate: expected frames per second"),
        (lambda clip: {"positions": clip, "rate": [30, 25]}, "rate: expected one number, or one for each of 1 clips"),
        (lambda clip: {"positions": clip, "rate": 30, "confidence": np.ones(3)}, r"confidence: expected \[1, 30, 17\]"),
    ],
)
def test_bad_input(model, noisy, given, message):
    with pytest.raises(TfposeError, match=message):
        model.denoise_clip(**given(noisy))


def test_a_stream_says_what_is_wrong_and_goes_on(model, noisy):
    stream, other = model.stream(30), model.stream(30)
    for joints in noisy[:5]:
        expected = other.step(joints)
        with pytest.raises(TfposeError, match="joints: expected"):
            stream.step(joints[:4])
        if stream.state is not None:
            with pytest.raises(TfposeError, match="the next frame of 1 people"):
                stream.step(noisy[:3])
        np.testing.assert_array_equal(stream.step(joints)["denoised"], expected["denoised"])
    with pytest.raises(TfposeError, match="confidence"):
        stream.step(noisy[0], np.ones(4))
    with pytest.raises(TfposeError, match="rate"):
        model.stream(0)


def test_a_stream_that_looks_ahead(model, noisy):
    stream, confidence = model.stream(25, look_ahead=4), np.ones(noisy.shape[:2], np.float32)
    confidence[10, 5] = 0.0
    found = [stream.step(*given) for given in zip(noisy, confidence)]
    assert found[:4] == [None] * 4
    found = found[4:] + stream.finish()
    assert len(found) == len(noisy) and stream.finish() == []
    assert stream.step(noisy[0]) is None and len(stream.finish()) == 1  # of another clip
    for number, frame in enumerate(found):
        upto = slice(0, number + 5)
        whole = model.denoise_clip(noisy[upto], 25, confidence[upto])
        for name, values in frame.items():
            np.testing.assert_allclose(values, whole[name][number], atol=1e-4)


def test_a_stream_that_looks_ahead_is_of_bounded_memory_and_of_several_people(model, noisy, monkeypatch):
    monkeypatch.setattr(clip_denoiser, "OVERLAP", 6)
    stream, both = model.stream(25, look_ahead=2), np.stack([noisy, noisy + 1], axis=1)
    found = [stream.step(joints) for joints in both]
    window = model.denoise_clip(np.swapaxes(both[20 - 6 : 20 + 3], 0, 1), 25)
    np.testing.assert_allclose(found[22]["denoised"], window["denoised"][:, 6], atol=1e-4)
    assert len(stream._window) == 9


def test_a_stream_that_looks_ahead_holds_who_is_gone(model, noisy, monkeypatch):
    monkeypatch.setattr(clip_denoiser, "OVERLAP", 6)
    stream = model.stream(25, look_ahead=2)
    for joints in noisy[:8]:
        seen = stream.step(joints)
    for _ in range(20):
        held = stream.step(np.full_like(noisy[0], np.nan))
    np.testing.assert_allclose(held["denoised"].mean(0), seen["denoised"].mean(0), atol=0.05)
    assert np.ptp(held["denoised"][:, 1]) > 0.5 and held["filled"].all()


def test_a_stream_that_looks_ahead_takes_a_frame_again_that_failed(model, noisy):
    stream, other = model.stream(25, look_ahead=2), model.stream(25, look_ahead=2)
    compute = stream._denoise_clip
    for joints in noisy[:6]:
        expected = other.step(joints)
        if expected is not None:
            stream._denoise_clip = lambda *given: 1 / 0
            with pytest.raises(ZeroDivisionError):
                stream.step(joints)
            stream._denoise_clip = compute
        found = stream.step(joints)
    np.testing.assert_allclose(found["denoised"], expected["denoised"], atol=1e-5)


def test_a_stream_that_looks_ahead_says_what_is_wrong(model, noisy):
    stream = model.stream(30, look_ahead=2)
    stream.step(noisy[0])
    with pytest.raises(TfposeError, match="the next frame of 1 people"):
        stream.step(noisy[:3])
    with pytest.raises(TfposeError, match="joints: expected"):
        stream.step(noisy[0, :4])
    assert len(stream.finish()) == 1  # shorter than it looks ahead
    with pytest.raises(TfposeError, match="look_ahead: expected a number of frames"):
        model.stream(30, look_ahead=-1)
    with pytest.raises(TfposeError, match="rate"):
        model.stream(0, look_ahead=1)


def test_saved_and_loaded(model, noisy, tmp_path):
    save_model(model, tmp_path)
    loaded = load_model(tmp_path, ClipDenoiser)
    np.testing.assert_allclose(
        loaded.denoise_clip(noisy, 30)["denoised"], model.denoise_clip(noisy, 30)["denoised"], atol=1e-6
    )
    assert loaded.weight_paths() == model.weight_paths()


def test_the_pose_model_is_a_frozen_copy(model):
    assert not model.autoencoder.trainable_weights
    assert {weight.path.split("/")[1] for weight in model.trainable_weights} == {"offline", "causal"}
