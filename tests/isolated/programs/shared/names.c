// Stands before the system's getaddrinfo, and its clock, in a process that is started with LD_PRELOAD.
//
// Names that end in ".test" are looked up here: each look-up of a name and family is counted and then silent until it is
// told what to answer.  The monotonic clock can be put forward.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

struct name {
    char text[64];
    int family;
    int asked;
    int out;            // look-ups that wait for the answer
    int answered;       // whether `address` or `failure` is the answer
    int failure;
    char address[64];
};
static struct name names[64];
static int count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static long long ahead_s;

static struct name *find(const char *text, int family) {
    for (int i = 0; i < count; ++i)
        if (strcmp(names[i].text, text) == 0 && names[i].family == family) return &names[i];
    strncpy(names[count].text, text, sizeof names[count].text - 1);
    names[count].family = family;
    return &names[count++];
}

int names_asked(const char *text, int family) {
    pthread_mutex_lock(&mutex);
    int asked = find(text, family)->asked;
    pthread_mutex_unlock(&mutex);
    return asked;
}

// With an address, with a failure, or with neither: silence.  Returns when all look-ups that were out have their answer.
void names_answer(const char *text, int family, const char *address, int failure) {
    pthread_mutex_lock(&mutex);
    struct name *name = find(text, family);
    name->answered = address[0] != 0 || failure != 0;
    name->failure = failure;
    strncpy(name->address, address, sizeof name->address - 1);
    pthread_cond_broadcast(&told);
    while (name->answered && name->out > 0) pthread_cond_wait(&told, &mutex);
    pthread_mutex_unlock(&mutex);
}

// In a forked child nobody waits for an answer.
static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void after_fork(void) { pthread_mutex_unlock(&mutex); }
static void in_child(void) {
    for (int i = 0; i < count; ++i) names[i].out = 0;
    told = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    pthread_mutex_unlock(&mutex);
}
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(before_fork, after_fork, in_child); }

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *end = node == NULL ? NULL : strrchr(node, '.');
    if (end == NULL || strcmp(end, ".test") != 0) return real(node, service, hints, found);
    pthread_mutex_lock(&mutex);
    struct name *name = find(node, hints->ai_family);
    name->asked += 1;
    name->out += 1;
    while (!name->answered) pthread_cond_wait(&told, &mutex);
    name->out -= 1;
    pthread_cond_broadcast(&told);
    int failure = name->failure;
    char address[64];
    strcpy(address, name->address);
    pthread_mutex_unlock(&mutex);
    struct addrinfo numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    return failure != 0 ? failure : real(address, service, &numeric, found);
}

void clock_forward(int seconds) { __atomic_add_fetch(&ahead_s, seconds, __ATOMIC_SEQ_CST); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (clock == CLOCK_MONOTONIC) now->tv_sec += __atomic_load_n(&ahead_s, __ATOMIC_SEQ_CST);
    return failed;
}

// What std::condition_variable waits with: until an instant of the clock above.
int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *held, clockid_t clock, const struct timespec *until) {
    int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *) =
        dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    struct timespec earlier = *until;
    if (clock == CLOCK_MONOTONIC) earlier.tv_sec -= __atomic_load_n(&ahead_s, __ATOMIC_SEQ_CST);
    return real(condition, held, clock, &earlier);
}

// What Python sleeps with.
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    int (*real)(clockid_t, int, const struct timespec *, struct timespec *) = dlsym(RTLD_NEXT, "clock_nanosleep");
    struct timespec earlier = *until;
    if (clock == CLOCK_MONOTONIC && (flags & TIMER_ABSTIME) != 0)
        earlier.tv_sec -= __atomic_load_n(&ahead_s, __ATOMIC_SEQ_CST);
    return real(clock, flags, &earlier, left);
}
