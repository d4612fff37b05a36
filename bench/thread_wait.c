#include "bench/thread_wait.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* The one line of a file below /proc/self/task/TID. */
static int read_line(const char *tid, const char *file, char line[128])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%.16s/%s", tid, file);
    FILE *opened = fopen(path, "r");
    if (opened == NULL) {
        return -1;
    }
    char *got = fgets(line, 128, opened);
    (void)fclose(opened);
    if (got == NULL) {
        return -1;
    }
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

int thread_wait_read(const char *name, struct thread_wait *sums)
{
    unsigned long long ran_ns, wait_ns, turns;
    char line[128];
    int rc = -1;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        return -1;
    }
    for (struct dirent *task; rc != 0 && (task = readdir(tasks)) != NULL;) {
        if (read_line(task->d_name, "comm", line) == 0 && strcmp(line, name) == 0 &&
            read_line(task->d_name, "schedstat", line) == 0 &&
            sscanf(line, "%llu %llu %llu", &ran_ns, &wait_ns, &turns) == 3) {
            *sums = (struct thread_wait){.wait_ns = wait_ns, .turns = turns};
            rc = 0;
        }
    }
    (void)closedir(tasks);
    return rc;
}

double thread_wait_us(const struct thread_wait *before, const struct thread_wait *after)
{
    uint64_t turns = after->turns - before->turns;
    return turns == 0 ? 0 : (double)(after->wait_ns - before->wait_ns) / 1000 / (double)turns;
}
