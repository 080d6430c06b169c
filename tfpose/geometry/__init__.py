"""Pure functions of joint positions `[..., J, 3]`. `rotations` brings TensorFlow Graphics, the others do not."""
