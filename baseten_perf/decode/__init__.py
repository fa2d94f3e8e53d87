"""Decoding of answers: native readers that know nothing of libcurl."""
