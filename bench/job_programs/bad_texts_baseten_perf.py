from baseten_perf import PerformanceClient


def run(base_url, texts, out, requests_per_minute):
    options = {"batch_size": 32, "max_concurrent_requests": 32, "progress": True}
    with PerformanceClient(base_url, "key", max_requests_per_minute=requests_per_minute) as client:
        client.embed(texts, "m", out=out, return_exceptions=True, **options)
