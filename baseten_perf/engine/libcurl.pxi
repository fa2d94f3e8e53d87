# libcurl, bound at run time to the library that pycurl brings: its constants, its functions, and how it is found.
#
# The names and numbers are those of curl/curl.h, which the wheels are built without; a test reads this file and compares
# each with pycurl, and with the header where there is one.  The four variadic functions are declared as such: some
# platforms pass variadic arguments differently.

cdef extern from * nogil:
    """
    typedef int (*bp_easy_setopt)(void *, int, ...);
    typedef int (*bp_easy_getinfo)(void *, int, ...);
    typedef int (*bp_multi_setopt)(void *, int, ...);
    typedef int (*bp_share_setopt)(void *, int, ...);
    """
    ctypedef int (*bp_easy_setopt)(void *, int, ...) noexcept nogil
    ctypedef int (*bp_easy_getinfo)(void *, int, ...) noexcept nogil
    ctypedef int (*bp_multi_setopt)(void *, int, ...) noexcept nogil
    ctypedef int (*bp_share_setopt)(void *, int, ...) noexcept nogil

cdef extern from "<dlfcn.h>" nogil:
    void *dlopen(const char *path, int mode)
    void *dlsym(void *library, const char *name)
    const char *dlerror()
    int RTLD_LAZY, RTLD_NOW

ctypedef long long curl_off_t

cdef enum:
    # curl_easy_setopt
    CURLOPT_WRITEDATA = 10001
    CURLOPT_URL = 10002
    CURLOPT_PROXY = 10004
    CURLOPT_ERRORBUFFER = 10010
    CURLOPT_POSTFIELDS = 10015
    CURLOPT_SSLCERT = 10025
    CURLOPT_KEYPASSWD = 10026
    CURLOPT_HTTPHEADER = 10023
    CURLOPT_HEADERDATA = 10029
    CURLOPT_CUSTOMREQUEST = 10036
    CURLOPT_NOPROGRESS = 43
    CURLOPT_NOBODY = 44
    CURLOPT_POST = 47
    CURLOPT_FOLLOWLOCATION = 52
    CURLOPT_SSL_VERIFYPEER = 64
    CURLOPT_CAINFO = 10065
    CURLOPT_MAXREDIRS = 68
    CURLOPT_HTTPGET = 80
    CURLOPT_SSL_VERIFYHOST = 81
    CURLOPT_HTTP_VERSION = 84
    CURLOPT_SSLKEY = 10087
    CURLOPT_CAPATH = 10097
    CURLOPT_BUFFERSIZE = 98
    CURLOPT_SHARE = 10100
    CURLOPT_NOSIGNAL = 99
    CURLOPT_ACCEPT_ENCODING = 10102
    CURLOPT_PRIVATE = 10103
    CURLOPT_SSL_CTX_DATA = 10109
    CURLOPT_TIMEOUT_MS = 155
    CURLOPT_CONNECTTIMEOUT_MS = 156
    CURLOPT_NOPROXY = 10177
    CURLOPT_OPENSOCKETDATA = 10164
    CURLOPT_RESOLVE = 10203
    CURLOPT_CLOSESOCKETDATA = 10209
    CURLOPT_TCP_KEEPALIVE = 213
    CURLOPT_UNIX_SOCKET_PATH = 10231
    CURLOPT_PIPEWAIT = 237
    CURLOPT_PROXY_CAINFO = 10246
    CURLOPT_PROXY_CAPATH = 10247
    CURLOPT_PROXY_SSL_VERIFYPEER = 248
    CURLOPT_PROXY_SSL_VERIFYHOST = 249
    CURLOPT_CURLU = 10282
    CURLOPT_MAXAGE_CONN = 288
    CURLOPT_PROTOCOLS_STR = 10318
    CURLOPT_REDIR_PROTOCOLS_STR = 10319
    CURLOPT_WRITEFUNCTION = 20011
    CURLOPT_HEADERFUNCTION = 20079
    CURLOPT_SSL_CTX_FUNCTION = 20108
    CURLOPT_OPENSOCKETFUNCTION = 20163
    CURLOPT_CLOSESOCKETFUNCTION = 20208
    CURLOPT_POSTFIELDSIZE_LARGE = 30120
    # curl_multi_setopt
    CURLMOPT_SOCKETFUNCTION = 20001
    CURLMOPT_SOCKETDATA = 10002
    CURLMOPT_TIMERFUNCTION = 20004
    CURLMOPT_TIMERDATA = 10005
    CURLMOPT_MAXCONNECTS = 6
    CURLMOPT_NETWORK_CHANGED = 17   # since 8.16
    CURLMNWC_CLEAR_CONNS = 1        # since 8.16
    # curl_share_setopt
    CURLSHOPT_SHARE = 1
    CURL_LOCK_DATA_SSL_SESSION = 4
    # curl_easy_getinfo
    CURLINFO_EFFECTIVE_URL = 0x100001
    CURLINFO_PRIVATE = 0x100015
    CURLINFO_CAINFO = 0x10003d
    CURLINFO_RESPONSE_CODE = 0x200002
    CURLINFO_REQUEST_SIZE = 0x20000c
    CURLINFO_OS_ERRNO = 0x200019
    CURLINFO_NUM_CONNECTS = 0x20001a
    CURLINFO_TLS_SSL_PTR = 0x40002d
    CURLINFO_SIZE_UPLOAD_T = 0x600007
    CURLINFO_SIZE_DOWNLOAD_T = 0x600008
    CURLINFO_NAMELOOKUP_TIME_T = 0x600033
    CURLINFO_CONNECT_TIME_T = 0x600034
    CURLINFO_PRETRANSFER_TIME_T = 0x600035
    CURLINFO_STARTTRANSFER_TIME_T = 0x600036
    CURLINFO_APPCONNECT_TIME_T = 0x600038
    CURLINFO_RETRY_AFTER = 0x600039
    CURLINFO_POSTTRANSFER_TIME_T = 0x600043     # since 8.10
    # CURLcode
    CURLE_OK = 0
    CURLE_UNSUPPORTED_PROTOCOL = 1
    CURLE_FAILED_INIT = 2
    CURLE_URL_MALFORMAT = 3
    CURLE_COULDNT_RESOLVE_PROXY = 5
    CURLE_COULDNT_RESOLVE_HOST = 6
    CURLE_COULDNT_CONNECT = 7
    CURLE_OUT_OF_MEMORY = 27
    CURLE_OPERATION_TIMEDOUT = 28
    CURLE_SSL_CONNECT_ERROR = 35
    CURLE_TOO_MANY_REDIRECTS = 47
    CURLE_SSL_CERTPROBLEM = 58
    CURLE_PEER_FAILED_VERIFICATION = 60
    CURLE_SSL_CACERT_BADFILE = 77
    CURLE_AGAIN = 81
    # curl_multi: socket states, select masks, messages
    CURL_POLL_IN = 1
    CURL_POLL_OUT = 2
    CURL_POLL_INOUT = 3
    CURL_POLL_REMOVE = 4
    CURL_CSELECT_IN = 1
    CURL_CSELECT_OUT = 2
    CURL_CSELECT_ERR = 4
    CURL_SOCKET_TIMEOUT = -1
    CURLMSG_DONE = 1
    CURL_GLOBAL_DEFAULT = 3
    CURL_HTTP_VERSION_1_1 = 2
    CURL_HTTP_VERSION_2TLS = 4
    CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE = 5
    CURL_HTTP_VERSION_3 = 30
    CURLSSLBACKEND_OPENSSL = 1
    CURL_VERSION_HTTP2 = 1 << 16
    CURL_VERSION_UNIX_SOCKETS = 1 << 19
    CURL_VERSION_HTTP3 = 1 << 25
    # curl_url_get, curl_url_set
    CURLUPART_URL = 0
    CURLUPART_SCHEME = 1
    CURLUPART_HOST = 5
    CURLUPART_PORT = 6
    CURLU_DEFAULT_PORT = 1 << 0
    CURLU_NON_SUPPORT_SCHEME = 1 << 3
    CURLU_URLDECODE = 1 << 6
    CURLU_URLENCODE = 1 << 7
    CURLU_ALLOW_SPACE = 1 << 11
    CURLFOLLOW_OBEYCODE = 2         # since 8.16; before that any number but 0 meant plainly "follow"

# Structs of libcurl, as far as they are read here.

cdef struct curl_slist:
    char *data
    curl_slist *next

cdef struct CURLMsg:
    int msg
    void *easy_handle
    int result                      # the first member of the union `data`

cdef struct curl_sockaddr:
    int family
    int socktype
    int protocol

cdef struct curl_version_info_data:
    int age
    const char *version
    unsigned int version_num
    const char *host
    int features
    const char *ssl_version

cdef struct curl_tlssessioninfo:
    int backend
    void *internals

cdef struct Libcurl:
    int (*global_init)(long) noexcept nogil
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
    CURLMsg *(*multi_info_read)(void *, int *) noexcept nogil
    void *(*share_init)() noexcept nogil
    int (*share_cleanup)(void *) noexcept nogil
    bp_share_setopt share_setopt
    const char *(*version)() noexcept nogil
    curl_version_info_data *(*version_info)(int) noexcept nogil

cdef Libcurl curl


cdef void *symbol(void *library, const char *name) except NULL:
    cdef void *found = dlsym(library, name)
    if found == NULL:
        raise ImportError(f"this libcurl lacks {name.decode()}; baseten_perf needs libcurl 7.85 or newer")
    return found


cdef str pycurl_file():
    """The compiled module of pycurl: pycurl is one, or a package around one."""
    # Found and not imported, as long as nobody else has: pycurl takes as long to import as the rest of this package.
    if "pycurl" not in sys.modules:
        module = PathFinder.find_spec("pycurl")
        if module is not None and module.submodule_search_locations:
            module = PathFinder.find_spec("pycurl._pycurl", module.submodule_search_locations)
        if module is not None and isinstance(module.loader, ExtensionFileLoader):
            return module.origin
    import pycurl

    return getattr(pycurl, "_pycurl", pycurl).__file__


cdef void *bind_libcurl() except NULL:
    """Fill `curl` from BASETEN_PERF_LIBCURL (a path) or from the library that pycurl is linked to; return that library."""
    path = os.environ.get("BASETEN_PERF_LIBCURL")
    # dlsym on pycurl searches what it is linked to.  Its own calls are bound if it is ever run, and not here.
    cdef bytes encoded = os.fsencode(path or pycurl_file())
    cdef void *library = dlopen(encoded, RTLD_NOW if path else RTLD_LAZY)
    if library == NULL:
        raise ImportError(f"cannot open libcurl: {dlerror().decode(errors='replace')}")
    curl.global_init = <int (*)(long) noexcept nogil>symbol(library, "curl_global_init")
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
    curl.multi_info_read = <CURLMsg *(*)(void *, int *) noexcept nogil>symbol(library, "curl_multi_info_read")
    curl.share_init = <void *(*)() noexcept nogil>symbol(library, "curl_share_init")
    curl.share_cleanup = <int (*)(void *) noexcept nogil>symbol(library, "curl_share_cleanup")
    curl.share_setopt = <bp_share_setopt>symbol(library, "curl_share_setopt")
    curl.version_info = <curl_version_info_data *(*)(int) noexcept nogil>symbol(library, "curl_version_info")
    curl.version = <const char *(*)() noexcept nogil>symbol(library, "curl_version")
    return library



def libcurl_version() -> str:
    """libcurl's own version line, e.g. "libcurl/8.23.0 OpenSSL/3.6.5 ..."."""
    return curl.version().decode()


def supports(feature: str) -> bool:
    """Whether this libcurl has "http2", "http3" or "unix sockets"."""
    cdef int features = curl.version_info(0).features
    wanted = {"http2": CURL_VERSION_HTTP2, "http3": CURL_VERSION_HTTP3, "unix sockets": CURL_VERSION_UNIX_SOCKETS}
    return (features & <int>wanted[feature]) != 0


def default_ca_file() -> "str | None":
    """The file of trusted certificates that this libcurl was built with, whether it exists or not."""
    cdef void *easy = curl.easy_init()
    cdef const char *path = NULL
    if easy == NULL:
        raise MemoryError
    curl.easy_getinfo(easy, CURLINFO_CAINFO, &path)
    found = path.decode() if path != NULL else None
    curl.easy_cleanup(easy)
    return found
