/* Who may have a backup made where, one at a time, and what is known of it afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/backup_job.h"

#define ALLOWED "@" /* stands for `place`, see real() */

static char place[] = "/tmp/txtd-backup-job-XXXXXX"; /* of this run's own, and empty */

static const char *real(const char *text)
{
    static char paths[4][BACKUP_JOB_PATH_MAX + 1];
    static unsigned turn;
    if (text == NULL || text[0] != '@') {
        return text;
    }
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s%s", place, text + 1);
    return path;
}

/* The store of these tests: a backup lasts until `go_on` is posted, or it is told to stop. */
static sem_t begun, go_on;
static int result;
static char made_in[BACKUP_JOB_PATH_MAX + 1];

int store_backup(struct store *store, const char *directory, unsigned keep, const atomic_bool *stop,
                 struct backup_report *report, struct error_detail *detail)
{
    (void)store;
    (void)snprintf(made_in, sizeof made_in, "%s", directory);
    (void)sem_post(&begun);
    while (sem_trywait(&go_on) != 0) {
        if (atomic_load(stop)) {
            return error_describe(detail, TXTD_ECLOSED, "it is stopped");
        }
        (void)usleep(1000);
    }
    *report = (struct backup_report){.number = 3, .made_at_s = 1700000000, .octets = 5, .files = 2, .kept = keep};
    return result == 0 ? 0 : error_describe(detail, result, "the disk is gone");
}

static struct backup_job *start(const char *allowed)
{
    struct backup_job *job = NULL;
    result = 0;
    assert_int_equal(sem_init(&begun, 0, 0), 0);
    assert_int_equal(sem_init(&go_on, 0, 0), 0);
    assert_int_equal(backup_job_new(NULL, real(allowed), NULL, &job), 0);
    return job;
}

static int ask(struct backup_job *job, const char *directory, int fd)
{
    struct error_detail detail = {""};
    const struct backup_request request = {.directory = real(directory), .keep = 7, .fd = fd};
    int code = backup_job_begin(job, &request, &detail);
    assert_int_equal(detail.text[0] != '\0', code != 0); /* every refusal says why */
    return code;
}

static struct backup_state wait_for(struct backup_job *job)
{
    struct backup_state state;
    for (unsigned i = 0; i < 60000; i++) {
        backup_job_state(job, &state);
        if (!state.runs) {
            return state;
        }
        (void)usleep(1000);
    }
    fail_msg("the backup does not end");
    return state;
}

static void test_paths(void **unused)
{
    (void)unused;
    static const struct {
        const char *asked, *path; /* NULL: refused */
    } rows[] = {
        {NULL, ALLOWED},
        {ALLOWED, ALLOWED},
        {ALLOWED "/", ALLOWED "/"},
        {ALLOWED "/a/b", ALLOWED "/a/b"},
        {"a", ALLOWED "/a"},
        {"..a/b..", ALLOWED "/..a/b.."},
        {ALLOWED "x", NULL},
        {ALLOWED "/../txtd", NULL},
        {ALLOWED "/a/..", NULL},
        {"..", NULL},
        {"../other", NULL},
        {"a/../../b", NULL},
        {"/", NULL},
        {"/tmp", NULL},
        {"/etc", NULL},
    };
    struct backup_job *job = start(ALLOWED);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int code = ask(job, rows[i].asked, -1);
        if (rows[i].path == NULL) {
            assert_int_equal(code, TXTD_EFORBIDDEN);
            continue;
        }
        assert_int_equal(code, 0);
        (void)sem_post(&go_on);
        (void)wait_for(job);
        assert_string_equal(made_in, real(rows[i].path));
    }
    backup_job_free(job);
    job = start(NULL);
    assert_int_equal(ask(job, ALLOWED, -1), TXTD_ENOTFOUND);
    backup_job_free(job);
}

static void test_one_at_a_time(void **unused)
{
    (void)unused;
    struct backup_job *job = start(ALLOWED);
    struct backup_state state;
    int pair[2];
    char line[256] = "";
    backup_job_state(job, &state);
    assert_false(state.runs);
    assert_int_equal(state.succeeded_at_s, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(ask(job, "a", pair[1]), 0);
    (void)sem_wait(&begun);
    assert_int_equal(ask(job, "b", -1), TXTD_EEXISTS);
    backup_job_state(job, &state);
    assert_true(state.runs);
    assert_string_equal(state.directory, real(ALLOWED "/a"));
    (void)sem_post(&go_on);
    assert_true(read(pair[0], line, sizeof line - 1) > 0); /* and the end: the job has closed its side */
    assert_non_null(strstr(line, "\"number\":3"));
    assert_int_equal(read(pair[0], line, sizeof line), 0);
    (void)close(pair[0]);
    assert_int_equal(ask(job, "b", -1), 0); /* whoever has the answer finds the job free */
    (void)sem_post(&go_on);
    state = wait_for(job);
    assert_true(state.succeeded_at_s > 1700000000);
    assert_int_equal(state.report.kept, 7);
    assert_int_equal(state.failures, 0);
    backup_job_free(job);
}

/* The disk is not looked at by whoever asks: a link out of the directory is a backup that failed, and whose caller is told. */
static void test_a_link_out_of_it_fails(void **unused)
{
    (void)unused;
    char allowed[] = "/tmp/txtd-test-XXXXXX", link[64], line[256] = "";
    int pair[2];
    assert_non_null(mkdtemp(allowed));
    (void)snprintf(link, sizeof link, "%s/link", allowed);
    assert_int_equal(symlink("/", link), 0);
    struct backup_job *job = start(allowed);
    made_in[0] = '\0';
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(ask(job, "link/tmp", pair[1]), 0);
    struct backup_state state = wait_for(job);
    assert_true(state.failed);
    assert_non_null(strstr(state.detail.text, "a link leads out of store.backup_directory"));
    assert_true(read(pair[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "{\"error\":\""));
    assert_string_equal(made_in, "");
    (void)close(pair[0]);
    backup_job_free(job);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(rmdir(allowed), 0);
}

/* A failure does not take the last success away. */
static void test_failure(void **unused)
{
    (void)unused;
    struct backup_job *job = start(ALLOWED);
    struct backup_state state;
    for (unsigned i = 0; i < 2; i++) {
        result = i == 0 ? 0 : TXTD_EIO;
        assert_int_equal(ask(job, NULL, -1), 0);
        (void)sem_post(&go_on);
        state = wait_for(job);
    }
    assert_true(state.failed);
    assert_int_equal(state.failures, 1);
    assert_string_equal(state.detail.text, "the disk is gone");
    assert_true(state.succeeded_at_s > 0);
    backup_job_free(job);
}

/* A stop does not wait until a backup is made, which may take longer than a supervisor waits; whoever asked for it hears of it. */
static void test_the_end_stops_it(void **unused)
{
    (void)unused;
    struct backup_job *job = start(ALLOWED);
    int pair[2];
    char line[256] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(ask(job, "last", pair[1]), 0);
    (void)sem_wait(&begun);
    (void)alarm(60); /* instead of waiting for ever */
    backup_job_free(job);
    (void)alarm(0);
    assert_true(read(pair[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "{\"error\":\"it is stopped\"}"));
    (void)close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_a_link_out_of_it_fails),
        cmocka_unit_test(test_the_end_stops_it),
    };
    if (mkdtemp(place) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(place);
    return failed;
}
