"""What may reach the wheels, and what stops them."""
