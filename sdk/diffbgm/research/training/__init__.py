"""Training: the denoiser, its steps away from its own music, the director, the retrieval encoders."""
