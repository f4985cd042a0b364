"""What the tests of channels share."""
