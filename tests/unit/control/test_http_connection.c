/* Octets on their way: pipelines, half closes, resets, refusals in their order, more than anybody takes. */
#include "http_scene.h"

#include <sys/resource.h>

static void answers_after_a_half_close(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect(hear(fd, NULL), "GET|/later|");
    close(fd);
    end(fixture);
}

/* The end comes with the request, before anything of it was answered. */
static void answers_what_came_with_the_end(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    for (unsigned i = 0; i < 50; i++) {
        int fd = dial(fixture);
        say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTT");
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        const char *heard = hear(fd, NULL);
        expect(heard, "GET|/1|");
        expect(heard, "GET|/2|");
        assert_null(strstr(heard, "/3"));
        close(fd);
    }
    end(fixture);
}

static void survives_resets(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    const struct linger reset = {.l_onoff = 1};
    for (unsigned i = 0; i < 20; i++) {
        int fd = dial(fixture);
        say(fd, i % 2 == 0 ? "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
                           : "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\nabc");
        (void)usleep(5000);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
    }
    (void)usleep(300000);
    int fd = dial(fixture);
    say(fd, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|/after|");
    close(fd);
    end(fixture);
}

struct refusal {
    const char *request, *status, *error;
};

static const struct refusal refusals[] = {
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16385\r\n\r\n", " 413 Content Too Large", "request_too_large"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4001\r\n", " 413 ", "request_too_large"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", " 400 ", "bad_request"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", " 400 ", "bad_request"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", " 400 ", "bad_request"},
    {"GET / HTTP/1.1\r\n\r\n", " 400 ", "bad_request"},
    {"\x16\x03\x01\x02\x00", " 400 ", "bad_request"},
    {"POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", " 417 ", "expectation_failed"},
};

static void expect_refusal(const char *answer, const struct refusal *refusal)
{
    char body[64], length[64];
    assert_non_null(answer);
    const char *begin = strstr(answer, "\r\n\r\n"), *end = begin == NULL ? NULL : strchr(begin, '}');
    assert_non_null(end);
    (void)snprintf(body, sizeof body, "\r\n\r\n{\"error\":\"%s\",\"detail\":\"", refusal->error);
    (void)snprintf(length, sizeof length, "content-length: %d\r\n", (int)(end + 1 - (begin + 4)));
    expect(answer, refusal->status);
    expect(answer, "content-type: application/json\r\n");
    expect(answer, "connection: close\r\n");
    expect(answer, length);
    assert_memory_equal(begin, body, strlen(body));
    assert_int_equal(end[1], '\0'); /* and nothing behind it */
}

static void refuses_in_json(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    for (unsigned i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        int fd = dial(fixture);
        say(fd, refusals[i].request);
        say(fd, "what comes behind is thrown away");
        expect_refusal(hear(fd, NULL), &refusals[i]);
        close(fd);
    }
    assert_int_equal(counters_of(fixture).rejected, sizeof refusals / sizeof refusals[0]);
    assert_int_equal(counters_of(fixture).requests, 0);
    end(fixture);
}

/* Each refusal comes behind the answers to what was asked before, also to one that takes its time. */
static void refuses_in_order(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    for (unsigned i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        int fd = dial(fixture);
        char request[512];
        (void)snprintf(request, sizeof request,
                       "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n%s",
                       refusals[i].request);
        if (i % 2 == 0) { /* at once, or octet by octet */
            say(fd, request);
        } else {
            for (const char *at = request; *at != '\0'; at++) {
                assert_int_equal(send(fd, at, 1, MSG_NOSIGNAL), 1);
            }
        }
        char *heard = strdup(hear(fd, NULL));
        char *first = strstr(heard, "GET|/later|");
        char *second = strstr(heard, "GET|/b|");
        assert_true(first != NULL && second > first);
        expect_refusal(strstr(second, "HTTP/1.1"), &refusals[i]);
        free(heard);
        close(fd);
    }
    end(fixture);
}

/* Whoever asked to close gets no refusal for what it sends all the same. */
static void says_nothing_after_the_last_answer(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n@");
    const char *heard = hear(fd, NULL);
    expect(heard, "GET|/1|");
    assert_null(strstr(heard, "/2"));
    assert_null(strstr(heard, "400"));
    close(fd);
    end(fixture);
}

/* A client that asks for ever and reads nothing is held up, and goes on where it was when it reads. */
static void holds_up_who_does_not_read(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.idle_ms = settings.limits.request_ms = 20000;
    struct fixture *fixture = start(&settings);
    static const char request[] =
        "GET /0123456789012345678901234567890123456789012345678901234567890 HTTP/1.1\r\nHost: h\r\n\r\n";
    int fd = dial(fixture);
    size_t sent = 0;
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (poll(&writable, 1, 300) == 1 && sent < 64u << 20) {
        size_t at = sent % (sizeof request - 1);
        ssize_t more = send(fd, request + at, sizeof request - 1 - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += more > 0 ? (size_t)more : 0;
    }
    assert_true(sent < 64u << 20);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    size_t answers = 0, at = 0;
    static const char mark[] = "GET|/0123";
    static char heard[65536];
    ssize_t got;
    while ((got = recv(fd, heard, sizeof heard, 0)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            at = heard[i] == mark[at] ? at + 1 : heard[i] == mark[0];
            if (at == sizeof mark - 1) {
                answers++;
                at = 0;
            }
        }
    }
    assert_int_equal(got, 0);
    assert_int_equal(answers, sent / (sizeof request - 1));
    close(fd);
    end(fixture);
}

static void serves_a_thousand(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.connections_max = settings.limits.connections_per_client_max = 1000;
    settings.limits.idle_ms = 20000;
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(files.rlim_cur > 4200);
    struct fixture *fixture = start(&settings);
    static int fds[1000];
    for (unsigned i = 0; i < 1000; i++) {
        fds[i] = dial(fixture);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            say(fds[i], "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        for (unsigned i = 0; i < 1000; i++) {
            expect(hear(fds[i], "|7"), "GET|/x|");
        }
    }
    assert_int_equal(counters_of(fixture).connections, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        close(fds[i]);
    }
    end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_after_a_half_close),
        cmocka_unit_test(answers_what_came_with_the_end),
        cmocka_unit_test(survives_resets),
        cmocka_unit_test(refuses_in_json),
        cmocka_unit_test(refuses_in_order),
        cmocka_unit_test(says_nothing_after_the_last_answer),
        cmocka_unit_test(holds_up_who_does_not_read),
        cmocka_unit_test(serves_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
