"""The speed of the network alone on a CUDA GPU with Keras' JAX backend, beside the bounds of the GPU.

    pip install "jax[cuda12]"
    .venv/bin/python benchmarks/gpu.py --out results/speed_gpu.json

The rows take turns. Without JAX, or without a GPU, it prints a message and measures nothing.
"""

from __future__ import annotations

import importlib.util
import os

os.environ["KERAS_BACKEND"] = "jax"

import numpy as np
from absl import flags
from contenders import PAPER
from harness import medians, program, report

_OUT = flags.DEFINE_string("out", None, "JSON file for the result.")
_MODEL = flags.DEFINE_string("model", PAPER, "A preset without refinements.")
_BATCHES = flags.DEFINE_list("batches", ["1024", "16384", "131072"], "Poses per call.")
_ROUNDS = flags.DEFINE_integer("rounds", 9, "How often all take turns.", lower_bound=1)
_PLATFORM = flags.DEFINE_enum("platform", "cuda", ["cuda", "cpu"], "cpu is to see that it works.")
_SIZE = flags.DEFINE_integer("size", 8192, "Rows and columns of the large product.", lower_bound=1)


def cases(model, poses):
    """Name -> `(kind of work, function, its arguments)`; every function is compiled."""
    import jax

    state = [weight.value for weight in model.trainable_variables]
    rest = [weight.value for weight in model.non_trainable_variables]

    def of(method):
        def function(state, poses):
            with keras_state(model, state, rest):
                return getattr(model, method)(poses)

        return function

    def step(state, poses):
        # A plain autoencoder and plain gradient descent: tfpose's losses and corruption are TensorFlow's.
        def loss(state):
            return ((of("reconstruct")(state, poses) - poses) ** 2).mean()

        value, gradients = jax.value_and_grad(loss)(state)
        return value, [weight - 1e-3 * gradient for weight, gradient in zip(state, gradients)]

    return {
        name: (jax.jit(function), (state, poses))
        for name, function in (("encode", of("encode")), ("denoise", of("denoise")), ("training step", step))
    }


def keras_state(model, state, rest):
    """The model with these weights, while a function is traced."""
    import keras

    weights = [*zip(model.trainable_variables, state), *zip(model.non_trainable_variables, rest)]
    return keras.StatelessScope(state_mapping=weights)


def limits(size: int) -> dict:
    """Name -> a compiled function and its arguments: a product of two matrices, in float32 itself, and a sum of two."""
    import jax
    import jax.numpy as jnp

    matrix = jnp.ones((size, size), jnp.float32)
    exact = jax.jit(lambda a: jnp.matmul(a, a, precision="highest"))
    default = jax.jit(lambda a: a @ a)
    return {
        "product": (exact, (matrix,)),
        "product, default precision": (default, (matrix,)),
        "copy": (jax.jit(lambda a: a + 1), (matrix,)),
    }


def flops(model, kind: str) -> int:
    """Per pose; a training step needs those of the reconstruction, and twice as many for the backward pass."""
    from tfpose.models import complexity

    if kind == "training step":
        return 3 * sum(complexity.flops(model, "reconstruct").values())
    return sum(complexity.flops(model, kind).values())


def measure(model, batches: list[int], rounds: int, size: int) -> dict:
    """The rows, and the limits, which take turns with them."""
    import jax
    import jax.numpy as jnp

    def call(function, arguments):
        return lambda: jax.block_until_ready(function(*arguments))

    functions = limits(size)
    joints = len(model.skeleton)
    for batch in batches:
        poses = jnp.asarray(np.random.default_rng(0).normal(0, 0.4, (batch, joints, 3)), jnp.float32)
        functions |= {(kind, batch): case for kind, case in cases(model, poses).items()}
    seconds = medians({name: call(*case) for name, case in functions.items()}, rounds)
    rate = {name: 2 * size**3 / seconds[name] for name in ("product", "product, default precision")}
    rows = [
        {
            "kind": kind,
            "batch": batch,
            "ms": 1e3 * seconds[kind, batch],
            "poses_per_second": batch / seconds[kind, batch],
            "of_the_product": flops(model, kind) * batch / seconds[kind, batch] / rate["product"],
            # Poses and weights at least go through the memory once.
            "bytes_per_pose_at_full_bandwidth": 2 * 4 * size**2 / seconds["copy"] * seconds[kind, batch] / batch,
        }
        for kind, batch in (key for key in functions if isinstance(key, tuple))
    ]
    return {
        "limits": {
            "float32_flops": rate["product"],
            "default_flops": rate["product, default precision"],
            "bytes_per_second": 2 * 4 * size**2 / seconds["copy"],
        },
        "rows": rows,
    }


def main(_):
    if importlib.util.find_spec("jax") is None:
        print("no JAX here: the benchmark on a GPU was skipped")
        return
    import jax

    jax.config.update("jax_platforms", "" if _PLATFORM.value == "cuda" else "cpu")
    if _PLATFORM.value == "cuda" and not any(device.platform in ("gpu", "cuda") for device in jax.devices()):
        print("no CUDA GPU here: its benchmark was skipped")
        return
    import tfpose
    from tfpose.trainers import markdown

    model = tfpose.load_model(_MODEL.value)
    found = measure(model, [int(batch) for batch in _BATCHES.value], _ROUNDS.value, _SIZE.value)
    bounds = found["limits"]
    table = markdown.table(
        ("", "poses", "ms", "poses/s", "of the float32 product, %", "bytes per pose that the memory could move"),
        [
            (
                row["kind"],
                f"{row['batch']:,}",
                f"{row['ms']:.3f}",
                f"{row['poses_per_second']:,.0f}",
                f"{100 * row['of_the_product']:.1f}",
                f"{row['bytes_per_pose_at_full_bandwidth']:,.0f}",
            )
            for row in found["rows"]
        ],
    )
    text = (
        f"{jax.devices()[0].device_kind}, JAX {jax.__version__}. Large products: {bounds['float32_flops'] / 1e12:.2f} "
        f"TFLOP/s in float32, {bounds['default_flops'] / 1e12:.2f} in JAX' default precision; memory: "
        f"{bounds['bytes_per_second'] / 1e9:,.0f} GB/s.\n\n{table}"
    )
    report(_OUT.value, "speed_gpu", found, text, _MODEL.value)


if __name__ == "__main__":
    program(main)
