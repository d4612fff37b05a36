/* storm.c: durability under fire. A child process runs a storm of updates and is stopped in the middle; what it had acknowledged
 * must be in the store.
 *
 *   storm kill SHIM DISK        killed with SIGKILL, several times over the same store
 *   storm powerloss SHIM DISK   killed; the store is what was synced by then
 *   storm torn SHIM DISK        killed; of the log's unsynced pages some reached the disk, in several ways
 *   storm nosync SHIM DISK      as powerloss, with sync turned off: must lose updates, or the harness proves nothing
 *   storm eio SHIM DISK         not killed: the disk fails a few times, the store must come back by itself
 *
 * SHIM is powerloss_shim's library, DISK powerloss_disk. Exit status 0 when it went as it should.
 */
#include "tests/faults/storm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 4, TORN_SEEDS = 12 };

extern char **environ;

struct run {
    const char *self;
    const char *shim;
    const char *disk_maker;
    char scratch[64]; /* everything below it is removed at the end */
    char disk[96];    /* the watched directory */
    char store[112];  /* in it */
    char journal[96];
    char fail_trigger[96];
    uint32_t acked[STORM_DELEGATES];
};

static void die(const char *what)
{
    fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void run_begin(struct run *run, char **argv)
{
    memset(run, 0, sizeof(*run));
    run->self = "/proc/self/exe";
    run->shim = argv[2];
    run->disk_maker = argv[3];
    strcpy(run->scratch, "/tmp/txtd-storm-XXXXXX");
    if (mkdtemp(run->scratch) == NULL) {
        die("mkdtemp");
    }
    snprintf(run->disk, sizeof(run->disk), "%s/disk", run->scratch);
    snprintf(run->store, sizeof(run->store), "%s/store", run->disk);
    snprintf(run->journal, sizeof(run->journal), "%s/journal", run->scratch);
    snprintf(run->fail_trigger, sizeof(run->fail_trigger), "%s/fail", run->scratch);
    if (mkdir(run->disk, 0700) != 0) {
        die(run->disk);
    }
}

/* The child's environment: ours and the shim's. The sanitizers' run-times want to be loaded first, and here they are not. */
static void set_environment(const struct run *run, bool watched)
{
    const char *asan = getenv("ASAN_OPTIONS");
    char options[1024];
    snprintf(options, sizeof(options), "%s%sverify_asan_link_order=0", asan != NULL ? asan : "",
             asan != NULL ? ":" : "");
    setenv("POWERLOSS_DIR", run->disk, 1);
    setenv("POWERLOSS_JOURNAL", run->journal, 1);
    setenv("POWERLOSS_FAIL", run->fail_trigger, 1);
    if (watched) {
        setenv("ASAN_OPTIONS", options, 1);
        setenv("LD_PRELOAD", run->shim, 1);
    } else {
        unsetenv("LD_PRELOAD");
    }
}

/* Starts the storm; *acks is the reading end of its acknowledgements. */
static pid_t start_storm(const struct run *run, bool watched, bool sync, int *acks)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        die("pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    char *arguments[] = {"storm", "run", (char *)(uintptr_t)run->store, sync ? "sync" : "nosync", NULL};
    pid_t child = 0;
    set_environment(run, watched);
    int error = posix_spawn(&child, run->self, &actions, NULL, arguments, environ);
    unsetenv("LD_PRELOAD");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) {
        errno = error;
        die("posix_spawn");
    }
    *acks = ends[0];
    return child;
}

/* Keeps acknowledgements for `seconds` or until there are no more. Returns how many there were. */
static unsigned keep_acks(struct run *run, int acks, double seconds)
{
    struct timespec start;
    struct timespec now;
    unsigned count = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        double left = seconds - (double)(now.tv_sec - start.tv_sec) - 1e-9 * (double)(now.tv_nsec - start.tv_nsec);
        struct pollfd readable = {.fd = acks, .events = POLLIN};
        if (left <= 0 || poll(&readable, 1, (int)(left * 1000) + 1) <= 0) {
            return count;
        }
        struct storm_ack ack; /* written whole, so read whole */
        if (read(acks, &ack, sizeof(ack)) != (ssize_t)sizeof(ack) || ack.delegate >= STORM_DELEGATES) {
            return count;
        }
        run->acked[ack.delegate] = ack.update;
        count++;
    }
}

static int end_child(pid_t child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child) {
        die("waitpid");
    }
    return status;
}

/* Waits for the first acknowledgement: from then on the storm is on. */
static void wait_for_storm(int acks)
{
    struct pollfd readable = {.fd = acks, .events = POLLIN};
    if (poll(&readable, 1, 20000) != 1 || (readable.revents & POLLIN) == 0) {
        fprintf(stderr, "storm: it does not begin\n");
        exit(1);
    }
}

/* A storm that is killed after `seconds`. Returns how many updates it acknowledged. */
static unsigned storm_and_kill(struct run *run, bool watched, bool sync, double seconds)
{
    int acks = -1;
    pid_t child = start_storm(run, watched, sync, &acks);
    wait_for_storm(acks);
    unsigned count = keep_acks(run, acks, seconds);
    kill(child, SIGKILL);
    int status = end_child(child);
    count += keep_acks(run, acks, 5); /* what was in the pipe was acknowledged too */
    close(acks);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fprintf(stderr, "storm: ended by itself with status 0x%x\n", status);
        exit(1);
    }
    printf("%u updates acknowledged, then cut\n", count);
    return count;
}

/* Makes the disk after the power failure in `out`; torn by `seed` when that is not 0. */
static void make_disk(const struct run *run, const char *out, unsigned seed)
{
    char seed_text[16];
    snprintf(seed_text, sizeof(seed_text), "%u", seed);
    char *arguments[] = {
        "powerloss_disk", (char *)(uintptr_t)run->journal, (char *)(uintptr_t)out, seed_text, "*.log", NULL};
    if (seed == 0) {
        arguments[3] = NULL;
    }
    pid_t child = 0;
    int error = posix_spawn(&child, run->disk_maker, NULL, NULL, arguments, environ);
    if (error != 0 || end_child(child) != 0) {
        errno = error;
        die(run->disk_maker);
    }
}

/* Checks what a power failure leaves. Returns as storm_check. */
static int check_after_powerloss(const struct run *run, unsigned seed, uint32_t acked[STORM_DELEGATES])
{
    char out[128];
    char store[160];
    snprintf(out, sizeof(out), "%s/after", run->scratch);
    snprintf(store, sizeof(store), "%s/store", out);
    make_disk(run, out, seed);
    int missing = storm_check(store, acked);
    if (seed != 0 || missing != 0) {
        remove_tree(out);
        return missing;
    }
    /* The next round goes on from here. */
    remove_tree(run->disk);
    if (rename(out, run->disk) != 0) {
        die(out);
    }
    return 0;
}

static double round_seconds(int round)
{
    return 0.3 + 0.35 * round;
}

static int run_kill(struct run *run)
{
    for (int round = 0; round < ROUNDS; round++) {
        storm_and_kill(run, false, true, round_seconds(round));
        int missing = storm_check(run->store, run->acked);
        if (missing != 0) {
            printf("round %d: %d delegates miss an acknowledged update\n", round, missing);
            return 1;
        }
    }
    return 0;
}

static int run_powerloss(struct run *run)
{
    for (int round = 0; round < ROUNDS; round++) {
        storm_and_kill(run, true, true, round_seconds(round));
        int missing = check_after_powerloss(run, 0, run->acked);
        if (missing != 0) {
            printf("round %d: %d delegates miss an acknowledged update\n", round, missing);
            return 1;
        }
    }
    return 0;
}

static int run_torn(struct run *run)
{
    for (int round = 0; round < 2; round++) {
        storm_and_kill(run, true, true, round_seconds(round));
        for (unsigned seed = TORN_SEEDS + 1;
             seed-- > 0;) { /* 0, the strict one, last: the next round goes on from it */
            uint32_t acked[STORM_DELEGATES];
            memcpy(acked, run->acked, sizeof(acked));
            int missing = check_after_powerloss(run, seed, seed == 0 ? run->acked : acked);
            if (missing != 0) {
                printf("round %d, torn by %u: %d delegates miss an acknowledged update\n", round, seed, missing);
                return 1;
            }
        }
    }
    return 0;
}

/* The store is made with syncs: one that is not whole is refused, and says nothing of updates. */
static int run_nosync(struct run *run)
{
    if (storm_check(run->store, run->acked) != 0) {
        return 1;
    }
    storm_and_kill(run, true, false, 1);
    int missing = check_after_powerloss(run, 0, run->acked);
    printf("without sync %d delegates miss an acknowledged update\n", missing);
    return missing > 0 ? 0 : 1;
}

static void set_failing(const struct run *run, bool is_failing)
{
    int fd = is_failing ? open(run->fail_trigger, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if ((is_failing && fd < 0) || (!is_failing && unlink(run->fail_trigger) != 0)) {
        die(run->fail_trigger);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int run_eio(struct run *run)
{
    int acks = -1;
    pid_t child = start_storm(run, true, true, &acks);
    wait_for_storm(acks);
    bool came_back = true;
    for (int round = 0; round < 3; round++) {
        keep_acks(run, acks, 0.4);
        set_failing(run, true);
        keep_acks(run, acks, 0.2 + 0.4 * round);
        set_failing(run, false);
        keep_acks(run, acks, 1.5); /* it looks twice a second whether the disk is well again */
        unsigned count = keep_acks(run, acks, 0.3);
        printf("%u updates acknowledged in 0.3 s after failure %d\n", count, round);
        came_back = came_back && count != 0;
    }
    kill(child, SIGTERM); /* it stops in order */
    keep_acks(run, acks, 10);
    close(acks);
    int status = end_child(child);
    int missing = storm_check(run->store, run->acked);
    printf("exit status 0x%x, %d delegates miss an acknowledged update\n", status, missing);
    return came_back && status == 0 && missing == 0 ? 0 : 1;
}

static const struct {
    const char *name;
    int (*run)(struct run *run);
} modes[] = {
    {"kill", run_kill}, {"powerloss", run_powerloss}, {"torn", run_torn}, {"nosync", run_nosync}, {"eio", run_eio},
};

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 4 && strcmp(argv[1], "run") == 0) {
        return storm_run(argv[2], strcmp(argv[3], "sync") == 0);
    }
    for (size_t i = 0; argc == 4 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            struct run run;
            run_begin(&run, argv);
            int code = modes[i].run(&run);
            remove_tree(run.scratch);
            return code;
        }
    }
    fprintf(stderr, "usage: storm kill|powerloss|torn|nosync|eio SHIM DISK\n");
    return 2;
}
