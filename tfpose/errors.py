"""The errors that people see. Every one says what was wrong, where, and what to do."""


class TfposeError(ValueError):
    """Base of all errors that tfpose raises for bad input; the command line prints it as one line."""


class SkeletonError(TfposeError):
    """A skeleton is not a tree, or two skeletons cannot be converted."""


class DataError(TfposeError):
    """A file or folder cannot be read as what it was said to be. The message starts with its path."""


class VerificationError(TfposeError):
    """An exported artifact does not compute what the model computes."""
