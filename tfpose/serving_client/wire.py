"""The messages of TF Serving's gRPC interface, as far as the client speaks it.

The official ones, in tensorflow-serving-api, import all of TensorFlow (1,600 modules, seconds), because tensors and
signatures are TensorFlow's. On the wire a message is its fields' numbers and types, which never change; those that are
needed are below, and the tests compare each with the official one. They live in a pool of their own, so that the
official ones may be loaded beside them.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PREDICT = "/tensorflow.serving.PredictionService/Predict"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"

# Message -> field -> (number, type); "map X" is from strings to X. Enumerations travel as int32.
FIELDS = {
    "Dim": {"size": (1, "int64")},
    "TensorShape": {"dim": (2, "repeated Dim")},
    "Tensor": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShape"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "repeated float"),
        "int_val": (7, "repeated int32"),
        "int64_val": (10, "repeated int64"),
    },
    "TensorInfo": {"dtype": (2, "int32"), "tensor_shape": (3, "TensorShape")},
    "SignatureDef": {"inputs": (1, "map TensorInfo"), "outputs": (2, "map TensorInfo")},
    "SignatureDefMap": {"signature_def": (1, "map SignatureDef")},
    "Any": {"value": (2, "bytes")},
    "Int64Value": {"value": (1, "int64")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "map Tensor")},
    "PredictResponse": {"outputs": (1, "map Tensor")},
    "GetModelMetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, "repeated string")},
    "GetModelMetadataResponse": {"metadata": (2, "map Any")},
}

_PACKAGE = "tfpose.wire"
_Field = descriptor_pb2.FieldDescriptorProto


def _field(name: str, number: int, kind: str) -> _Field:
    *label, kind = kind.split()
    field = _Field(name=name, number=number, label=_Field.LABEL_REPEATED if label else _Field.LABEL_OPTIONAL)
    if kind in FIELDS or kind.startswith("."):
        field.type, field.type_name = _Field.TYPE_MESSAGE, kind if kind.startswith(".") else f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")
    return field


def _message(name: str, fields: dict[str, tuple[int, str]]) -> descriptor_pb2.DescriptorProto:
    message = descriptor_pb2.DescriptorProto(name=name)
    for field, (number, kind) in fields.items():
        if kind.startswith("map "):
            entry = message.nested_type.add(name=f"{field.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            entry.field.extend([_field("key", 1, "string"), _field("value", 2, kind.removeprefix("map "))])
            kind = f"repeated .{_PACKAGE}.{name}.{entry.name}"
        message.field.append(_field(field, number, kind))
    return message


def _classes() -> dict[str, type]:
    file = descriptor_pb2.FileDescriptorProto(name="tfpose/wire.proto", package=_PACKAGE, syntax="proto3")
    file.message_type.extend(_message(name, fields) for name, fields in FIELDS.items())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in FIELDS}


MESSAGES = _classes()
"""The classes of the messages by name."""
