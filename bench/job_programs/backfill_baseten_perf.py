from baseten_perf import PerformanceClient


def run(base_url, texts, out):
    options = {"encoding_format": "base64", "batch_size": 100, "max_concurrent_requests": 32, "progress": True}
    with PerformanceClient(base_url, "key") as client:
        for batch in client.iter_embed(texts, "m", ordered=False, **options):
            out[batch.start : batch.stop] = batch.numpy()
