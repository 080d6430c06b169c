"""SeBiReNet against a slow reference: one Keras cell per node, called one node after the other."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.layers import SeBiReNet
from tfpose.skeleton import Skeleton

CELLS = {
    "gru": lambda units, bias: keras.layers.GRUCell(units, use_bias=bias, reset_after=True),
    "lstm": lambda units, bias: keras.layers.LSTMCell(units, use_bias=bias),
    "simple": lambda units, bias: keras.layers.SimpleRNNCell(units, use_bias=bias),
}
FEATURES, UNITS, BATCH = 3, 4, 2


class Reference:
    """Eq. 8, node by node.

    The cells are stateless and take the weights of the network under test, so that gradients arrive at the same
    variables. Nodes are visited by walking the tree; levels do not occur.
    """

    def __init__(self, network):
        self.network = network
        self.parents = network.skeleton.parents
        self.root = self.parents.index(-1)
        self.cells = {}

    def __call__(self, inputs):
        subnets = [subnet for subnet in (self.network.recursive, self.network.diffuse) if subnet is not None]
        together = [[subnet] for subnet in subnets] if self.network.wiring == "concatenated" else [subnets]
        return tf.concat([self.run(subnets, inputs) for subnets in together], axis=-1)

    def run(self, subnets, inputs):
        zeros = tf.zeros([inputs.shape[0], UNITS])
        parts = 2 if self.network.cell == "lstm" else 1
        states = {joint: [zeros] * parts for joint in range(len(self.parents))}
        for _ in range(self.network.passes):
            for subnet in subnets:
                walk = self.from_leaves if subnet.direction == "recursive" else self.from_root
                walk(subnet, inputs, states, self.root)
        hidden = [states[joint][0] for joint in range(len(self.parents))]
        if subnets[-1].node_output:
            hidden = [self.output(subnets[-1], joint, h) for joint, h in enumerate(hidden)]
        return tf.stack(hidden, axis=1)

    def from_leaves(self, subnet, inputs, states, joint):
        children = [child for child, parent in enumerate(self.parents) if parent == joint]
        for child in children:
            self.from_leaves(subnet, inputs, states, child)
        self.node(subnet, inputs, states, joint, neighbours=children, bones=children)

    def from_root(self, subnet, inputs, states, joint):
        parent = self.parents[joint]
        self.node(subnet, inputs, states, joint, *(([], []) if parent < 0 else ([parent], [joint])))
        for child in (child for child, parent in enumerate(self.parents) if parent == joint):
            self.from_root(subnet, inputs, states, child)

    def node(self, subnet, inputs, states, joint, neighbours, bones):
        """A cell whose input is the joint's feature and its neighbours' new hidden states, side by side."""
        place = subnet.order.index(joint)
        messages = [self.message_kernel(subnet, bone) for bone in bones]
        kernel = tf.concat([subnet.input_kernel[place], *messages], axis=0)
        weights = [kernel, subnet.recurrent_kernel[place]]
        if subnet.use_bias:
            bias = subnet.bias[place][0]
            weights.append(tf.stack([bias, tf.zeros_like(bias)]) if subnet.cell == "gru" else bias)
        cell = self.cell(len(neighbours))
        entering = tf.concat([inputs[:, joint], *(states[other][0] for other in neighbours)], axis=-1)
        (_, states[joint]), _ = cell.stateless_call(weights, cell.non_trainable_variables, entering, states[joint])

    def message_kernel(self, subnet, joint):
        """Of the bone from `joint` to its parent: they are stored in the order of the joints, without the root."""
        return subnet.message_kernel[[j for j in subnet.order if j != self.root].index(joint)]

    def output(self, subnet, joint, hidden):
        place = subnet.order.index(joint)
        return tf.tanh(hidden @ subnet.output_kernel[place] + subnet.output_bias[place])

    def cell(self, neighbours):
        if neighbours not in self.cells:
            cell = CELLS[self.network.cell](UNITS, self.network.use_bias)
            cell.build((None, FEATURES + neighbours * UNITS))
            self.cells[neighbours] = cell
        return self.cells[neighbours]


def random_tree(joints, seed):
    """A tree of random shape whose joints stand in random order, children often before their parents."""
    rng = np.random.default_rng(seed)
    narrow = rng.integers(1, 6)  # how far back a parent may be: small makes long trees, large makes wide ones
    parents = [-1] + [int(rng.integers(max(0, joint - narrow), joint)) for joint in range(1, joints)]
    return shuffled(parents, rng)


def shuffled(parents, rng):
    place = rng.permutation(len(parents))
    mixed = [0] * len(parents)
    for joint, parent in enumerate(parents):
        mixed[place[joint]] = int(place[parent]) if parent >= 0 else -1
    return Skeleton(f"tree{len(parents)}", tuple(f"j{i}" for i in range(len(parents))), tuple(mixed))


def chain(joints):
    return shuffled([joint - 1 for joint in range(joints)], np.random.default_rng(joints))


def star(joints):
    return shuffled([-1] + [0] * (joints - 1), np.random.default_rng(joints))


def assert_agrees(skeleton, **options):
    """Values, and gradients with respect to the input and every weight, to 1e-5."""
    network = SeBiReNet(skeleton, UNITS, **options)
    rng = np.random.default_rng(len(skeleton))
    inputs = tf.Variable(rng.normal(size=(BATCH, len(skeleton), FEATURES)).astype(np.float32))
    network.build(inputs.shape)
    for weight in network.weights:  # biases too
        weight.assign(rng.normal(0, 0.5, weight.shape))
    reference = Reference(network)
    variables = [inputs, *(weight.value for weight in network.weights)]
    results = []
    seen_from = None
    for run in (network, reference):
        with tf.GradientTape() as tape:
            output = run(inputs)
            if seen_from is None:
                seen_from = rng.normal(size=output.shape).astype(np.float32)
            scalar = tf.reduce_sum(output * seen_from)
        results.append((output, tape.gradient(scalar, variables, unconnected_gradients="zero")))
    (values, gradients), (expected, expected_gradients) = results
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(values, expected, atol=1e-5, rtol=1e-5)
    for weight, found, wanted in zip(
        ["inputs", *(weight.path for weight in network.weights)], gradients, expected_gradients
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=1e-5, err_msg=weight)


@pytest.mark.parametrize("wiring", ["sebirenet", "recursive", "diffuse", "concatenated"])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("node_output", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_every_option_on_a_small_tree(wiring, passes, node_output, use_bias):
    #      4            a root with three children, of which one is a leaf,
    #    / | \          one has two children and one has one: all listed out of order
    #   0  5  2
    #  / \    |
    # 3   1   6
    skeleton = Skeleton("small", tuple("abcdefg"), (4, 0, 4, 0, -1, 4, 2))
    assert_agrees(skeleton, wiring=wiring, passes=passes, node_output=node_output, use_bias=use_bias)


@pytest.mark.parametrize(
    "options",
    [
        {"wiring": "sebirenet", "passes": 1},
        {"wiring": "sebirenet", "passes": 2, "node_output": True, "use_bias": False},
        {"wiring": "recursive", "passes": 2, "node_output": True},
        {"wiring": "diffuse", "passes": 2, "use_bias": False},
        {"wiring": "concatenated", "passes": 2, "node_output": True},
        {"wiring": "sebirenet", "passes": 2, "cell": "lstm"},
        {"wiring": "concatenated", "passes": 1, "cell": "lstm", "use_bias": False},
        {"wiring": "sebirenet", "passes": 2, "cell": "simple", "node_output": True},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_the_papers_skeleton(paper17, options):
    assert_agrees(paper17, **options)


TREES = [random_tree(joints, joints) for joints in (1, 2, 3, 4, 6, 8, 11, 15, 20, 25, 31, 40)]
TREES += [random_tree(12, seed) for seed in (100, 101, 102)] + [chain(9), star(9)]
VARIANTS = [
    {"passes": 2},
    {"passes": 1, "node_output": True},
    {"wiring": "concatenated", "cell": "lstm"},
    {"passes": 2, "cell": "simple", "use_bias": False},
    {"cell": "lstm"},
]


@pytest.mark.parametrize("number", range(len(TREES)), ids=lambda number: f"{TREES[number].name}-{number}")
def test_random_trees(number):
    assert_agrees(TREES[number], **VARIANTS[number % len(VARIANTS)])


def test_the_random_trees_are_what_they_are_for():
    sizes = {len(tree) for tree in TREES}
    assert {2, 3, 40} <= sizes and len(TREES) >= 12
    assert sum(any(parent > joint for joint, parent in enumerate(tree.parents)) for tree in TREES) >= 10
    assert max(len(children) for tree in TREES for children in tree.children) >= 8
    assert max(len(tree.levels_by_depth) for tree in TREES) >= 9
