# Redirects: which are followed, and what of the request goes along.
#
# libcurl follows once the answer is over; until then its header callback may still change how.  To another origin (RFC
# 6454: scheme, host, port) go no credentials, and a later redirect does not bring them back.  Nothing goes from https to
# http.  What a redirect has changed in the transfer is undone when its next attempt begins.

cdef extern from * nogil:
    """
    #include <initializer_list>
    #include <string_view>

    // Whether a header line's name is that of a credential.
    static inline bool is_credential(std::string_view line) {
        char name[128];     // a longer name is taken for one
        size_t size = 0;
        for (; size < line.size() && line[size] != ':' && line[size] != ';'; ++size) {
            if (size == sizeof name) return true;
            char letter = line[size];
            name[size] = 'A' <= letter && letter <= 'Z' ? static_cast<char>(letter | 32) : letter;
        }
        for (std::string_view word : {"auth", "cookie", "api-key", "api_key", "apikey", "token", "secret", "password",
                                      "subscription-key"})
            if (std::string_view(name, size).find(word) != std::string_view::npos) return true;
        return false;
    }

    // Takes credentials out of lines with "\\r\\n" between them.
    static inline void drop_credentials(char *lines) {
        std::string_view rest(lines);
        char *place = lines;
        while (!rest.empty()) {
            std::string_view line = rest.substr(0, rest.find("\\r\\n"));
            rest.remove_prefix(line.size() + 2 < rest.size() ? line.size() + 2 : rest.size());
            if (is_credential(line)) continue;
            if (place != lines) place = put_text(place, "\\r\\n", 2);
            std::memmove(place, line.data(), line.size());
            place += line.size();
        }
        *place = 0;
    }
    """
    bint is_credential(const char *line)
    void drop_credentials(char *lines)

cdef const char *REDIRECT_REFUSED = b"the answer redirects from https to http, or to a scheme that is none of both: refused"


cdef int transfer_may_be_redirected(Transfer *transfer) noexcept nogil:
    """As each attempt begins: any redirect may be followed, and the header lines are to be made anew; a CURLcode."""
    cdef int code = curl.easy_setopt(transfer.easy, CURLOPT_FOLLOWLOCATION, <long>CURLFOLLOW_OBEYCODE)
    code |= curl.easy_setopt(transfer.easy, CURLOPT_REDIR_PROTOCOLS_STR, <char *>b"http,https")
    transfer.serial = 0
    transfer.redirected = code != 0
    return code


cdef void on_redirect(Transfer *transfer) noexcept nogil:
    """A status 3xx, before libcurl reads Location: of these 301, 302, 303, 307 and 308 are followed, if the plan says so."""
    cdef int status = transfer.status
    transfer.redirected = True
    if not transfer.request.plan.follows or not (301 <= status <= 303 or 307 <= status <= 308):
        curl.easy_setopt(transfer.easy, CURLOPT_FOLLOWLOCATION, <long>0)
    elif status <= 303 and not transfer.request.plan.bodyless:
        transfer_empty_line(transfer, b"content-type:")


cdef void on_location(Transfer *transfer, const char *text, size_t length) noexcept nogil:
    """Where the redirect leads."""
    if not transfer.request.plan.follows:
        return
    cdef char *current = NULL
    cdef void *here = curl.url()
    cdef void *there = curl.url()
    cdef char *target = <char *>malloc(length + 1)
    while length > 0 and is_blank(text[0]):
        text += 1
        length -= 1
    while length > 0 and is_blank(text[length - 1]):
        length -= 1
    curl.easy_getinfo(transfer.easy, CURLINFO_EFFECTIVE_URL, &current)
    # From https, libcurl refuses http itself: that does not depend on how the target is read here.
    if current == NULL or strncasecmp(current, b"http:", 5) != 0:
        curl.easy_setopt(transfer.easy, CURLOPT_REDIR_PROTOCOLS_STR, <char *>b"https")
    cdef bint same = False
    if here != NULL and there != NULL and target != NULL and current != NULL and length > 0:
        memcpy(target, text, length)
        target[length] = 0
        # As libcurl will resolve it, relative to where the transfer is.
        same = (curl.url_set(here, CURLUPART_URL, current, 0) == 0 and curl.url_set(there, CURLUPART_URL, current, 0) == 0
                and curl.url_set(there, CURLUPART_URL, target, CURLU_URLENCODE | CURLU_ALLOW_SPACE) == 0
                and same_part(here, there, CURLUPART_SCHEME) and same_part(here, there, CURLUPART_HOST)
                and same_part(here, there, CURLUPART_PORT))
    # Of a target that cannot be read nothing is known.
    if not same:
        transfer_drop_credentials(transfer)
    if here != NULL:
        curl.url_cleanup(here)
    if there != NULL:
        curl.url_cleanup(there)
    free(target)


cdef bint same_part(void *here, void *there, int part) noexcept nogil:
    cdef char *left = NULL
    cdef char *right = NULL
    cdef bint same = (curl.url_get(here, part, &left, CURLU_DEFAULT_PORT) == 0
                      and curl.url_get(there, part, &right, CURLU_DEFAULT_PORT) == 0 and strcasecmp(left, right) == 0)
    curl.free(left)
    curl.free(right)
    return same


cdef void transfer_drop_credentials(Transfer *transfer) noexcept nogil:
    # Empty, this line also keeps libcurl from sending a user name and password that the target's URL holds.
    transfer_empty_line(transfer, b"authorization:")
    cdef curl_slist *line = transfer.lines
    while line != NULL:
        if line.data == transfer.joined:
            drop_credentials(transfer.joined)
        elif is_credential(line.data) and strcmp(line.data, b"authorization:") != 0:
            line.data = <char *>b""     # libcurl passes over it
        line = line.next


cdef void transfer_empty_line(Transfer *transfer, const char *empty) noexcept nogil:
    """Put `empty`, a name and a colon, in the place of a header's line: libcurl's way to send none of it."""
    cdef size_t name = strlen(empty) - 1
    cdef curl_slist *line = transfer.lines
    while line != NULL:
        if strncasecmp(line.data, empty, name) == 0 and (line.data[name] == b':' or line.data[name] == b';'):
            line.data = <char *>empty
        line = line.next
