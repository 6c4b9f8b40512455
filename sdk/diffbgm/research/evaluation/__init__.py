"""`diffbgm evaluate`: measurements, each number with n, seed and baseline.

They cover the model, the tempo fit, the sound, and any system's music for videos.
"""
