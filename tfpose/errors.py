"""The errors that people see. Every one says what was wrong, where, and what to do."""

LONGEST = 1000
"""Characters of a message: what is longer loses its middle."""


INCOMPLETE = (
    "a joint is missing (NaN), which a classifier does not know; complete the poses before, with 'denoise' of an "
    "autoencoder"
)


class TfposeError(ValueError):
    """Base of all errors that tfpose raises for bad input; the command line prints it as one line.

    Names and values from damaged files are parts of messages: what cannot be printed is escaped, and what is longer
    than `LONGEST` is shortened.
    """

    def __init__(self, message: object = ""):
        super().__init__(shortened(printable(str(message))))


class SkeletonError(TfposeError):
    """A skeleton is not a tree, or two skeletons cannot be converted."""


class DataError(TfposeError):
    """A file or folder cannot be read as what it was said to be. The message starts with its path."""


class VerificationError(TfposeError):
    """An exported artifact does not compute what the model computes."""


def printable(text: str) -> str:
    """The text with all that cannot be printed escaped, but for the ends of lines."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its first two thirds and its end where it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    gap = " ... "
    start = longest * 2 // 3
    return text[:start] + gap + text[start + len(gap) - longest :]
