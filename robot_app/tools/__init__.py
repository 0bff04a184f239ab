"""What people run beside a robot: detection in files, benchmark, diagnosis, comparison."""
