# OpenSSL, where libcurl does TLS with it and its functions can be reached; where not, libcurl is left to itself.
#
# The functions must be those of the library that libcurl calls: they are taken from what it is linked to, and only when
# they name the version that libcurl names.

cdef enum:
    OPENSSL_VERSION_STRING = 6      # since OpenSSL 3.0

cdef struct OpenSSL:
    int (*SSL_is_init_finished)(const void *) noexcept nogil
    void *(*SSL_get_SSL_CTX)(const void *) noexcept nogil
    void *(*SSL_CTX_get_cert_store)(const void *) noexcept nogil
    void (*SSL_CTX_set1_cert_store)(void *, void *) noexcept nogil
    int (*X509_STORE_up_ref)(void *) noexcept nogil
    void (*X509_STORE_free)(void *) noexcept nogil

cdef OpenSSL openssl
cdef bint openssl_is_bound = False


cdef void bind_openssl(void *library) noexcept:
    """Fill `openssl` from what libcurl is linked to."""
    global openssl_is_bound
    cdef const char *named = curl.version_info(0).ssl_version
    cdef const char *(*version)(int) noexcept nogil
    version = <const char *(*)(int) noexcept nogil>dlsym(library, "OpenSSL_version")
    openssl.SSL_is_init_finished = <int (*)(const void *) noexcept nogil>dlsym(library, "SSL_is_init_finished")
    openssl.SSL_get_SSL_CTX = <void *(*)(const void *) noexcept nogil>dlsym(library, "SSL_get_SSL_CTX")
    openssl.SSL_CTX_get_cert_store = <void *(*)(const void *) noexcept nogil>dlsym(library, "SSL_CTX_get_cert_store")
    openssl.SSL_CTX_set1_cert_store = <void (*)(void *, void *) noexcept nogil>dlsym(library, "SSL_CTX_set1_cert_store")
    openssl.X509_STORE_up_ref = <int (*)(void *) noexcept nogil>dlsym(library, "X509_STORE_up_ref")
    openssl.X509_STORE_free = <void (*)(void *) noexcept nogil>dlsym(library, "X509_STORE_free")
    openssl_is_bound = (
        version != NULL and openssl.SSL_is_init_finished != NULL and openssl.SSL_get_SSL_CTX != NULL
        and openssl.SSL_CTX_get_cert_store != NULL and openssl.SSL_CTX_set1_cert_store != NULL
        and openssl.X509_STORE_up_ref != NULL and openssl.X509_STORE_free != NULL
        and named != NULL and strncmp(named, b"OpenSSL/", 8) == 0 and strcmp(named + 8, version(OPENSSL_VERSION_STRING)) == 0
    )
