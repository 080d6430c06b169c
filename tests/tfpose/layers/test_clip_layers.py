"""Layers of clips: whole clips and frame by frame, against plain numpy."""

import numpy as np
import pytest

from tfpose.layers import ClipSmoother, GapBridge, LocalRegression, SeBiReNet, SeBiReNetOverTime, TemporalConvolutions

RANDOM = np.random.default_rng(0)


def clip(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def trained(layer, scale=0.3):
    """With weights that are not zero."""
    for weight in layer.weights:
        weight.assign(scale * RANDOM.normal(size=weight.shape))
    return layer


NETWORKS = {
    "convolutions": lambda skeleton, causal: TemporalConvolutions(8, (1, 2), causal),
    "sebirenet": lambda skeleton, causal: SeBiReNetOverTime(skeleton, 4, causal),
}

ALL = ["convolutions", pytest.param("sebirenet", marks=pytest.mark.slow)]


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_run_frame_by_frame(paper17, network):
    layer = NETWORKS[network](paper17, True)
    frames = clip(2, 20, 17 * 2)
    layer(frames)
    trained(layer)
    whole, _ = layer(frames)
    history = [np.zeros((2, *shape), np.float32) for shape in layer.history_shapes]
    for number in range(20):
        values, history = layer(frames[:, number : number + 1], history)
        np.testing.assert_allclose(values[:, 0], whole[:, number], atol=1e-5)


@pytest.mark.parametrize("network", ALL)
@pytest.mark.parametrize("causal", [True, False])
def test_only_the_causal_form_ignores_the_future(paper17, network, causal):
    frames = clip(1, 20, 17 * 2)
    changed = frames.copy()
    changed[:, 12] += 1.0
    layer = NETWORKS[network](paper17, causal)
    layer(frames)
    trained(layer)
    different = np.abs(np.array(layer(frames)[0]) - np.array(layer(changed)[0])).max(axis=(0, 2)) > 1e-6
    assert different[12] and different[13] and different[11] == different[10] == (not causal)
    if network == "convolutions":  # which see so far and no farther
        assert not different[8] and not different[19]


def test_a_pose_seen_twice_is_two_passes_of_the_paper(paper17):
    pose = clip(3, 17, 2)
    passes = SeBiReNet(paper17, units=4, passes=2)
    passes(pose)
    over_time = SeBiReNetOverTime(paper17, 4, causal=True)
    over_time(np.repeat(pose.reshape(3, 1, -1), 2, axis=1))
    over_time.set_weights(trained(passes).get_weights())
    expected = passes(pose)
    values, _ = over_time(np.repeat(pose.reshape(3, 1, -1), 2, axis=1))
    np.testing.assert_allclose(np.reshape(values[:, 1], (3, 17, 4)), expected, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_regression_is_weighted_least_squares(causal):
    layer = LocalRegression((2.0,), 10, causal, floor=0.0, ridge=0.0)
    joints, weights = clip(1, 24, 2, 3), RANDOM.uniform(0.1, 1, (1, 24, 2, 1)).astype(np.float32)
    values, _, _ = layer(joints, weights, np.zeros_like(joints))
    steps = np.arange(24)
    for frame in (3, 12, 23):
        apart = steps - frame
        window = np.exp(apart / 2.0) if causal else np.exp(-0.5 * (apart / 2.0) ** 2)
        window = np.where((np.abs(apart) <= 10) & ((apart <= 0) | (not causal)), window, 0.0)
        for joint in range(2):
            weight = np.sqrt(window * weights[0, :, joint, 0])
            line = np.polynomial.polynomial.polyfit(apart, joints[0, :, joint], 1, w=weight)
            np.testing.assert_allclose(values[0, frame, 0, joint], line[0], atol=2e-3)


def test_what_has_no_weight_is_the_prior_and_short_gaps_are_bridged():
    layer = LocalRegression()
    line = np.arange(40, dtype=np.float32)[None, :, None, None] * np.ones((1, 1, 1, 3), np.float32) / 40
    weights = np.ones((1, 40, 1, 1), np.float32)
    weights[:, 15:25] = 0.0
    values, support, _ = layer(line, weights, np.full_like(line, 9.0))
    np.testing.assert_allclose(values[:, 15:25, 0], line[:, 15:25], atol=0.1)
    assert support[0, 20, 0] < 1e-3 < support[0, 20, -1]
    values, _, _ = layer(line, 0 * weights, np.full_like(line, 9.0))
    np.testing.assert_allclose(values, 9.0)


def test_a_bridge_is_weighted_least_squares_of_a_parabola():
    layer = GapBridge(10, ridge=0.0)
    joints, weights = clip(1, 24, 2, 3), RANDOM.uniform(0.1, 1, (1, 24, 2, 1)).astype(np.float32)
    values, _ = layer(joints, weights, np.zeros_like(joints))
    for frame in (3, 12, 23):
        apart = np.arange(24) - frame
        window = np.where(np.abs(apart) <= 10, (1 + (apart / 2.0) ** 2) ** -4, 0.0)
        for joint in range(2):
            weight = np.sqrt(window * weights[0, :, joint, 0])
            parabola = np.polynomial.polynomial.polyfit(apart, joints[0, :, joint], 2, w=weight)
            np.testing.assert_allclose(values[0, frame, joint], parabola[0], atol=2e-3)


def test_a_bridge_goes_on_over_gaps_and_rests_on_the_prior_where_nothing_is_seen():
    time = np.arange(40, dtype=np.float32)[None, :, None, None] / 30
    truth = np.concatenate([time, time**2, 1 - time], axis=-1)
    weights = np.ones((1, 40, 1, 1), np.float32)
    weights[:, 15:25] = 0.0
    values, support = GapBridge()(truth * weights, weights, truth + 1.0)
    np.testing.assert_allclose(values, truth, atol=0.02)  # the prior is a metre off
    assert 0.3 < support[0, 20, 0, 0] < support[0, 15, 0, 0] < support[0, 8, 0, 0]
    # Of a place far from the origin it makes the same.
    far, _ = GapBridge()(truth * weights + 9.0, weights, truth + 10.0)
    np.testing.assert_allclose(far - 9.0, values, atol=1e-4)
    values, support = GapBridge()(truth, 0 * weights, truth + 1.0)
    np.testing.assert_allclose(values, truth + 1.0, atol=1e-6)
    np.testing.assert_array_equal(support, 0.0)


def smoother(skeleton, causal, network="convolutions"):
    layer = ClipSmoother(skeleton, causal, network, (8, 8), ((1, 2), (1, 2)), reach=8, widths=(1, 2, 4))
    layer.build()
    return trained(layer, 0.1)


def seen(standing_pose, frames):
    joints = standing_pose + 0.05 * clip(2, frames, 17, 3)
    observed = (RANDOM.uniform(size=(2, frames, 17, 1)) > 0.2).astype(np.float32)
    frame_seen = np.ones((2, frames, 1, 1), np.float32)
    return joints, observed, frame_seen, joints + 0.02 * clip(2, frames, 17, 3), clip(2, frames, 17, 1)


@pytest.mark.parametrize("network", ALL)
def test_the_smoother_runs_frame_by_frame(paper17, standing_pose, network):
    layer, given, rate = smoother(paper17, True, network), seen(standing_pose, 10), np.float32([30, 60])
    whole = layer(*given, rate)
    state = {name: np.zeros((2, *shape), np.float32) for name, shape in layer.state_shapes.items()}
    for number in range(10):
        step = layer(*(values[:, number : number + 1] for values in given), rate, state)
        # Weights that did not learn make much of float32's rounding: 4 to 15 micrometres.
        np.testing.assert_allclose(step.joints[:, 0], whole.joints[:, number], atol=3e-5)
        np.testing.assert_allclose(step.trust[:, 0], whole.trust[:, number], atol=1e-5)
        assert {name: tuple(value.shape[1:]) for name, value in step.state.items()} == layer.state_shapes
        state = step.state


@pytest.mark.parametrize("network", ALL)
@pytest.mark.parametrize("causal", [True, False])
def test_the_smoother_moves_with_the_clip(paper17, standing_pose, causal, network):
    layer, rate = smoother(paper17, causal, network), np.float32([30, 60])
    joints, observed, frame_seen, estimate, trust = seen(standing_pose, 6)
    here = layer(joints, observed, frame_seen, estimate, trust, rate)
    shift = np.float32([1.0, -0.5, 2.0])
    there = layer(joints + shift, observed, frame_seen, estimate + shift, trust, rate)
    np.testing.assert_allclose(there.joints, here.joints + shift, atol=1e-4)


@pytest.mark.parametrize("network", ALL)
def test_the_smoother_can_be_saved(paper17, network):
    layer = smoother(paper17, True, network)
    copy = ClipSmoother.from_config(layer.get_config())
    copy.build()
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in layer.weights]


def test_what_no_network_can_be_is_refused(paper17):
    with pytest.raises(ValueError, match="network must be one of convolutions, sebirenet, got 'lstm'"):
        ClipSmoother(paper17, True, "lstm")
    with pytest.raises(ValueError, match="units must be even for a network of both directions, got 5"):
        SeBiReNetOverTime(paper17, 5, causal=False)
