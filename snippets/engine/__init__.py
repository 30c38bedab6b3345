"""One model in each engine: export, ONNX Runtime's graph levels and providers, compiled PyTorch."""
