"""tfpose: unsupervised 3D human pose representations for TensorFlow."""
