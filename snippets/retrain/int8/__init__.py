"""A static int8 file as a network that can be trained: its operations, fake quantization, the training itself."""
