/* The talk between two txtd: what one gives arrives at the other, and what is no offer is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/takeover.h"

static char directory[] = "/tmp/test_takeover.XXXXXX";
static char path[sizeof directory + 16];

static int enter(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/control", directory);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static int listen_at_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)unlink(path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* The other side, on a thread: takes the request, then gives `sockets`, or says `line`; then answers "serving" with `word`. */
struct other {
    pthread_t thread;
    int listener;
    const struct takeover_sockets *sockets;
    const char *line;
    bool speaks, yours;
    int await_result;
};

static void *run_other(void *argument)
{
    struct other *other = argument;
    char octet = 0;
    int fd = accept(other->listener, NULL, NULL);
    while (fd >= 0 && octet != '\n' && recv(fd, &octet, 1, 0) == 1) {
    }
    if (other->sockets != NULL && takeover_give(fd, other->sockets) == 0) {
        other->await_result = takeover_await_serving(fd, TAKEOVER_ANSWER_MS);
        if (other->speaks) {
            (void)takeover_say(fd, other->yours);
        }
    } else if (other->line != NULL) {
        (void)send(fd, other->line, strlen(other->line), MSG_NOSIGNAL);
    }
    (void)close(fd);
    return NULL;
}

static void begin(struct other *other)
{
    other->listener = listen_at_path();
    other->await_result = 1;
    assert_int_equal(pthread_create(&other->thread, NULL, run_other, other), 0);
}

static void end(struct other *other)
{
    (void)pthread_join(other->thread, NULL);
    (void)close(other->listener);
}

static bool same_file(int one, int other)
{
    struct stat a, b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* More sockets than go into one message. */
static void give_and_take(bool speaks, bool yours, int expected)
{
    enum { DNS = 300 };
    static struct takeover_sockets given, taken;
    struct error_detail detail = {""};
    int files[3], fd = -1;
    for (unsigned i = 0; i < 3; i++) {
        files[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
        assert_true(files[i] >= 0);
    }
    given = (struct takeover_sockets){.control = files[0],
                                      .dns_count = DNS,
                                      .http_count = 2,
                                      .http = {files[1], files[2]},
                                      .refused_since_ms = 12345};
    for (unsigned i = 0; i < DNS; i++) {
        given.dns[i] = files[i % 3];
    }
    struct other other = {.sockets = &given, .speaks = speaks, .yours = yours};
    begin(&other);
    memset(&taken, 0, sizeof taken);
    assert_int_equal(takeover_ask(path, &fd, &taken, &detail), 0);
    assert_int_equal(taken.dns_count, DNS);
    assert_int_equal(taken.http_count, 2);
    assert_int_equal(taken.refused_since_ms, 12345);
    assert_true(same_file(taken.control, files[0]) && same_file(taken.http[0], files[1]) &&
                same_file(taken.http[1], files[2]));
    for (unsigned i = 0; i < DNS; i++) {
        assert_true(same_file(taken.dns[i], files[i % 3]));
        (void)close(taken.dns[i]);
    }
    (void)close(taken.control);
    (void)close(taken.http[0]);
    (void)close(taken.http[1]);
    assert_int_equal(takeover_serving(fd, &detail), expected);
    end(&other);
    assert_int_equal(other.await_result, 0);
    (void)close(fd);
    for (unsigned i = 0; i < 3; i++) {
        (void)close(files[i]);
    }
}

static void test_words(void **state)
{
    (void)state;
    give_and_take(true, true, 0);
    give_and_take(true, false, TXTD_ECONFLICT);
    give_and_take(false, false, 0); /* the other has died: nobody answers but us */
}

static void test_what_is_no_offer(void **state)
{
    static const struct {
        const char *line;
        int expected;
        const char *says;
    } rows[] = {
        {"", TXTD_ECLOSED, "does not answer"},
        {"half a line", TXTD_ECLOSED, "does not answer"},
        {"{\"error\":\"only root\"}\n", TXTD_ECONFLICT, "only root"},
        {"no JSON\n", TXTD_EUNSUPPORTED, "of another kind"},
        {"{\"ok\":true,\"protocol\":2,\"dns\":3,\"http\":1}\n", TXTD_EUNSUPPORTED, "of another kind"},
        {"{\"ok\":true,\"protocol\":1,\"dns\":0,\"http\":1}\n", TXTD_EUNSUPPORTED, "of another kind"},
        {"{\"ok\":true,\"protocol\":1,\"dns\":99999999,\"http\":1}\n", TXTD_EUNSUPPORTED, "of another kind"},
        {"{\"ok\":true,\"protocol\":1,\"dns\":3,\"http\":-1}\n", TXTD_EUNSUPPORTED, "of another kind"},
        {"{\"ok\":true,\"protocol\":1,\"dns\":3,\"http\":1}\n", TXTD_ESYS, "did not come"},
        {"{\"ok\":true,\"protocol\":1,\"dns\":3,\"http\":1}\nFFFF", TXTD_ESYS, "did not come"},
    };
    static struct takeover_sockets taken;
    struct error_detail detail;
    int fd;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct other other = {.line = rows[i].line};
        begin(&other);
        int rc = takeover_ask(path, &fd, &taken, &detail);
        if (rc != rows[i].expected || strstr(detail.text, rows[i].says) == NULL) {
            fail_msg("row %zu: %d, %s", i, rc, detail.text);
        }
        end(&other);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(takeover_ask(path, &fd, &taken, &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "start without --take-over"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_what_is_no_offer)};
    return cmocka_run_group_tests(tests, enter, leave);
}
