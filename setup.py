"""Packaging. `trainers/` and `export/` stand at the top level for people and are installed as parts of tfpose."""

import pathlib

from setuptools import setup

setup(
    name="tfpose",
    version="0.2.0",
    description="Unsupervised 3D human pose representations for TensorFlow: denoise, encode, transfer views, export.",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    package_dir={"tfpose": "tfpose", "tfpose.trainers": "trainers", "tfpose.export": "export"},
    packages=[
        "tfpose",
        "tfpose.cli",
        "tfpose.datasets",
        "tfpose.formats",
        "tfpose.geometry",
        "tfpose.layers",
        "tfpose.models",
        "tfpose.noise",
        "tfpose.plots",
        "tfpose.serving_client",
        "tfpose.trainers",
        "tfpose.trainers.configs",
        "tfpose.trainers.evaluators",
        "tfpose.export",
        "tfpose.export.serving",
    ],
    package_data={"tfpose": ["skeletons/*.json", "presets/*/*"], "tfpose.export.serving": ["files/*"]},
    install_requires=[
        "absl-py>=2.0",
        "keras>=3.10",
        "matplotlib>=3.8",
        "ml_collections>=1.0",
        "numpy>=1.26",
        "pillow>=10.0",
        "scikit-learn>=1.4",
        "scipy>=1.11",
        "tensorboard>=2.19",  # tf.summary writes through it, and TensorFlow no longer brings it
        "tqdm>=4.66",
    ],
    extras_require={
        # TensorFlow is an extra so that tensorflow, tensorflow-cpu and tensorflow-gpu builds can each satisfy it.
        "tensorflow": ["tensorflow>=2.19"],
        "cpu": ["tensorflow-cpu>=2.19"],
        "litert": ["ai-edge-litert>=1.3"],
        # What tfpose.export.serving writes; it asks for tensorflow by that very name, so beside tensorflow-cpu it is
        # installed with --no-deps.
        "serving": ["tensorflow-serving-api>=2.19"],
        "client": ["grpcio>=1.60", "protobuf>=5.0", "requests>=2.31"],  # what tfpose.serving_client speaks through
        "onnx": ["onnx>=1.17", "onnxruntime>=1.20", "tf2onnx>=1.17"],  # to write the files, and to open them
        "openvino": ["openvino>=2025.0"],  # reads the SavedModel
        "quantise": ["ai-edge-quantizer>=0.10"],  # it pins the ai-edge-litert that it goes with
        "beam": ["apache-beam>=2.77", "pyarrow>=14.0.1"],  # tfpose encode-dataset
        "test": ["pytest>=8.0", "pytest-xdist>=3.6", "ruff>=0.8"],
    },
    entry_points={"console_scripts": ["tfpose = tfpose.cli:main"]},
)
