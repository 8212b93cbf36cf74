"""When the degradation reached every pixel: evidence, agreement among neighbours, and what it rests on."""
