# A stamp of the files and directories that a core's TLS depends on: it differs once others have taken their place.

cdef extern from * nogil:
    """
    #include <sys/stat.h>

    struct Digest {
        unsigned long long value = 0;

        void add(unsigned long long number) {
            value = (value ^ number) * 0x9e3779b97f4a7c15u;
            value ^= value >> 29;
        }
        void add(const struct timespec &instant) {
            add(instant.tv_sec);
            add(instant.tv_nsec);
        }
        void add(const char *path) {        // with what is there
            struct stat status;
            for (const char *letter = path; *letter; ++letter) add(static_cast<unsigned char>(*letter));
            bool there = stat(path, &status) == 0;
            add(there);
            if (!there) return;
            add(status.st_dev);
            add(status.st_ino);
            add(status.st_size);
    #if defined(__APPLE__)
            add(status.st_mtimespec);
            add(status.st_ctimespec);
    #else
            add(status.st_mtim);
            add(status.st_ctim);
    #endif
        }
        void add_all(const char *paths) {   // with colons between them
            char path[4096];                // no system opens a longer one
            while (*paths) {
                size_t length = std::strcspn(paths, ":");
                if (length < sizeof path) {
                    std::memcpy(path, paths, length);
                    path[length] = 0;
                    add(path);
                }
                paths += length + (paths[length] != 0);
            }
        }
    };
    struct Stamp {
        unsigned long long trusted;         // what says which servers to trust
        unsigned long long own;             // the client's certificate and its key
    };
    static inline Stamp stamp_of(const char *file, const char *directories, const char *certificate, const char *key) {
        Digest trusted, own;
        if (file != nullptr) trusted.add(file);
        if (directories != nullptr) trusted.add_all(directories);
        if (certificate != nullptr) own.add(certificate);
        if (key != nullptr) own.add(key);
        return {trusted.value, own.value};
    }
    """
    ctypedef struct Stamp:
        unsigned long long trusted
        unsigned long long own
    Stamp stamp_of(const char *file, const char *directories, const char *certificate, const char *key)


cdef inline Stamp core_stamp(Core *core) noexcept nogil:
    return stamp_of(core.ca_file, core.ca_path, core.cert_file, core.key_file)


cdef inline bint same_stamp(Stamp left, Stamp right) noexcept nogil:
    return left.trusted == right.trusted and left.own == right.own
