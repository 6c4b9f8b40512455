"""Data sets: POP909, MuVi-Sync, BGM909 and corpus archives as pieces, windows and views."""
