"""Files of skeletons: a module for each format, and `read` for all of them. Only TFRecords import TensorFlow."""

from tfpose.formats.axes import UPS
from tfpose.formats.clip import Clip
from tfpose.formats.reading import FORMATS, read

__all__ = ["FORMATS", "UPS", "Clip", "read"]
