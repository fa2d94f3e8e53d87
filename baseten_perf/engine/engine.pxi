# Engine: the Python side of a connection pool, which operations are started on.

cdef char *copy_text(bytes text) except NULL:
    cdef char *copied = strdup(text)
    if copied == NULL:
        raise MemoryError
    return copied


cdef char *copy_path(path) except? NULL:
    if path is None:
        return NULL
    return copy_text(os.fsencode(path))


cdef bint in_main_thread() except -1:
    """Whose exit handlers may still begin calls when the process ends."""
    threading = sys.modules.get("threading")
    return threading is None or threading.get_ident() == threading.main_thread().ident


cdef class Engine:
    """Loops, connections and their settings, shared by all clients of one HttpClientWrapper.

    Nothing runs until the first operation.  When the engine is collected its loops end and its connections close; in a
    forked child it starts afresh.

    Parameters:
        http_version: 1; 2 (negotiated over TLS, known beforehand in clear text); 3 (over TLS, or what else there is).
        no_proxy: comma-separated hosts that are reached directly.
        verify: whether certificates of servers are checked.
        ca_file: path of a PEM file with trusted certificates; None for libcurl's built-in path.
        ca_path: path of a directory with trusted certificates, or None.
        cert_file, key_file, key_password: the client's certificate, for servers that ask for it; None for none.
        unix_socket: path of the socket that all connections go to, or None.
        loops: most loop threads, 1 to 16.
        portable: sleep in curl_multi_poll even where there is epoll.
    """

    cdef Core *core
    cdef int generation
    cdef dict settings
    cdef object __weakref__

    def __init__(self, *, int http_version, str no_proxy not None, bint verify, ca_file, ca_path, cert_file, key_file,
                 key_password, unix_socket, int loops, bint portable):
        if not 1 <= loops <= MOST_LOOPS:
            raise ValueError(f"loops must be between 1 and {MOST_LOOPS}, not {loops}")
        if http_version in (2, 3) and not supports(f"http{http_version}"):
            raise ValueError(f"http_version={http_version}: this libcurl has no HTTP/{http_version} ({libcurl_version()})")
        if unix_socket is not None and not supports("unix sockets"):
            raise ValueError(f"uds: this libcurl has no unix sockets ({libcurl_version()})")
        if self.settings is not None:
            raise RuntimeError("an engine is made once")
        self.settings = {
            "http_version": http_version, "no_proxy": no_proxy, "verify": verify, "ca_file": ca_file,
            "ca_path": ca_path, "cert_file": cert_file, "key_file": key_file, "key_password": key_password,
            "unix_socket": unix_socket, "loops": loops, "portable": portable,
        }

    cdef Core *current(self) except NULL:
        """The core of this process, made when there is none yet."""
        if self.core != NULL and self.generation == fork_generation:
            return self.core
        # Here, where no loop runs that could do so at the same time; it counts how often it is called.
        if curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK:
            raise MemoryError("libcurl cannot be initialised")
        settings = self.settings
        cdef Core *core = <Core *>calloc(1, sizeof(Core))
        if core == NULL:
            raise MemoryError
        core.refs = 1
        core.monitor = new Monitor()
        core.http_version = settings["http_version"]
        core.use_epoll = HAVE_EPOLL and not settings["portable"]
        core.most_loops = settings["loops"]
        core.verify = settings["verify"]
        try:
            core.no_proxy = copy_text(settings["no_proxy"].encode())
            core.ca_file = copy_path(settings["ca_file"])
            core.ca_path = copy_path(settings["ca_path"])
            core.cert_file = copy_path(settings["cert_file"])
            core.key_file = copy_path(settings["key_file"])
            core.key_password = copy_path(settings["key_password"])
            core.unix_socket = copy_path(settings["unix_socket"])
        except:
            core_drop(core)
            raise
        self.core = core
        self.generation = fork_generation
        return core

    cdef int attach(self, Op *op) except -1:
        """Share the operation's concurrency out among loops: one for small operations, more for large ones."""
        if count_now(&process_ends):
            if not in_main_thread():
                with nogil:
                    op.monitor.lock()
                    op_stay_silent(op)
                    op.monitor.unlock()
            raise RuntimeError("no call can be started any more: the process is ending")
        cdef Core *core = self.current()
        if op.plan.core != core:
            plan_find_hosts(op.plan, core)
        # No more slots than requests: else the first loop to wake would take them all.
        cdef int slots = <int>min(op.count, <Py_ssize_t>op.plan.concurrency)
        cdef int begins = min(slots, plan_concurrency(op.plan))
        cdef Py_ssize_t worth = begins // REQUESTS_PER_LOOP
        if op.embeddings:
            worth = max(begins // DECODED_PER_LOOP, min(<size_t>slots, op.total_rows // ROWS_PER_LOOP))
            if op.open:
                worth = slots
        cdef int shares = <int>max(1, min(<Py_ssize_t>core.most_loops, worth))
        cdef int number, i
        cdef int chosen = 0
        for number in range(shares):
            if core.loops[number] == NULL:
                core.loops[number] = loop_new(core, number)
                if core.loops[number] == NULL:
                    if number == 0:
                        raise OSError(errno, "cannot start the client's loop thread (descriptors, threads or memory)")
                    shares = number
                    break
        if shares == 1:
            for number in range(1, core.most_loops):
                if core.loops[number] != NULL and (
                    count_now(&core.loops[number].load) < count_now(&core.loops[chosen].load)
                ):
                    chosen = number
        for i in range(shares):
            for number in range(op.plan.route_count):
                tally_prepare(op.plan.routes[number].tally, chosen + i)
        if not op_make_shares(op, shares):
            raise MemoryError
        for i in range(shares):
            op.shares[i].loop = core.loops[chosen + i]
            op.shares[i].slots = slots // shares + (1 if i < slots % shares else 0)
            count_up(&op.refs)
        op.core = core
        count_up(&core.refs)
        return 0

    def __dealloc__(self):
        cdef int number
        if self.core == NULL or self.generation != fork_generation:
            return
        with nogil:
            for number in range(MOST_LOOPS):
                if self.core.loops[number] != NULL:
                    loop_stop(self.core.loops[number])
            core_drop(self.core)


cdef enum:
    # An operation with fewer concurrent requests than this per loop, or fewer rows to decode, is served by fewer loops.
    # Decoding vectors keeps a loop busy: a row of 1024 numbers takes 9 us, where to wake another loop takes 50.  Of small
    # answers two loops with 64 each carry a fifth more than one with 128, at the same cost.
    DECODED_PER_LOOP = 8
    ROWS_PER_LOOP = 64
    REQUESTS_PER_LOOP = 64
