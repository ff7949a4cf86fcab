"""What follows an attempt."""
