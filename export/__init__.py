"""Exports models as SavedModel, LiteRT and ONNX files that run without tfpose, and verifies them."""

from tfpose.export.exporting import FORMATS, export, needs_calibration
from tfpose.export.inspect import describe
from tfpose.export.quantisation import quantise
from tfpose.export.serving import export_serving
from tfpose.export.verify import require, verify

__all__ = [
    "FORMATS",
    "describe",
    "export",
    "export_serving",
    "needs_calibration",
    "quantise",
    "require",
    "verify",
]
