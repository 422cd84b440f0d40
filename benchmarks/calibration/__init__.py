"""What calibration learns per execution, against random choice. ``python -m benchmarks.calibration --help``."""
