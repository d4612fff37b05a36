/* The lines of changes on their way to standard error: whole, in order, never holding up who adds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/log_writer.h"

#define LINES_MAX 30000
#define THREADS   4

struct scene {
    int fds[2];
    struct log *log;
    struct log_writer *writer;
    char *text;
    size_t len;
};

static int scene_begin(void **state)
{
    static struct scene scene;
    struct log_settings settings = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT};
    memset(&scene, 0, sizeof scene);
    scene.text = malloc(LINES_MAX * 100);
    if (scene.text == NULL || pipe(scene.fds) != 0 || log_writer_start(scene.fds[1], &scene.writer) != 0) {
        return -1;
    }
    scene.log = log_new(scene.fds[1], &settings);
    log_attach_writer(scene.log, scene.writer);
    *state = &scene;
    return scene.log == NULL ? -1 : 0;
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    log_writer_stop(scene->writer);
    log_free(scene->log);
    free(scene->text);
    close(scene->fds[0]);
    close(scene->fds[1]);
    return 0;
}

static void read_some(struct scene *scene)
{
    ssize_t len = read(scene->fds[0], scene->text + scene->len, (size_t)LINES_MAX * 100 - 1 - scene->len);
    assert_true(len > 0);
    scene->len += (size_t)len;
    scene->text[scene->len] = '\0';
}

static const char *read_until(struct scene *scene, const char *part)
{
    const char *found = NULL;
    scene->text[scene->len] = '\0';
    while ((found = strstr(scene->text, part)) == NULL) {
        struct pollfd poll_fd = {.fd = scene->fds[0], .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, 20000), 1);
        read_some(scene);
    }
    return found;
}

static void writes_soon(void **state)
{
    struct scene *scene = *state;
    log_audit(scene->log, "delegate.updated", log_text("value", "abc"), log_uint("revision", 7));
    const char *line = read_until(scene, "\n");
    assert_ptr_equal(line, scene->text + scene->len - 1);
    assert_non_null(strstr(scene->text, " level=info event=delegate.updated value=abc revision=7\n"));
}

struct adder {
    struct log *log;
    unsigned number;
};

static void *add_lines(void *argument)
{
    const struct adder *adder = argument;
    for (unsigned i = 0; i < 500; i++) {
        log_audit(adder->log, "change", log_uint("thread", adder->number), log_uint("i", i));
    }
    return NULL;
}

/* Far more than a pipe holds, so that the thread has to wait for its reader. */
static void keeps_each_threads_order(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[THREADS];
    struct adder adders[THREADS];
    unsigned next[THREADS] = {0}, total = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        adders[i] = (struct adder){scene->log, i};
        assert_int_equal(pthread_create(&threads[i], NULL, add_lines, &adders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    log_audit(scene->log, "end");
    (void)read_until(scene, "event=end\n");
    for (char *line = strtok(scene->text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        unsigned thread, i;
        const char *fields = strstr(line, "thread=");
        if (fields != NULL) {
            assert_int_equal(sscanf(fields, "thread=%u i=%u", &thread, &i), 2);
            assert_in_range(thread, 0, THREADS - 1);
            assert_int_equal(i, next[thread]++);
            total++;
        }
    }
    assert_int_equal(total, THREADS * 500);
}

static void says_what_it_left_out(void **state)
{
    struct scene *scene = *state;
    unsigned written = 0;
    unsigned long lost = 0;
    for (unsigned i = 0; i < LINES_MAX; i++) { /* nobody reads: this must not wait */
        log_audit(scene->log, "change", log_uint("i", i));
    }
    for (unsigned i = 0; strstr(scene->text, "event=end\n") == NULL; i++) {
        assert_in_range(i, 0, 100000);
        log_audit(scene->log, "end");
        read_some(scene);
    }
    for (char *line = strtok(scene->text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *lines = strstr(line, "level=warning event=log.lost lines=");
        if (lines != NULL) {
            lost += strtoul(strstr(lines, "lines=") + 6, NULL, 10);
        }
        written += strstr(line, "event=change") != NULL;
    }
    assert_in_range(lost, LINES_MAX - written, LINES_MAX); /* of the lines "end" some may be lost too */
    assert_in_range(written, 1, LINES_MAX - 1);
    assert_true(log_writer_lost(scene->writer) >= lost);
}

/* What waits is written; with a reader that does not read, the end comes all the same. */
static void ends(void **state)
{
    struct scene *scene = *state;
    log_audit(scene->log, "last");
    log_attach_writer(scene->log, NULL);
    log_writer_stop(scene->writer);
    scene->writer = NULL;
    (void)read_until(scene, "event=last\n");
    assert_int_equal(log_writer_start(scene->fds[1], &scene->writer), 0);
    log_attach_writer(scene->log, scene->writer);
    for (unsigned i = 0; i < LINES_MAX; i++) {
        log_audit(scene->log, "change", log_uint("i", i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_soon, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(keeps_each_threads_order, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(says_what_it_left_out, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(ends, scene_begin, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
