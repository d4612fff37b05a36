/* The audit log: every line is written, or counted as left out; rotation; files that cannot be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/audit.h"
#include "control/log.h"

static char directory[] = "/tmp/test_audit.XXXXXX";

static int enter(void **state)
{
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    return mkdtemp(directory) == NULL ? -1 : chdir(directory);
}

static int leave(void **state)
{
    (void)state;
    (void)unlink("a");
    (void)unlink("b");
    return chdir("/") != 0 ? -1 : rmdir(directory);
}

struct tally {
    unsigned lines, lost;
    json_int_t last; /* the number in the last line */
};

/* Every line of the file must be JSON. */
static struct tally tally_of(const char *path)
{
    struct tally tally = {.lines = 0};
    char line[LOG_LINE_MAX];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, 0, NULL);
        assert_non_null(json);
        if (strcmp(json_string_value(json_object_get(json, "event")), "audit.lost") == 0) {
            tally.lost += (unsigned)json_integer_value(json_object_get(json, "lines"));
        } else {
            tally.last = json_integer_value(json_object_get(json, "number"));
            tally.lines++;
        }
        json_decref(json);
    }
    (void)fclose(file);
    return tally;
}

static struct log *make_log(struct audit **audit)
{
    /* Nothing of the ordinary log is wanted here: what is audited is written whatever its level. */
    struct log *log = log_new(STDERR_FILENO, &(struct log_settings){.level = LOG_LEVEL_ERROR});
    assert_non_null(log);
    assert_int_equal(audit_start(NULL, audit), 0);
    log_attach_audit(log, *audit);
    return log;
}

static void end(struct log *log, struct audit *audit)
{
    log_attach_audit(log, NULL);
    audit_stop(audit);
    log_free(log);
}

static void test_lines_and_rotation(void **state)
{
    (void)state;
    struct audit *audit;
    struct error_detail detail = {""};
    struct stat status;
    struct log *log = make_log(&audit);
    assert_true(log_audit_enabled(log));
    log_audit(log, "nowhere", log_int("number", 1));
    assert_int_equal(audit_file_change(audit, "a", &detail), 0);
    log_audit(log, "first", log_int("number", 2), log_text("text", "\"\n\x01"));
    log_audit(log, "second", log_int("number", 3));
    for (int i = 0; i < 600 && (stat("a", &status) != 0 || tally_of("a").lines < 2); i++) {
        (void)usleep(50000);
    }
    assert_int_equal(status.st_mode & 0777, 0640 & ~022);

    /* Rotation: the file gets another name, and the same path is opened again. */
    assert_int_equal(rename("a", "b"), 0);
    assert_int_equal(audit_file_change(audit, "a", &detail), 0);
    log_audit(log, "third", log_int("number", 4));

    /* What cannot be had leaves things as they are. */
    assert_int_equal(audit_file_change(audit, "/nonexistent/a", &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "/nonexistent/a"));
    assert_int_equal(audit_file_change(audit, "/dev/null", &detail), TXTD_EINVAL);
    log_audit(log, "fourth", log_int("number", 5));
    end(log, audit);
    assert_int_equal(tally_of("b").lines, 2);
    assert_int_equal(tally_of("b").last, 3);
    assert_int_equal(tally_of("a").lines, 2);
    assert_int_equal(tally_of("a").last, 5);
}

struct writer {
    pthread_t thread;
    struct log *log;
    unsigned count;
};

static void *write_many(void *argument)
{
    const struct writer *writer = argument;
    for (unsigned i = 0; i < writer->count; i++) {
        log_audit(writer->log, "change", log_int("number", i));
    }
    return NULL;
}

static void test_a_flood_is_counted(void **state)
{
    (void)state;
    enum { WRITERS = 4, EACH = 20000 };
    struct audit *audit;
    struct writer writers[WRITERS];
    struct log *log = make_log(&audit);
    (void)unlink("a");
    assert_int_equal(audit_file_change(audit, "a", NULL), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.log = log, .count = EACH};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
    }
    uint64_t lost = audit_lost(audit);
    end(log, audit);
    assert_int_equal(tally_of("a").lines + lost, WRITERS * EACH);
}

/* A file that takes no more: what is left out is counted, and said once there is room again. */
static void test_full_disk(void **state)
{
    (void)state;
    struct audit *audit;
    struct rlimit before, small;
    struct log *log = make_log(&audit);
    (void)unlink("a");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(audit_file_change(audit, "a", NULL), 0);
    small = (struct rlimit){1000, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int written = 0;
    for (; written < 1000 && audit_lost(audit) == 0; written++) {
        log_audit(log, "change", log_int("number", written));
        (void)usleep(10000);
    }
    assert_true(audit_lost(audit) > 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(truncate("a", 0), 0);
    log_audit(log, "change", log_int("number", 5000));
    uint64_t lost = audit_lost(audit);
    end(log, audit);
    struct tally tally = tally_of("a");
    assert_int_equal(tally.last, 5000);
    assert_int_equal(tally.lost, lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines_and_rotation),
                                       cmocka_unit_test(test_a_flood_is_counted), cmocka_unit_test(test_full_disk)};
    return cmocka_run_group_tests(tests, enter, leave);
}
