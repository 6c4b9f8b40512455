"""Background music for your video, by the diffusion model of Diff-BGM (Li et al., CVPR 2024)."""

__version__ = "0.1.0"
