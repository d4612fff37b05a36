/* clock_shim.c: an LD_PRELOAD library that moves a process's wall clock while it runs.
 *
 * CLOCK_SHIM_OFFSET names a file of eight octets, an int64_t in the machine's order: by how many seconds the wall clock is
 * ahead of the true one. Who writes the file makes the clock jump at once. The monotonic clocks stay as they are, and so does
 * every wait: a deadline that was reckoned from the moved clock is moved back before the C library gets it.
 *
 * It keeps no lock and nothing that has to be torn down, so that threads which outlive main() may still ask for the time.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WALL_CLOCK_FROM_S                                                                                              \
    1000000000 /* a deadline later than this is one of the wall clock; a machine is not up 30 years */

static const int64_t *offset_s;

__attribute__((constructor)) static void map_offset(void)
{
    const char *name = getenv("CLOCK_SHIM_OFFSET");
    if (name == NULL) {
        return;
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        dprintf(STDERR_FILENO, "clock_shim: %s cannot be mapped\n", name);
        abort();
    }
    (void)close(fd);
    offset_s = mapped;
}

static time_t offset(void)
{
    return offset_s == NULL ? 0 : (time_t)__atomic_load_n(offset_s, __ATOMIC_RELAXED);
}

static bool is_wall_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (rc == 0 && is_wall_clock(clock)) {
        now->tv_sec += offset();
    }
    return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *stored)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (stored != NULL) {
        *stored = now.tv_sec;
    }
    return now.tv_sec;
}

static struct timespec true_deadline(const struct timespec *deadline)
{
    struct timespec moved = *deadline;
    if (moved.tv_sec > WALL_CLOCK_FROM_S) {
        moved.tv_sec -= offset();
    }
    return moved;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (real == NULL) {
        real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"); /* older ones have another pthread_cond_t */
    }
    struct timespec moved = true_deadline(deadline);
    return real(condition, mutex, &moved);
}

int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
                           const struct timespec *restrict deadline)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
    if (real == NULL) {
        real = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    }
    struct timespec moved = true_deadline(deadline);
    return real(condition, mutex, clock, &moved);
}
