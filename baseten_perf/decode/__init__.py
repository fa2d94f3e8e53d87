"""Decoding of response bodies: C++ readers that know nothing of libcurl or Python, and what Cython cimports of them."""
