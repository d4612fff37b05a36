/* A store whose disk fails, and that does not open again: nobody waits for it, and it is not tried without end. */
#include "tests/unit/storage/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static atomic_bool disk_fails;

/* The C library's, while the disk works. */
int fdatasync(int fd)
{
    if (atomic_load(&disk_fails)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

struct broken {
    struct scene scene;
    struct store *store;
    char current[160], aside[160];
};

static int commit_one(struct store *store, uint64_t number)
{
    struct delegate_state delegate = {.id = scene_id(number), .zone = 1, .version = 1};
    struct store_change change = {.delegate = &delegate};
    uint64_t revision = 0;
    return store_commit(store, &change, 1, &revision);
}

/* Breaks an open store in the way that `replace` makes of CURRENT, which is kept aside. */
static struct broken broken_begin(void (*replace)(const char *current))
{
    struct broken broken = {.scene = scene_begin()};
    broken.store = scene_open(&broken.scene);
    assert_int_equal(commit_one(broken.store, 1), 0);
    snprintf(broken.current, sizeof broken.current, "%s/CURRENT", broken.scene.path);
    snprintf(broken.aside, sizeof broken.aside, "%s/current-aside", broken.scene.directory);
    assert_int_equal(rename(broken.current, broken.aside), 0);
    replace(broken.current);
    atomic_store(&disk_fails, true);
    assert_int_equal(commit_one(broken.store, 2), TXTD_EIO);
    atomic_store(&disk_fails, false);
    return broken;
}

static void broken_end(struct broken *broken)
{
    store_close(broken->store);
    scene_end(&broken->scene);
}

static void replace_by_nonsense(const char *current)
{
    int fd = open(current, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "nonsense", 8), 8);
    close(fd);
}

static void replace_by_directory(const char *current)
{
    assert_int_equal(mkdir(current, 0700), 0);
}

/* Opening it waits for a writer, as one waits for a sick disk. */
static void replace_by_fifo(const char *current)
{
    assert_int_equal(mkfifo(current, 0600), 0);
}

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void readers_do_not_wait_for_the_disk(void **state)
{
    (void)state;
    struct broken broken = broken_begin(replace_by_fifo);
    struct delegate_state delegate;
    struct delegate_id id = scene_id(1);
    struct store_event events[STORE_HISTORY_MAX];
    struct store_account account;
    const struct store_key key = {.scheme = STORE_KEY_SHA256, .hash_len = 32};
    struct store_revoked revoked;
    const struct store_usage_note note = {1, scene_id(1), {3600, 1}};
    unsigned count = 0;
    sleep_ms(200); /* the keeper is at it */
    alarm(5);      /* instead of waiting for ever */
    assert_int_equal(store_read_delegate(broken.store, 1, &id, &delegate), TXTD_EIO);
    assert_int_equal(store_read_account(broken.store, &id, &account), TXTD_EIO);
    assert_int_equal(store_read_accounts(broken.store, NULL, 1, &account, &count), TXTD_EIO);
    assert_int_equal(store_read_history(broken.store, 1, &id, events, &count, NULL), TXTD_EIO);
    assert_int_equal(store_read_revoked(broken.store, &key, &revoked), TXTD_EIO);
    assert_int_equal(store_note_usage(broken.store, &note, 1), TXTD_EIO);
    assert_int_equal(commit_one(broken.store, 3), TXTD_EIO);
    int fd = open(broken.current, O_WRONLY);
    assert_int_equal(write(fd, "nonsense", 8), 8);
    close(fd);
    alarm(0);
    broken_end(&broken);
}

/* Damage stays: it is told once. */
static void damage_is_counted_once(void **state)
{
    (void)state;
    struct broken broken = broken_begin(replace_by_nonsense);
    struct store_trouble trouble;
    sleep_ms(2200);
    store_trouble(broken.store, &trouble);
    assert_int_equal(trouble.damaged_reads, 1);
    assert_int_equal(trouble.failed_writes, 1);
    assert_non_null(strstr(trouble.damage.text, "CURRENT"));
    broken_end(&broken);
}

/* At once, after 0.5 s, 1 s, 2 s: three tries in 2.6 s at most, and it is whole again once the disk is. */
static void tries_become_rarer(void **state)
{
    (void)state;
    struct broken broken = broken_begin(replace_by_directory);
    struct store_trouble trouble;
    struct delegate_state delegate;
    struct delegate_id id = scene_id(1);
    sleep_ms(2600);
    store_trouble(broken.store, &trouble);
    assert_in_range(trouble.failed_writes, 2, 4); /* the commit's, and up to three tries */
    assert_int_equal(rmdir(broken.current), 0);
    assert_int_equal(rename(broken.aside, broken.current), 0);
    for (int i = 0; i < 100 && store_writable(broken.store) != 0; i++) {
        sleep_ms(100);
    }
    assert_int_equal(commit_one(broken.store, 3), 0);
    assert_int_equal(store_read_delegate(broken.store, 1, &id, &delegate), 0);
    broken_end(&broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_do_not_wait_for_the_disk),
        cmocka_unit_test(damage_is_counted_once),
        cmocka_unit_test(tries_become_rarer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
