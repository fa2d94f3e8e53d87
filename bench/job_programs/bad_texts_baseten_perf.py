from baseten_perf import PerformanceClient


def run(base_url, texts, out, requests_per_minute):
    with PerformanceClient(base_url, "key") as client:
        client.embed(texts, "m", batch_size=32, max_concurrent_requests=32, out=out, return_exceptions=True)
