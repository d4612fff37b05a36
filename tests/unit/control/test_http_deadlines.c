/* Time: slow heads, slow bodies, slow handshakes, nothing at all. */
#include "http_scene.h"

/* Says `first`, then an octet of `then` every 100 ms until the server closes. Returns milliseconds. */
static long trickle(const struct fixture *fixture, const char *first, char then, char *answer, size_t answer_room)
{
    int fd = dial(fixture);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    say(fd, first);
    size_t len = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    for (unsigned i = 0; i < 50; i++) {
        if (poll(&readable, 1, 100) == 0) {
            (void)send(fd, &then, 1, MSG_NOSIGNAL);
            continue;
        }
        ssize_t got = recv(fd, answer + len, answer_room - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    answer[len] = '\0';
    clock_gettime(CLOCK_MONOTONIC, &after);
    close(fd);
    return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

static void ends_slow_requests(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.idle_ms = 4000;
    struct fixture *fixture = start(&settings);
    static const char *const begun[] = {
        "G",
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
    };
    for (unsigned i = 0; i < sizeof begun / sizeof begun[0]; i++) {
        char answer[1024];
        long took_ms = trickle(fixture, begun[i], 'X', answer, sizeof answer);
        assert_in_range(took_ms, 450, 1500);
        expect(answer, "HTTP/1.1 408 Request Timeout");
        expect(answer, "{\"error\":\"request_timeout\",");
    }
    assert_int_equal(counters_of(fixture).timeouts, sizeof begun / sizeof begun[0]);
    end(fixture);
}

static void ends_idle_connections(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.request_ms = 5000;
    settings.limits.idle_ms = 500;
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    assert_in_range(milliseconds_until_close(fd), 450, 1500);
    close(fd);
    fd = dial(fixture);
    for (unsigned i = 0; i < 4; i++) { /* a request now and then keeps it */
        say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        (void)hear(fd, "|7");
        (void)usleep(250000);
    }
    assert_in_range(milliseconds_until_close(fd), 100, 1500);
    close(fd);
    assert_int_equal(counters_of(fixture).timeouts, 2);
    end(fixture);
}

/* An answer that takes its time is not the client's fault. */
static void waits_for_answers(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.request_ms = settings.limits.idle_ms = settings.limits.handshake_ms = 200;
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /beg");
    struct http_exchange *held = held_by(fixture);
    (void)usleep(600000);
    http_exchange_wake(held);
    expect(hear(fd, "|7"), "GET|/hold|");
    say(fd, "un HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|/begun|");
    close(fd);
    end(fixture);
}

static void ends_slow_proxies(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.request_ms = settings.limits.idle_ms = 5000;
    settings.listeners[0].proxy_protocol = true;
    settings.trusted_proxies_count = 1;
    settings.trusted_proxies[0] =
        (struct ip_prefix){.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .len = 104};
    struct fixture *fixture = start(&settings);
    char answer[1024];
    long took_ms = trickle(fixture, "PROXY TCP4 ", '1', answer, sizeof answer);
    assert_in_range(took_ms, 450, 1500);
    assert_string_equal(answer, "");
    end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_slow_requests),
        cmocka_unit_test(ends_idle_connections),
        cmocka_unit_test(waits_for_answers),
        cmocka_unit_test(ends_slow_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
