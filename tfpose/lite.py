"""Runs exported models with numpy and LiteRT alone: for boards and small services, where TensorFlow is too large.

>>> import tfpose.lite
>>> model = tfpose.lite.Model("exported/model.tflite", threads=2)
>>> clean = model.denoise(joints)   # [B, 17, 3] metres -> [B, 17, 3] metres
"""

from __future__ import annotations

import concurrent.futures
import math
import os
import pathlib
import threading
import weakref

import numpy as np

from tfpose import litert_file
from tfpose.errors import INCOMPLETE, DataError, TfposeError
from tfpose.files import blame
from tfpose.skeleton import Skeleton
from tfpose.streaming import STEP_INPUTS, ClipStream

# How many numbers of a larger batch go in at once at most, about 160 poses: what is computed of them fits into a
# core's cache.
_AT_ONCE = 2**13
# How many numbers are worth another thread, about 20 poses.
_WORTH_A_THREAD = 2**10


class Model:
    """A .tflite file of `tfpose export`.

    Any batch size does, also for a file made for batches of one; an empty batch has an empty result. A large batch is
    computed in parts that fit into a core's cache, on several threads, each with an interpreter of its own: about twice
    as fast as LiteRT's own threads on all of it, in constant memory. Results are new arrays. Several threads may share
    a model; their small batches run one after the other. To run them in parallel, open the file once for each thread. A
    model also works in forked processes.

    Args:
        path: the file.
        threads: on how many threads a batch is computed; None for one for each core.
        verify: whether to compare the file with the checksum in it, which takes milliseconds.

    Attributes:
        path: the file.
        card: what the file says of itself: options, units, lineage, licence, ... (see `tfpose.export.card`).
        skeleton: the joints that it was made for, as a `Skeleton`.
        signatures: name -> `{"inputs", "outputs"}`, each name -> `{"shape", "dtype", "unit"}`; None is any length.

    Raises:
        DataError: when there is no such file, it is damaged, or was not made by tfpose; the message starts with `path`.
        TfposeError: when LiteRT is not installed.

    Examples:
        >>> model = Model("exported/model.tflite")
        >>> model.skeleton.joints[:2]
        ('spine_base', 'spine_mid')
        >>> model("denoise", joints=joints)["denoised"].shape   # what `model.denoise` does
        (64, 17, 3)
    """

    def __init__(self, path: str | os.PathLike, threads: int | None = None, verify: bool = True):
        self.path = pathlib.Path(path)
        with blame(self.path, "a LiteRT model of tfpose"):
            interpreter, self._content, self.card = litert_file.read(self.path, 1, verify)
            if not self.card:
                raise DataError(f"{self.path}: not exported by tfpose: it says nothing about its joints and units")
            self.skeleton = Skeleton.from_dict(self.card["skeleton"])
            self._runners = {name: interpreter.get_signature_runner(name) for name in self.card["signatures"]}
            self.signatures = {name: self._describe(name) for name in self._runners}
        self._threads = threads or os.cpu_count() or 1
        self._prepare_threads()
        _MODELS.add(self)

    def __call__(self, signature: str, /, **inputs) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            signature: one of `signatures`.
            **inputs: its inputs, each an array with the batch as first axis.

        Returns:
            Its outputs by name.

        Raises:
            TfposeError: when the file has no such signature, or an input does not fit it.
        """
        return self._run(signature, self._checked(signature, inputs))

    def _run(self, signature: str, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature on what `_checked` returns."""
        count = len(next(iter(given.values())))
        described = self.signatures[signature]
        batch, *shape = next(iter(described["inputs"].values()))["shape"]
        numbers = math.prod(shape)
        shares = min(self._threads, max(1, count * numbers // _WORTH_A_THREAD))
        # Parts of one size, as many for each thread.
        rounds = max(1, -(-count * numbers // (_AT_ONCE * shares)))
        at_once = batch or max(1, -(-count // (rounds * shares)))
        if 0 < count <= at_once:
            with self._lock:
                return self._runner(signature)(**given)
        # Of an empty batch too, which LiteRT refuses.
        outputs = {
            name: np.empty((count, *spec["shape"][1:]), spec["dtype"]) for name, spec in described["outputs"].items()
        }

        def fill(runner, starts):
            for start in starts:
                part = slice(start, start + at_once)
                for name, values in runner(**{name: values[part] for name, values in given.items()}).items():
                    outputs[name][part] = values

        starts = range(0, count, at_once)
        others = [
            self._pool.submit(lambda starts: fill(self._of_thread(signature), starts), starts[share::shares])
            for share in range(1, shares)
        ]
        with self._lock:
            fill(self._runner(signature), starts[::shares])
        for other in others:
            other.result()
        return outputs

    def _prepare_threads(self):
        """The lock and the threads, before any of them is at work."""
        self._lock = threading.Lock()
        self._pool = concurrent.futures.ThreadPoolExecutor(max(1, self._threads - 1), "tfpose.lite")
        self._workers = threading.local()

    def _forked(self):
        """In a process that was forked off: threads are gone, and may have been at work with what they left."""
        self._prepare_threads()
        self._runners = {}

    def _runner(self, signature: str):
        """The runner for whoever holds the lock."""
        if not self._runners:
            interpreter = litert_file.open_interpreter(self.path, 1, self._content)
            self._runners = {name: interpreter.get_signature_runner(name) for name in self.signatures}
        return self._runners[signature]

    def _of_thread(self, signature: str):
        """The runner of a thread of the pool, which has an interpreter of its own."""
        if not hasattr(self._workers, "interpreter"):
            self._workers.interpreter = litert_file.open_interpreter(self.path, 1, self._content)
        return self._workers.interpreter.get_signature_runner(signature)

    def denoise(self, joints) -> np.ndarray:
        """Poses `[B, J, 3]` metres, NaN = missing, cleaned and complete: `[B, J, 3]` metres."""
        return self("denoise", joints=joints)["denoised"]

    def encode(self, joints) -> dict[str, np.ndarray]:
        """Poses `[B, J, 3]` metres, NaN = missing -> `{"pose_code": [B, J, z], "view_code": [B, 3, 3]}`."""
        return self("encode", joints=joints)

    def transfer_view(self, joints, view_from) -> np.ndarray:
        """Poses `[B, J, 3]` metres as those of `view_from` `[B, J, 3]` are seen: `[B, J, 3]` metres."""
        return self("transfer_view", joints=joints, view_from=view_from)["transferred"]

    def lift(self, joints_2d) -> np.ndarray:
        """Joints `[B, J, 2]` of images, in focal lengths from their centre, y down -> poses `[B, J, 3]` metres."""
        return self("lift", joints_2d=joints_2d)["joints_3d"]

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the classes of a classifier, by label; empty for another model."""
        return tuple(self.card.get("actions", ()))

    def classify(self, clips) -> dict:
        """Clips `[B, T, J, 3]` metres, no joint missing -> what is done in each.

        Returns:
            `{"probabilities": [B, A], "label": [B] int32, "action": [B] names}`.
        """
        return self._named(self("classify", clips=self._complete("classify", "clips", clips)))

    def stream(self, rate: float | None = None) -> Stream | ClipStream:
        """The same as the poses arrive, of one clip that begins now.

        A classifier's is a `Stream`. That of a model of clips cleans them, see `tfpose.streaming.ClipStream`, and needs
        the `rate` of the frames per second.
        """
        if "denoise_step" not in self.signatures:
            self._of("classify_step")
            return Stream(self)
        if rate is None:
            raise TfposeError(f"{self.path}: stream(rate): how many frames per second come in?")
        inputs = self.signatures["denoise_step"]["inputs"]
        shapes = {name: tuple(spec["shape"][1:]) for name, spec in inputs.items() if name not in STEP_INPUTS}

        def step(**given):  # of shapes and types that `ClipStream` has checked or made
            return self._run("denoise_step", given)

        return ClipStream(step, shapes, len(self.skeleton), rate)

    def _describe(self, signature: str) -> dict:
        runner, card = self._runners[signature], self.card["signatures"][signature]
        return {
            part: {
                name: {"shape": shape, "dtype": dtype, "unit": card[part][name]["unit"]}
                for name, (shape, dtype) in litert_file.tensors(details).items()
            }
            for part, details in (("inputs", runner.get_input_details()), ("outputs", runner.get_output_details()))
        }

    def _of(self, signature: str) -> dict:
        """The signature's description, or one clear error."""
        if signature not in self.signatures:
            raise TfposeError(
                f"{self.path}: has no signature '{signature}'; this {self.card['model']} has "
                f"{', '.join(self.signatures)}"
            )
        return self.signatures[signature]

    def _checked(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        described = self._of(signature)["inputs"]
        if set(inputs) != set(described):
            raise TfposeError(
                f"{self.path}: '{signature}' takes {', '.join(described)}; got {', '.join(inputs) or 'nothing'}"
            )
        given = {name: self._array(signature, name, values) for name, values in inputs.items()}
        lengths = {name: len(values) for name, values in given.items()}
        if len(set(lengths.values())) > 1:
            raise TfposeError(
                f"{self.path}: the inputs of '{signature}' differ in their batch: "
                + ", ".join(f"{name} has {length}" for name, length in lengths.items())
            )
        return given

    def _array(self, signature: str, name: str, values) -> np.ndarray:
        spec = self.signatures[signature]["inputs"][name]
        try:
            values = np.asarray(values)
            shape = values.shape
            numbers = values.dtype == spec["dtype"] or np.can_cast(values.dtype, spec["dtype"], "same_kind")
        except ValueError:  # lists of unequal lengths
            shape, numbers = (), False
        if shape[1:] == tuple(spec["shape"][1:]) and len(shape) == len(spec["shape"]) and numbers:
            return np.ascontiguousarray(values, spec["dtype"])
        wanted = f"[{', '.join(['B', *map(str, spec['shape'][1:])])}] {spec['dtype']}"
        if spec["unit"]:
            wanted += f", {spec['unit']}, in the joint order of skeleton '{self.skeleton.name}'"
        got = f"{list(shape)} {values.dtype}" if isinstance(values, np.ndarray) else "no array of numbers"
        raise TfposeError(f"{self.path}: {name} of '{signature}': expected {wanted}; got {got}")

    def _complete(self, signature: str, name: str, values) -> np.ndarray:
        """An input of a classifier, which knows no missing joints."""
        self._of(signature)
        values = self._array(signature, name, values)
        if not np.isfinite(values).all():
            raise TfposeError(f"{self.path}: {name} of '{signature}': {INCOMPLETE}")
        return values

    def _named(self, decided: dict) -> dict:
        return {**decided, "action": [self.actions[label] for label in decided["label"]]}


_MODELS: weakref.WeakSet[Model] = weakref.WeakSet()


def _all_forked():
    for model in _MODELS:
        model._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_all_forked)


class Stream:
    """Recognises what people do while they do it: `Model.classify` without waiting for the end of the clip.

    After the T poses that a clip of `Model.classify` has, the answer is the same. One stream is one clip of each of B
    people; it holds little more than their state, so begin another (`Model.stream`) where something new begins.
    A stream is for one thread.

    Args:
        model: of a classifier's file.

    Attributes:
        state: `[B, S]`, what is remembered of the poses so far; None before the first.

    Examples:
        >>> stream = model.stream()
        >>> for joints in camera:   # [1, 17, 3] metres each
        ...     print(stream.step(joints)["action"][0])
    """

    def __init__(self, model: Model):
        self._model = model
        self.state = None

    def step(self, joints) -> dict:
        """Sees the next pose of each of B people, `[B, J, 3]` metres, no joint missing.

        Returns:
            `{"probabilities": [B, A], "label": [B] int32, "action": [B] names}`, as of all poses so far.

        Raises:
            TfposeError: when the poses do not fit, or are not of as many people as before.
        """
        model = self._model
        joints = model._complete("classify_step", "joints", joints)
        if self.state is None:
            self.state = np.zeros([len(joints), *model.signatures["classify_step"]["inputs"]["state"]["shape"][1:]])
        if len(joints) != len(self.state):
            raise TfposeError(
                f"joints: expected the next poses of {len(self.state)} people, as before; got those of {len(joints)}. "
                "Begin another stream where people come or go"
            )
        decided = model("classify_step", joints=joints, state=self.state)
        self.state = decided.pop("next_state")
        return model._named(decided)
