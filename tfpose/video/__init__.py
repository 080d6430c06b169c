"""From a video to a clip: frames by ffmpeg, joints by MediaPipe's pose landmarker, which LiteRT runs.

Needs `pip install 'tfpose[video]'`, and `pip install --no-deps mediapipe==0.10.21` for two model files. That package is
never imported: what it depends on does not go with a recent TensorFlow.
"""

from tfpose.video.tracking import track

__all__ = ["track"]
