"""Programs that ship: models as SavedModel and LiteRT files that need no tfpose to run, and proof that they agree."""

from tfpose.export.exporting import export
from tfpose.export.inspect import describe
from tfpose.export.verify import require, verify

__all__ = ["describe", "export", "require", "verify"]
