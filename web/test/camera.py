"""Writes what a camera sees for the tests, JPEG after JPEG, as Chromium takes it: camera.py OUT.mjpeg

The picture is that of tests/tfpose/video: somebody who leans from side to side, whole in the picture.
"""

import io
import math
import pathlib
import sys

from PIL import Image

PERSON = pathlib.Path(__file__).parents[2] / "tests" / "tfpose" / "video" / "person.png"
SIZE, HEIGHT, FRAMES = (640, 480), 440, 40
GREY = (230, 230, 230)

person = Image.open(PERSON).convert("RGB").resize((HEIGHT, HEIGHT), Image.Resampling.BICUBIC)
with open(sys.argv[1], "wb") as out:
    for frame in range(FRAMES):
        picture = Image.new("RGB", SIZE, GREY)
        angle = 6 * math.sin(2 * math.pi * frame / FRAMES)
        turned = person.rotate(angle, Image.Resampling.BILINEAR, fillcolor=GREY)
        picture.paste(turned, ((SIZE[0] - HEIGHT) // 2, (SIZE[1] - HEIGHT) // 2))
        encoded = io.BytesIO()
        picture.save(encoded, "JPEG", quality=92)
        out.write(encoded.getvalue())
