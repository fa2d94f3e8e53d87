# libcurl, bound at run time to the library that pycurl brings: its constants, its functions, and how it is found.
#
# The numbers are libcurl's ABI (curl/curl.h, curl/multi.h); a test compares them with pycurl's.  The three variadic
# functions are declared as such: some platforms pass variadic arguments differently.

cdef extern from * nogil:
    """
    typedef int (*bp_easy_setopt)(void *, int, ...);
    typedef int (*bp_easy_getinfo)(void *, int, ...);
    typedef int (*bp_multi_setopt)(void *, int, ...);
    """
    ctypedef int (*bp_easy_setopt)(void *, int, ...) noexcept nogil
    ctypedef int (*bp_easy_getinfo)(void *, int, ...) noexcept nogil
    ctypedef int (*bp_multi_setopt)(void *, int, ...) noexcept nogil

cdef extern from "<dlfcn.h>" nogil:
    void *dlopen(const char *path, int mode)
    void *dlsym(void *library, const char *name)
    const char *dlerror()
    int RTLD_NOW, RTLD_NOLOAD

ctypedef long long curl_off_t

cdef enum:
    # curl_easy_setopt
    OPT_WRITEDATA = 10001
    OPT_URL = 10002
    OPT_PROXY = 10004
    OPT_ERRORBUFFER = 10010
    OPT_POSTFIELDS = 10015
    OPT_SSLCERT = 10025
    OPT_KEYPASSWD = 10026
    OPT_HTTPHEADER = 10023
    OPT_HEADERDATA = 10029
    OPT_CUSTOMREQUEST = 10036
    OPT_NOPROGRESS = 43
    OPT_NOBODY = 44
    OPT_POST = 47
    OPT_FOLLOWLOCATION = 52
    OPT_SSL_VERIFYPEER = 64
    OPT_CAINFO = 10065
    OPT_MAXREDIRS = 68
    OPT_HTTPGET = 80
    OPT_SSL_VERIFYHOST = 81
    OPT_HTTP_VERSION = 84
    OPT_SSLKEY = 10087
    OPT_CAPATH = 10097
    OPT_BUFFERSIZE = 98
    OPT_NOSIGNAL = 99
    OPT_ACCEPT_ENCODING = 10102
    OPT_PRIVATE = 10103
    OPT_TIMEOUT_MS = 155
    OPT_CONNECTTIMEOUT_MS = 156
    OPT_NOPROXY = 10177
    OPT_OPENSOCKETDATA = 10164
    OPT_RESOLVE = 10203
    OPT_CLOSESOCKETDATA = 10209
    OPT_TCP_KEEPALIVE = 213
    OPT_UNIX_SOCKET_PATH = 10231
    OPT_PIPEWAIT = 237
    OPT_PROXY_CAINFO = 10246
    OPT_PROXY_CAPATH = 10247
    OPT_PROXY_SSL_VERIFYPEER = 248
    OPT_PROXY_SSL_VERIFYHOST = 249
    OPT_CURLU = 10282
    OPT_MAXAGE_CONN = 288
    OPT_PROTOCOLS_STR = 10318
    OPT_REDIR_PROTOCOLS_STR = 10319
    OPT_WRITEFUNCTION = 20011
    OPT_HEADERFUNCTION = 20079
    OPT_OPENSOCKETFUNCTION = 20163
    OPT_CLOSESOCKETFUNCTION = 20208
    OPT_POSTFIELDSIZE_LARGE = 30120
    # curl_multi_setopt
    MOPT_SOCKETFUNCTION = 20001
    MOPT_SOCKETDATA = 10002
    MOPT_TIMERFUNCTION = 20004
    MOPT_TIMERDATA = 10005
    MOPT_MAXCONNECTS = 6
    MOPT_NETWORK_CHANGED = 17       # libcurl 8.16
    NWC_CLEAR_CONNS = 1
    # curl_easy_getinfo
    INFO_EFFECTIVE_URL = 0x100001
    INFO_PRIVATE = 0x100015
    INFO_CAINFO = 0x10003d
    INFO_RESPONSE_CODE = 0x200002
    INFO_REQUEST_SIZE = 0x20000c
    INFO_OS_ERRNO = 0x200019
    INFO_RETRY_AFTER = 0x600039
    # CURLcode
    E_OK = 0
    E_UNSUPPORTED_PROTOCOL = 1
    E_FAILED_INIT = 2
    E_URL_MALFORMAT = 3
    E_COULDNT_RESOLVE_PROXY = 5
    E_COULDNT_RESOLVE_HOST = 6
    E_COULDNT_CONNECT = 7
    E_OUT_OF_MEMORY = 27
    E_OPERATION_TIMEDOUT = 28
    E_SSL_CONNECT_ERROR = 35
    E_TOO_MANY_REDIRECTS = 47
    E_SSL_CERTPROBLEM = 58
    E_PEER_FAILED_VERIFICATION = 60
    E_SSL_CACERT_BADFILE = 77
    E_AGAIN = 81
    # curl_multi: socket states, select masks, messages
    POLL_IN = 1
    POLL_OUT = 2
    POLL_INOUT = 3
    POLL_REMOVE = 4
    CSELECT_IN = 1
    CSELECT_OUT = 2
    CSELECT_ERR = 4
    SOCKET_TIMEOUT = -1
    MSG_DONE = 1
    HTTP_VERSION_1_1 = 2
    HTTP_VERSION_2TLS = 4
    HTTP_VERSION_2_PRIOR_KNOWLEDGE = 5
    HTTP_VERSION_3 = 30
    FEATURE_HTTP2 = 1 << 16
    FEATURE_UNIX_SOCKETS = 1 << 19
    FEATURE_HTTP3 = 1 << 25
    # curl_url_get, curl_url_set
    UPART_URL = 0
    UPART_SCHEME = 1
    UPART_HOST = 5
    UPART_PORT = 6
    URL_DEFAULT_PORT = 1 << 0
    URL_NON_SUPPORT_SCHEME = 1 << 3
    URL_URLDECODE = 1 << 6
    URL_ENCODE = 1 << 7
    URL_ALLOW_SPACE = 1 << 11
    FOLLOW_OBEYCODE = 2             # since 8.16; before that any number but 0 meant plainly "follow"

OPTIONS = {
    "WRITEDATA": OPT_WRITEDATA, "URL": OPT_URL, "CURLU": OPT_CURLU, "PROXY": OPT_PROXY, "POSTFIELDS": OPT_POSTFIELDS,
    "SSLCERT": OPT_SSLCERT, "KEYPASSWD": OPT_KEYPASSWD, "SSL_VERIFYPEER": OPT_SSL_VERIFYPEER,
    "SSL_VERIFYHOST": OPT_SSL_VERIFYHOST, "SSLKEY": OPT_SSLKEY, "CAPATH": OPT_CAPATH,
    "UNIX_SOCKET_PATH": OPT_UNIX_SOCKET_PATH, "PROXY_CAINFO": OPT_PROXY_CAINFO, "PROXY_CAPATH": OPT_PROXY_CAPATH,
    "PROXY_SSL_VERIFYPEER": OPT_PROXY_SSL_VERIFYPEER, "PROXY_SSL_VERIFYHOST": OPT_PROXY_SSL_VERIFYHOST,
    "HTTPHEADER": OPT_HTTPHEADER, "CUSTOMREQUEST": OPT_CUSTOMREQUEST, "NOPROGRESS": OPT_NOPROGRESS,
    "NOBODY": OPT_NOBODY, "POST": OPT_POST, "FOLLOWLOCATION": OPT_FOLLOWLOCATION,
    "CAINFO": OPT_CAINFO, "MAXREDIRS": OPT_MAXREDIRS, "HTTPGET": OPT_HTTPGET, "HTTP_VERSION": OPT_HTTP_VERSION,
    "BUFFERSIZE": OPT_BUFFERSIZE, "NOSIGNAL": OPT_NOSIGNAL, "ACCEPT_ENCODING": OPT_ACCEPT_ENCODING,
    "TIMEOUT_MS": OPT_TIMEOUT_MS, "CONNECTTIMEOUT_MS": OPT_CONNECTTIMEOUT_MS, "NOPROXY": OPT_NOPROXY,
    "TCP_KEEPALIVE": OPT_TCP_KEEPALIVE, "PIPEWAIT": OPT_PIPEWAIT, "MAXAGE_CONN": OPT_MAXAGE_CONN,
    "RESOLVE": OPT_RESOLVE, "WRITEFUNCTION": OPT_WRITEFUNCTION, "HEADERFUNCTION": OPT_HEADERFUNCTION,
    "OPENSOCKETFUNCTION": OPT_OPENSOCKETFUNCTION, "POSTFIELDSIZE_LARGE": OPT_POSTFIELDSIZE_LARGE,
    "M_SOCKETFUNCTION": MOPT_SOCKETFUNCTION, "M_TIMERFUNCTION": MOPT_TIMERFUNCTION,
    "M_MAXCONNECTS": MOPT_MAXCONNECTS,
    "EFFECTIVE_URL": INFO_EFFECTIVE_URL, "RESPONSE_CODE": INFO_RESPONSE_CODE, "OS_ERRNO": INFO_OS_ERRNO,
    "E_COULDNT_CONNECT": E_COULDNT_CONNECT, "E_OPERATION_TIMEDOUT": E_OPERATION_TIMEDOUT,
    "E_TOO_MANY_REDIRECTS": E_TOO_MANY_REDIRECTS, "E_COULDNT_RESOLVE_HOST": E_COULDNT_RESOLVE_HOST,
    "E_SSL_CERTPROBLEM": E_SSL_CERTPROBLEM, "E_SSL_CACERT_BADFILE": E_SSL_CACERT_BADFILE, "E_AGAIN": E_AGAIN,
    "POLL_IN": POLL_IN, "POLL_OUT": POLL_OUT, "POLL_INOUT": POLL_INOUT, "POLL_REMOVE": POLL_REMOVE, "CSELECT_IN": CSELECT_IN, "CSELECT_OUT": CSELECT_OUT,
    "CSELECT_ERR": CSELECT_ERR,
}

cdef struct Slist:                  # struct curl_slist
    char *text
    Slist *next

cdef struct Message:                # struct CURLMsg; `result` is the first member of its union
    int kind
    void *easy
    int result

cdef struct Address:                # struct curl_sockaddr, as far as it is read here
    int family
    int socktype
    int protocol

cdef struct Features:               # struct curl_version_info_data, as far as it is read here
    int age
    const char *version
    unsigned int version_number
    const char *host
    int bits

cdef struct Libcurl:
    void *(*easy_init)() noexcept nogil
    void (*easy_cleanup)(void *) noexcept nogil
    bp_easy_setopt easy_setopt
    bp_easy_getinfo easy_getinfo
    const char *(*easy_strerror)(int) noexcept nogil
    void *(*url)() noexcept nogil
    void (*url_cleanup)(void *) noexcept nogil
    int (*url_get)(void *, int, char **, unsigned int) noexcept nogil
    int (*url_set)(void *, int, const char *, unsigned int) noexcept nogil
    void (*free)(void *) noexcept nogil
    void *(*multi_init)() noexcept nogil
    int (*multi_cleanup)(void *) noexcept nogil
    bp_multi_setopt multi_setopt
    int (*multi_add_handle)(void *, void *) noexcept nogil
    int (*multi_remove_handle)(void *, void *) noexcept nogil
    int (*multi_socket_action)(void *, int, int, int *) noexcept nogil
    int (*multi_perform)(void *, int *) noexcept nogil
    int (*multi_poll)(void *, void *, unsigned int, int, int *) noexcept nogil
    int (*multi_wakeup)(void *) noexcept nogil
    Message *(*multi_info_read)(void *, int *) noexcept nogil
    const char *(*version)() noexcept nogil
    Features *(*version_info)(int) noexcept nogil

cdef Libcurl curl


cdef void *symbol(void *library, const char *name) except NULL:
    cdef void *found = dlsym(library, name)
    if found == NULL:
        raise ImportError(f"this libcurl lacks {name.decode()}; baseten_perf needs libcurl 7.85 or newer")
    return found


cdef void *bind() except NULL:
    """Fill `curl` from BASETEN_PERF_LIBCURL (a path), else from the library that the pycurl extension is linked to; return it."""
    import os

    import pycurl                   # also runs curl_global_init

    path = os.environ.get("BASETEN_PERF_LIBCURL")
    cdef int mode = RTLD_NOW
    if not path:
        # pycurl is one compiled module, or a package around one.  dlsym on it searches what it is linked to.
        path = getattr(pycurl, "_pycurl", pycurl).__file__
        mode |= RTLD_NOLOAD
    cdef bytes encoded = os.fsencode(path)
    cdef void *library = dlopen(encoded, mode)
    if library == NULL:
        raise ImportError(f"cannot open libcurl: {dlerror().decode(errors='replace')}")
    curl.easy_init = <void *(*)() noexcept nogil>symbol(library, "curl_easy_init")
    curl.easy_cleanup = <void (*)(void *) noexcept nogil>symbol(library, "curl_easy_cleanup")
    curl.easy_setopt = <bp_easy_setopt>symbol(library, "curl_easy_setopt")
    curl.easy_getinfo = <bp_easy_getinfo>symbol(library, "curl_easy_getinfo")
    curl.easy_strerror = <const char *(*)(int) noexcept nogil>symbol(library, "curl_easy_strerror")
    curl.url = <void *(*)() noexcept nogil>symbol(library, "curl_url")
    curl.url_cleanup = <void (*)(void *) noexcept nogil>symbol(library, "curl_url_cleanup")
    curl.url_get = <int (*)(void *, int, char **, unsigned int) noexcept nogil>symbol(library, "curl_url_get")
    curl.url_set = <int (*)(void *, int, const char *, unsigned int) noexcept nogil>symbol(library, "curl_url_set")
    curl.free = <void (*)(void *) noexcept nogil>symbol(library, "curl_free")
    curl.multi_init = <void *(*)() noexcept nogil>symbol(library, "curl_multi_init")
    curl.multi_cleanup = <int (*)(void *) noexcept nogil>symbol(library, "curl_multi_cleanup")
    curl.multi_setopt = <bp_multi_setopt>symbol(library, "curl_multi_setopt")
    curl.multi_add_handle = <int (*)(void *, void *) noexcept nogil>symbol(library, "curl_multi_add_handle")
    curl.multi_remove_handle = <int (*)(void *, void *) noexcept nogil>symbol(library, "curl_multi_remove_handle")
    curl.multi_socket_action = <int (*)(void *, int, int, int *) noexcept nogil>symbol(
        library, "curl_multi_socket_action")
    curl.multi_perform = <int (*)(void *, int *) noexcept nogil>symbol(library, "curl_multi_perform")
    curl.multi_poll = <int (*)(void *, void *, unsigned int, int, int *) noexcept nogil>symbol(
        library, "curl_multi_poll")
    curl.multi_wakeup = <int (*)(void *) noexcept nogil>symbol(library, "curl_multi_wakeup")
    curl.multi_info_read = <Message *(*)(void *, int *) noexcept nogil>symbol(library, "curl_multi_info_read")
    curl.version_info = <Features *(*)(int) noexcept nogil>symbol(library, "curl_version_info")
    curl.version = <const char *(*)() noexcept nogil>symbol(library, "curl_version")
    return library


cdef void *libcurl_library = bind()


def libcurl_version() -> str:
    """libcurl's own version line, e.g. "libcurl/8.23.0 OpenSSL/3.6.5 ..."."""
    return curl.version().decode()


def supports(feature: str) -> bool:
    """Whether this libcurl has "http2", "http3" or "unix sockets"."""
    cdef int bits = curl.version_info(0).bits
    wanted = {"http2": FEATURE_HTTP2, "http3": FEATURE_HTTP3, "unix sockets": FEATURE_UNIX_SOCKETS}
    return (bits & <int>wanted[feature]) != 0


def default_ca_file() -> "str | None":
    """The file of trusted certificates that this libcurl was built with, whether it exists or not."""
    cdef void *easy = curl.easy_init()
    cdef const char *path = NULL
    if easy == NULL:
        raise MemoryError
    curl.easy_getinfo(easy, INFO_CAINFO, &path)
    found = path.decode() if path != NULL else None
    curl.easy_cleanup(easy)
    return found
