"""What is true and what follows: values in, values out. No I/O, no clock, no environment."""
