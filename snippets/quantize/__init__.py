"""int8: the quantizer, the search for its settings, and the two models that the lab keeps."""
