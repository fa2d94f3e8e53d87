# The names of a route: the hosts that must be looked up before one of its requests can be sent.
#
# Without a proxy that is the URL's host, and with one the proxy's; with socks4 and socks5, whose clients look names up,
# it is both.  Addresses are no names, and some names are libcurl's alone: it answers localhost itself, refuses .onion,
# and spells what is not ASCII.  URLs are read by libcurl, so that it will ask for the same host and port.

cdef struct Named:
    Host *host                      # a reference
    int port
    bint proxy


cdef int plan_find_hosts(Plan *plan, Core *core) except -1:
    """Find the hosts of its routes among the core's, with the GIL held: once, and again in a forked child."""
    cdef int number
    for number in range(plan.route_count):
        route_find_hosts(&plan.routes[number], core)
    plan.core = core
    return 0


cdef int route_find_hosts(Route *route, Core *core) except -1:
    route_forget_hosts(route)
    if core.unix_socket != NULL:
        return 0
    host, port, scheme = location(route.url, 0)
    if route.proxy[0] != 0 and not is_exempt(host, core.no_proxy.decode()):
        proxy, proxy_port, scheme = location(route.proxy, CURLU_NON_SUPPORT_SCHEME)
        route_take_host(route, core, proxy, proxy_port, True)
        if scheme not in (b"socks4", b"socks5"):
            return 0
    return route_take_host(route, core, host, port, False)


cdef int route_take_host(Route *route, Core *core, bytes name, int port, bint proxy) except -1:
    cdef Named *named = &route.named[route.names]
    if is_looked_up(name):
        named.host = core_host(core, name)
        named.port = port
        named.proxy = proxy
        route.names += 1
    return 0


cdef void route_forget_hosts(Route *route) noexcept nogil:
    while route.names > 0:
        route.names -= 1
        host_drop(route.named[route.names].host)


cdef Host *core_host(Core *core, bytes name) except NULL:
    """The core's host of this name, with a reference; those that no plan has named for long are forgotten."""
    cdef Host **place = &core.hosts
    cdef Host *host
    while place[0] != NULL:
        host = place[0]
        if strcmp(host.name, name) == 0:
            count_up(&host.refs)
            return host
        # Nobody else can reach it, so its monitor is not needed.
        if count_now(&host.refs) == 1 and host.good_until <= monotonic_ns():
            place[0] = host.next
            host_drop(host)
        else:
            place = &host.next
    host = host_new(name)
    if host == NULL:
        raise MemoryError
    place[0] = host
    count_up(&host.refs)
    return host


cdef tuple location(const char *url, unsigned int flags):
    """Host, port and scheme of a URL, the host empty when it is none; libcurl will say so."""
    cdef void *parsed = curl.url()
    if parsed == NULL:
        raise MemoryError
    try:
        if curl.url_set(parsed, CURLUPART_URL, url, flags) != 0:
            return b"", 0, b""
        scheme = part(parsed, CURLUPART_SCHEME)
        # The schemes of SOCKS proxies, of which CURLU may not know it.
        port = part(parsed, CURLUPART_PORT) or b"1080"
        return part(parsed, CURLUPART_HOST).lower(), int(port), scheme.lower()
    finally:
        curl.url_cleanup(parsed)


cdef bytes part(void *parsed, int which):
    cdef char *text = NULL
    if curl.url_get(parsed, which, &text, CURLU_DEFAULT_PORT | CURLU_URLDECODE) != 0:
        return b""
    found = <bytes>text
    curl.free(text)
    return found


cdef bint is_looked_up(bytes name):
    if not name or len(name) > LONGEST_NAME or not name.isascii():
        return False
    bare = name.removesuffix(b".")
    if name.startswith(b"[") or bare.replace(b".", b"").isdigit():
        return False
    return bare != b"localhost" and not bare.endswith((b".localhost", b".onion"))


cdef bint is_exempt(bytes host, str no_proxy):
    """Whether libcurl will leave the proxy out, as CURLOPT_NOPROXY describes it."""
    import ipaddress

    if no_proxy.strip() == "*":
        return True
    name = host.decode("utf-8", "replace").strip("[]").removesuffix(".")
    for entry in no_proxy.lower().replace(",", " ").split():
        try:
            if ipaddress.ip_address(name) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            domain = entry.removesuffix(".").removeprefix(".")
            if name == domain or name.endswith(f".{domain}"):
                return True
    return False


cdef enum:
    LONGEST_NAME = 253
