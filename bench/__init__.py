"""Measures sayso beside the bare engines that it runs on."""
