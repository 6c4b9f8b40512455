"""`diffbgm evaluate`: what the model, the tempo fit, the sound, or any system's music for videos is worth, each number
with n, seed and baseline."""
