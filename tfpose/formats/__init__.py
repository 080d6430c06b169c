"""Files of skeletons: a module for each format, and `read` for all of them. Only TFRecords import TensorFlow."""

from tfpose.formats.axes import UPS
from tfpose.formats.clip import Clip
from tfpose.formats.reading import FORMATS, WRITTEN, read, write

__all__ = ["FORMATS", "UPS", "WRITTEN", "Clip", "read", "write"]
