"""The same file through other tools, each as its users would write it; run by `python -m benchmarks.intake.peers`."""
