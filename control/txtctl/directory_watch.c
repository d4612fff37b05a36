#include "control/txtctl/directory_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/txtctl/progress.h"

#define DEPTH_MAX   4
#define INTERVAL_MS 200

struct directory_watch {
    struct progress progress;
    char *path;
    uint64_t before, of;
    _Atomic bool stop;
    pthread_t thread;
};

/* Takes the descriptor over. */
static uint64_t octets_below(int fd, int depth)
{
    uint64_t octets = 0;
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (S_ISREG(status.st_mode)) {
            octets += (uint64_t)status.st_size;
        } else if (S_ISDIR(status.st_mode) && depth > 0) {
            octets +=
                octets_below(openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), depth - 1);
        }
    }
    (void)closedir(entries);
    return octets;
}

uint64_t directory_watch_octets(const char *path)
{
    return octets_below(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), DEPTH_MAX);
}

static void *run(void *argument)
{
    struct directory_watch *watch = argument;
    const struct timespec pause = {.tv_nsec = INTERVAL_MS * 1000000L};
    while (!atomic_load(&watch->stop)) {
        uint64_t now = directory_watch_octets(watch->path);
        progress_show(&watch->progress, now > watch->before ? now - watch->before : 0, watch->of);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

struct directory_watch *directory_watch_begin(const char *what, const char *path, uint64_t of)
{
    struct progress progress = progress_begin(what, false);
    struct directory_watch *watch = progress.shown ? calloc(1, sizeof *watch) : NULL;
    if (watch == NULL) {
        return NULL;
    }
    watch->progress = progress;
    watch->path = strdup(path);
    watch->before = directory_watch_octets(path);
    watch->of = of;
    if (watch->path == NULL || pthread_create(&watch->thread, NULL, run, watch) != 0) {
        free(watch->path);
        free(watch);
        return NULL;
    }
    return watch;
}

void directory_watch_end(struct directory_watch *watch, bool finished)
{
    if (watch == NULL) {
        return;
    }
    atomic_store(&watch->stop, true);
    (void)pthread_join(watch->thread, NULL);
    progress_end(&watch->progress, finished);
    free(watch->path);
    free(watch);
}
