"""The histogram of durations: quantiles lie in the bucket of the one that numpy finds, and buckets are narrow."""

from __future__ import annotations

import numpy
import pytest

from baseten_perf.engine._engine import HistogramDriver

SHARES = (0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0)
# Seconds: of prompt answers, of ones that vary by nature, by orders of magnitude, and all alike.
DRAWN = {
    "prompt": lambda draw: draw.uniform(1e-6, 60e-6, 4_999),
    "usual": lambda draw: draw.lognormal(-3, 1, 19_997),
    "wide": lambda draw: 10 ** draw.uniform(-6, 3.5, 19_997),
    "alike": lambda draw: numpy.full(100, 0.125),
    "few": lambda draw: draw.exponential(0.05, 3),
    "one": lambda draw: draw.exponential(0.05, 1),
}


@pytest.mark.parametrize("name", DRAWN)
def test_quantiles(name: str) -> None:
    for seed in range(5):
        seconds = DRAWN[name](numpy.random.default_rng(seed))
        driver = HistogramDriver()
        driver.add(seconds)
        for share in SHARES:
            exact = float(numpy.percentile(seconds, 100 * share, method="inverted_cdf"))
            start, end = driver.bucket(exact)
            assert start <= driver.quantile(share) <= min(end, seconds.max()), (seed, share)


def test_buckets() -> None:
    """They follow each other without gaps, and none above 8 us is wider than an eighth of its start."""
    end, buckets = 0.0, 0
    while end < 3600:
        start, following = HistogramDriver.bucket(end + 0.1e-6)
        assert start == pytest.approx(end)
        assert following - start <= max(start / 8, 1e-6) * 1.000001
        assert HistogramDriver.bucket((start + following) / 2) == (start, following)
        end, buckets = following, buckets + 1
    assert buckets <= 240


def test_what_is_out_of_range() -> None:
    driver = HistogramDriver()
    assert driver.quantile(0.5) == -1
    driver.add([-1.0, 0.0])
    assert driver.quantile(1.0) == 0
    driver.add([1e9, 5000.0])
    assert 4000 < driver.quantile(1.0) <= 1e9
