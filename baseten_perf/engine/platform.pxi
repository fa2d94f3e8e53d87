# What the operating system gives: clocks, locks, atomic counters, threads, and a descriptor to wake a sleeper with.

cdef extern from * nogil:
    """
    #include <atomic>
    #include <cerrno>
    #include <condition_variable>
    #include <fcntl.h>
    #include <mutex>
    #include <pthread.h>
    #include <signal.h>
    #include <sys/resource.h>
    #include <sys/socket.h>
    #include <time.h>
    #include <unistd.h>
    #if defined(__linux__)
    #include <sys/epoll.h>
    #include <sys/eventfd.h>
    #endif

    static inline long long monotonic_ns() {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000000LL + now.tv_nsec;
    }
    static inline long long unix_ms() {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    }

    // A mutex and the condition that its holder waits for; steady clock, so a clock that is set never stalls a wait.
    struct Monitor {
        std::mutex mutex;
        std::condition_variable condition;
        void lock() { mutex.lock(); }
        void unlock() { mutex.unlock(); }
        void notify() { condition.notify_all(); }
        void wait(long long ns) {          // with the mutex held
            std::unique_lock<std::mutex> held(mutex, std::adopt_lock);
            condition.wait_for(held, std::chrono::nanoseconds(ns));
            held.release();
        }
    };

    static inline int count_up(int *counter) { return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED); }
    static inline int count_down(int *counter) { return __atomic_sub_fetch(counter, 1, __ATOMIC_ACQ_REL); }
    static inline int count_now(int *counter) { return __atomic_load_n(counter, __ATOMIC_ACQUIRE); }
    static inline void count_set(int *counter, int value) { __atomic_store_n(counter, value, __ATOMIC_RELEASE); }

    // Starts a detached thread with every signal blocked: signals belong to Python's threads.
    static inline int start_thread(void *(*body)(void *), void *argument) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all, before;
        if (pthread_attr_init(&attributes) != 0) return -1;
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = pthread_create(&thread, &attributes, body, argument);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        pthread_attr_destroy(&attributes);
        return failed;
    }

    static inline int close_on_exec(int fd) {
        return fd < 0 ? fd : (fcntl(fd, F_SETFD, FD_CLOEXEC), fd);
    }

    // When the process has just used up its descriptors, its soft limit is raised, as far as its owner allows: a pool of
    // 1024 connections needs more than many systems grant at first.
    static inline bool raise_descriptor_limit() {
        struct rlimit limit;
        if (errno != EMFILE || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return false;
        rlim_t wanted = limit.rlim_cur * 2 + 1024;
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return true;
        errno = EMFILE;
        return false;
    }
    static inline bool descriptors_used_up() { return errno == EMFILE || errno == ENFILE; }

    // A descriptor that is good for nothing but to be closed; -1 when there is none.
    static inline int open_nothing() {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return fd < 0 && raise_descriptor_limit() ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fd;
    }
    // Whether no more than a handful can be opened; if so, for the last time where the limit could be raised.
    static inline bool are_few_descriptors_left() {
        int fds[8], opened = 0;
        while (opened < 8 && (fds[opened] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) ++opened;
        bool few = opened < 8 && descriptors_used_up();
        if (few) raise_descriptor_limit();
        while (opened > 0) close(fds[--opened]);
        return few;
    }

    // A pair of descriptors for waking a poller: ends[0] becomes readable after notify_waker(ends).
    static inline int open_waker(int ends[2]) {
    #if defined(__linux__)
        ends[0] = ends[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return ends[0] < 0 ? -1 : 0;
    #else
        if (pipe(ends) != 0) return -1;
        for (int i = 0; i < 2; ++i) {
            close_on_exec(ends[i]);
            fcntl(ends[i], F_SETFL, O_NONBLOCK);
        }
        return 0;
    #endif
    }
    // A full pipe or counter means that the sleeper is about to wake anyway; EINTR cannot happen without signals.
    static inline void notify_waker(const int ends[2]) {
        unsigned long long one = 1;
        while (write(ends[1], &one, sizeof one) < 0 && errno == EINTR) {}
    }
    static inline void clear_waker(const int ends[2]) {
        unsigned long long heard[8];
        while (read(ends[0], heard, sizeof heard) == sizeof heard) {}
    }
    static inline void close_waker(int ends[2]) {
        if (ends[0] >= 0) close(ends[0]);
        if (ends[1] >= 0 && ends[1] != ends[0]) close(ends[1]);
        ends[0] = ends[1] = -1;
    }
    """
    long long monotonic_ns()
    long long unix_ms()
    cppclass Monitor:
        void lock()
        void unlock()
        void notify()
        void wait(long long ns)
    int count_up(int *counter)
    int count_down(int *counter)
    int count_now(int *counter)
    void count_set(int *counter, int value)
    int start_thread(void *(*body)(void *) noexcept nogil, void *argument)
    int close_on_exec(int fd)
    int open_nothing()
    bint descriptors_used_up()
    bint are_few_descriptors_left()
    int open_waker(int *ends)
    void notify_waker(const int *ends)
    void clear_waker(const int *ends)
    void close_waker(int *ends)

cdef extern from "<sys/socket.h>" nogil:
    int socket(int family, int kind, int protocol)

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*before)() noexcept nogil, void (*in_parent)() noexcept nogil,
                       void (*in_child)() noexcept nogil)

cdef extern from "<unistd.h>" nogil:
    int close_descriptor "close"(int fd)

cdef long long NEVER = 0x7fffffffffffffff
