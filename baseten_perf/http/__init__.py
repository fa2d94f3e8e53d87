"""HTTP's vocabulary: headers, URLs, certificates, trace context. Nothing here knows an API or the engine's loops."""
