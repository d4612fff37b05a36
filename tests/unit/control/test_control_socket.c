/* The control socket: its file, its one line in and out, and what a bad client can do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/control_socket.h"

static char directory[] = "/tmp/test_control_socket.XXXXXX";
static char path[sizeof directory + 16];
static const struct privileges_identity nobody_else = {.change = false};

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/control", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

/* Says back what was asked, and by whom. */
static json_t *echo(void *context, const struct control_peer *peer, const json_t *request)
{
    *(int *)context += 1;
    return json_pack("{s:O, s:i}", "request", request, "uid", (int)peer->uid);
}

static int connect_to(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = 60};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends and returns the whole reply, to be freed. */
static char *ask(const char *text, size_t len)
{
    char *reply = calloc(1, 65536);
    size_t got = 0;
    ssize_t count;
    int fd = connect_to();
    assert_non_null(reply);
    (void)!send(fd, text, len, MSG_NOSIGNAL);
    while ((count = recv(fd, reply + got, 65535 - got, 0)) > 0) {
        got += (size_t)count;
    }
    (void)close(fd);
    return reply;
}

static void expect_reply(const char *text, const char *want)
{
    char *reply = ask(text, strlen(text));
    assert_string_equal(reply, want);
    free(reply);
}

static void test_requests(void **state)
{
    (void)state;
    struct control_socket *control = NULL;
    struct error_detail detail = {""};
    struct stat status;
    char want[128];
    int asked = 0;
    assert_int_equal(control_socket_bind(path, NULL, &nobody_else, &control, &detail), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_int_equal(control_socket_start(control, echo, &asked, NULL), 0);

    (void)snprintf(want, sizeof want, "{\"request\":{\"a\":1},\"uid\":%d}\n", (int)geteuid());
    expect_reply("{\"a\":1}\n", want);
    expect_reply("{\"a\":1}\nbehind the line", want);
    assert_int_equal(asked, 2);
    const char *bad = "{\"error\":\"the request must be one JSON object on one line\"}\n";
    expect_reply("\n", bad);
    expect_reply("[1]\n", bad);
    expect_reply("{\"a\":1\n", bad);
    expect_reply("{\"a\":1,\"a\":2}\n", bad);

    static char endless[2 * CONTROL_SOCKET_LINE_MAX];
    memset(endless, ' ', sizeof endless);
    free(ask(endless, sizeof endless)); /* closed; whether it is told why depends on what it has not read yet */
    (void)close(connect_to());          /* one that says nothing at all */
    expect_reply("{\"a\":1}\n", want);
    assert_int_equal(asked, 3);

    /* Nor does anybody else: they would be waited for in turn. */
    int many[CONTROL_SOCKET_SILENT_MAX / 2];
    struct timespec begin, now;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = connect_to();
    }
    expect_reply("{\"a\":1}\n", want);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    assert_in_range(now.tv_sec - begin.tv_sec, 0, 30); /* in turn it were 160 */
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        (void)close(many[i]);
    }

    /* Nor those who begin a line and stall; what comes in parts is one line in the end. */
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = connect_to();
        assert_int_equal(send(many[i], "{\"a\"", 4, MSG_NOSIGNAL), 4);
    }
    int parts = connect_to();
    char got[128] = "";
    assert_int_equal(send(parts, "{\"a\"", 4, MSG_NOSIGNAL), 4);
    expect_reply("{\"a\":1}\n", want);
    assert_int_equal(send(parts, ":1}\n", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(recv(parts, got, sizeof got - 1, 0), strlen(want));
    assert_string_equal(got, want);
    (void)close(parts);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    assert_in_range(now.tv_sec - begin.tv_sec, 0, CONTROL_SOCKET_CLIENT_MS / 1000 - 1);
    memset(got, 0, sizeof got);
    assert_true(recv(many[0], got, sizeof got - 1, 0) > 0); /* after a second */
    assert_string_equal(got, bad);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        (void)close(many[i]);
    }

    /* A stop does not wait for a client that is silent. */
    int silent = connect_to();
    control_socket_stop(control);
    (void)close(silent);
    assert_int_equal(control_socket_start(control, echo, &asked, NULL), 0);
    expect_reply("{\"a\":1}\n", want);
    control_socket_free(control);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_file(void **state)
{
    (void)state;
    struct control_socket *control = NULL, *second = NULL;
    struct error_detail detail = {""};
    assert_int_equal(control_socket_bind(path, NULL, &nobody_else, &control, &detail), 0);
    assert_int_equal(control_socket_bind(path, NULL, &nobody_else, &second, &detail), TXTD_EEXISTS);
    assert_non_null(strstr(detail.text, path));

    /* Somebody else's now: the file stays, and as nobody listens the next one may replace it. */
    control_socket_leave_file(control);
    control_socket_free(control);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(control_socket_bind(path, NULL, &nobody_else, &control, &detail), 0);
    control_socket_free(control);

    /* What is no socket is never removed. */
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(control_socket_bind(path, NULL, &nobody_else, &control, &detail), TXTD_EEXISTS);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(control_socket_bind("/nonexistent/directory/control", NULL, &nobody_else, &control, &detail),
                     TXTD_ESYS);
    assert_int_equal(control_socket_bind(path, "no-such-group", &nobody_else, &control, &detail), TXTD_ENOTFOUND);
    assert_non_null(strstr(detail.text, "no-such-group"));
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests), cmocka_unit_test(test_file)};
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
