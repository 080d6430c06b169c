"""Keras models, with normalisation inside."""

from tfpose.models.action_classifier import ActionClassifier
from tfpose.models.clip_denoiser import ClipDenoiser
from tfpose.models.loading import load_model, save_model, weights_checksum
from tfpose.models.pose_autoencoder import PoseAutoencoder
from tfpose.models.pose_codes import PoseCodes
from tfpose.models.pose_decoder import PoseDecoder
from tfpose.models.pose_encoder import PoseEncoder
from tfpose.models.pose_lifter import PoseLifter

__all__ = [
    "ActionClassifier",
    "ClipDenoiser",
    "PoseAutoencoder",
    "PoseCodes",
    "PoseDecoder",
    "PoseEncoder",
    "PoseLifter",
    "load_model",
    "save_model",
    "weights_checksum",
]
