#include "control/notify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A manager that cannot be told is no reason to fail: every error is ignored. */
static void notify(const char *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') { /* the abstract namespace */
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
        close(fd);
    }
}

void notify_ready(const char *status)
{
    char message[256];
    (void)snprintf(message, sizeof message, "READY=1\nSTATUS=%s\n", status);
    notify(message);
}

void notify_reloading(void)
{
    char message[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* what Type=notify-reload compares with */
    (void)snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
                   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    notify(message);
}

void notify_successor(int64_t pid)
{
    char message[48];
    (void)snprintf(message, sizeof message, "MAINPID=%" PRId64 "\n", pid);
    notify(message);
}

void notify_own_groups(char groups[NOTIFY_GROUPS_MAX])
{
    size_t len = 0;
    ssize_t count = 0;
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        while (len < NOTIFY_GROUPS_MAX && (count = read(fd, groups + len, NOTIFY_GROUPS_MAX - len)) > 0) {
            len += (size_t)count;
        }
        (void)close(fd);
    }
    groups[count < 0 || len == NOTIFY_GROUPS_MAX ? 0 : len] = '\0';
}

bool notify_takes_successor(const char *groups)
{
    char own[NOTIFY_GROUPS_MAX];
    if (getenv("NOTIFY_SOCKET") == NULL) {
        return true;
    }
    notify_own_groups(own);
    return groups != NULL && groups[0] != '\0' && strcmp(own, groups) == 0;
}

void notify_stopping(void)
{
    notify("STOPPING=1\n");
}
