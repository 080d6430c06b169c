"""A Beam runner of batch pipelines on PySpark, for `spark.py`.

Beam's own runner for Spark needs its job server, a JAR that is in none of Python's registries. Here each step of a
pipeline is a transformation of an RDD, which runs Beam's `DoFnRunner` on every partition. What is to be grouped is
written to disk first: what is lost and made again would get other random keys. All is in the global window.
"""

from __future__ import annotations

import functools
import tempfile

import apache_beam as beam
from apache_beam.internal import pickler
from apache_beam.pipeline import PipelineVisitor
from apache_beam.runners.common import DoFnRunner, DoFnState, Receiver
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState
from apache_beam.transforms.sideinputs import SideInputMap
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.counters import CounterFactory
from pyspark import SparkContext


class SparkRunner(PipelineRunner):
    """Runs a pipeline in the Spark context of this process."""

    def is_fnapi_compatible(self):
        return False

    def run_pipeline(self, pipeline, options):
        with tempfile.TemporaryDirectory() as folder:
            steps = _Steps(SparkContext.getOrCreate(), folder)
            pipeline.visit(steps)
            steps.finish()
        return _Done(PipelineState.DONE)


class _Done(PipelineResult):
    def wait_until_finish(self, duration=None):
        return self.state


class _Steps(PipelineVisitor):
    def __init__(self, context: SparkContext, folder: str):
        self._context, self._folder = context, folder
        self._rdds, self._used, self._collected = {}, set(), {}

    def visit_transform(self, applied):
        """Adds a primitive step."""
        step = applied.transform
        self._used.update(applied.inputs)
        inputs = [self._rdds[one] for one in applied.inputs if one in self._rdds]
        if isinstance(step, beam.Impulse):
            made = {None: self._context.parallelize([GlobalWindows.windowed_value(b"")], 1)}
        elif isinstance(step, beam.Flatten):
            made = {None: self._context.union(inputs)}
        elif isinstance(step, beam.GroupByKey):
            made = {None: self._grouped(*inputs)}
        elif isinstance(step, beam.ParDo):
            made = self._processed(applied, *inputs)
        else:
            raise NotImplementedError(f"{applied.full_label}: {type(step).__name__}")
        self._rdds |= {applied.outputs[tag]: rdd for tag, rdd in made.items()}

    def finish(self):
        """Runs what nothing else has needed."""
        for values, rdd in self._rdds.items():
            if values not in self._used:
                rdd.count()

    def _grouped(self, rdd):
        folder = f"file://{tempfile.mkdtemp(dir=self._folder)}/values"
        rdd.map(lambda one: one.value).saveAsPickleFile(folder)
        grouped = self._context.pickleFile(folder).groupByKey(self._context.defaultParallelism)
        return grouped.map(lambda pair: GlobalWindows.windowed_value((pair[0], list(pair[1]))))

    def _processed(self, applied, rdd) -> dict:
        step, tags = applied.transform, list(applied.outputs)
        sides = [(type(side), side._view_options(), self._values(side.pvalue)) for side in applied.side_inputs]
        work = (step.dofn, step.args, step.kwargs, sides, applied.inputs[0].windowing, tags, applied.full_label)
        tagged = rdd.mapPartitions(functools.partial(_run, pickler.dumps(work)))
        return {tag: tagged.flatMap(functools.partial(_of, tag)) for tag in tags}

    def _values(self, values) -> list:
        """Of a side input, computed once."""
        self._used.add(values)
        if values not in self._collected:
            self._collected[values] = self._rdds[values].collect()
        return self._collected[values]


class _Tagged(Receiver):
    def __init__(self, tag, ready: list):
        self._tag, self._ready = tag, ready

    def receive(self, windowed_value):
        self._ready.append((self._tag, windowed_value))


def _run(work: bytes, values):
    """Yields what a step makes of the values of a partition, as `(tag, value)`."""
    dofn, args, kwargs, sides, windowing, tags, label = pickler.loads(work)
    ready = []
    receivers = {tag: _Tagged(tag, ready) for tag in {None, *tags}}
    sides = [SideInputMap(*side) for side in sides]
    state = DoFnState(CounterFactory())
    runner = DoFnRunner(dofn, args, kwargs, sides, windowing, receivers, step_name=label, state=state)
    runner.setup()
    runner.start()
    for value in values:
        runner.process(value)
        yield from ready
        ready.clear()
    runner.finish()
    yield from ready
    runner.teardown()


def _of(tag, tagged):
    return [tagged[1]] if tagged[0] == tag else []
