"""The words everyone shares, and the book every change is written in. Imports nothing of ours."""
