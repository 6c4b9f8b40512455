"""`diffbgm evaluate`: what the model, the tempo fit and the sound are worth, each number with n, seed and baseline."""
