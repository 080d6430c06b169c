"""The error that a client of a server raises."""

from tfpose.errors import TfposeError


class ServingError(TfposeError):
    """A request that was not answered.

    Attributes:
        code: the name of gRPC's status, over REST too: "INVALID_ARGUMENT" (wrong shape, input or signature, or an
            unknown version label), "NOT_FOUND" (no such model or version), "UNAVAILABLE" (no server, or an overloaded
            one), "DEADLINE_EXCEEDED", ...
        detail: what went wrong, without the code.
    """

    def __init__(self, code: str, detail: str):
        super().__init__(f"{detail} ({code})")
        self.code, self.detail = code, detail
