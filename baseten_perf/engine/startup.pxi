# Start-up: all that happens when the module is imported.  The other files only declare, define and name constants.

descriptors.monitor = new Monitor()
descriptors.spare = -1
page_cache.monitor = new Monitor()
trust_stores_monitor = new Monitor()
turns_monitor = new Monitor()
all_loops_monitor = new Monitor()

if not choose_kernel(wanted_kernel()):
    raise ImportError(
        f"BASETEN_PERF_KERNEL={wanted_kernel().decode(errors='replace')}: this machine supports no kernel of that name"
    )
cdef void *libcurl_library = bind_libcurl()
bind_openssl(libcurl_library)
bind_codings(libcurl_library)
if codings_are_ours:
    UNKNOWN_TO_LIBCURL += (b"accept-encoding:",)
draw_request_ids()

if pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0:
    raise MemoryError
os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_stop_loops, 2.0)
