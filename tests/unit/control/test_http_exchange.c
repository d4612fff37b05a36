/* Requests as handlers see them, and answers as clients do. */
#include "http_scene.h"

static void answers_requests(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET //a%2Fb/?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|//a%2Fb/|x=1||::ffff:127.0.0.1|7");
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    expect(hear(fd, "|7"), "POST|/p||abc|");
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    expect(hear(fd, "|7"), "POST|/p||abcde|");
    say(fd, "POST /empty HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "POST|/empty|||");
    say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|/later|");
    say(fd, "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "\r\n\r\n"), "x-test: yes");
    say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const char *both = hear(fd, NULL);
    expect(both, "GET|/1|");
    expect(both, "GET|/2|");
    close(fd);
    end(fixture);
}

static void hides_bodies_where_there_are_none(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const char *heard = hear(fd, NULL);
    expect(heard, "HTTP/1.1 200 OK\r\n");
    assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
    assert_null(strstr(heard, "Content-Length: 0"));
    close(fd);
    fd = dial(fixture);
    say(fd, "OPTIONS /204 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    heard = hear(fd, NULL);
    expect(heard, "HTTP/1.1 204 No Content\r\n");
    assert_null(strcasestr(heard, "content-length"));
    assert_null(strcasestr(heard, "transfer-encoding"));
    assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
    end(fixture);
}

/* Paths as they were sent; also targets that are no path. */
static void hands_targets_on_unchanged(void **state)
{
    (void)state;
    static const char *const targets[][2] = {
        {"/", "|/||"},
        {"//update/", "|//update/||"},
        {"/a/../b/./c", "|/a/../b/./c||"},
        {"/%2e%2e/%zz%", "|/%2e%2e/%zz%||"},
        {"/a?", "|/a||"},
        {"/a?b=c?d", "|/a|b=c?d|"},
        {"*", "|*||"},
        {"http://other/x?y", "|http://other/x|y|"},
        {"other:443", "|other:443||"},
    };
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    for (unsigned i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        say(fd, "OPTIONS ");
        say(fd, targets[i][0]);
        say(fd, " HTTP/1.1\r\nHost: h\r\n\r\n");
        expect(hear(fd, "|7"), targets[i][1]);
    }
    close(fd);
    end(fixture);
}

static void gives_headers_by_name(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /header HTTP/1.1\r\nHost: the-host\r\nX-API-Key: first \t \r\nx-api-key: second\r\nEmpty:\r\n\r\n");
    expect(hear(fd, "end"), "the-host|first||absent|end");
    close(fd);
    end(fixture);
}

static void asks_for_the_body(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect(hear(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue");
    say(fd, "abc");
    expect(hear(fd, "|7"), "POST|/p||abc|");
    close(fd);
    end(fixture);
}

static void takes_bodies_up_to_the_limit(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    static char body[16384 + 1];
    memset(body, 'b', sizeof body - 1);
    for (unsigned chunked = 0; chunked < 2; chunked++) {
        int fd = dial(fixture);
        say(fd, chunked ? "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n"
                        : "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 16384\r\n\r\n");
        say(fd, body);
        say(fd, chunked ? "\r\n0\r\n\r\n" : "");
        expect(hear(fd, "|7"), "POST|/p||bbbb");
        close(fd);
    }
    end(fixture);
}

static void survives_clients_that_do_not_wait(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    struct http_exchange *held = held_by(fixture);
    const struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(fd);
    for (unsigned i = 0; i < 1000 && counters_of(fixture).connections > 0; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(counters_of(fixture).connections, 0);
    http_exchange_wake(held);
    for (unsigned i = 0; i < 1000 && counters_of(fixture).status[2] == 0; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(counters_of(fixture).status[2], 1);
    end(fixture);
}

static void answers_for_a_handler_that_forgets(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /forget HTTP/1.1\r\nHost: h\r\n\r\n");
    const char *heard = hear(fd, "}");
    expect(heard, "HTTP/1.1 500 Internal Server Error");
    expect(heard, "{\"error\":\"internal_error\"}");
    close(fd);
    end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_requests),
        cmocka_unit_test(hides_bodies_where_there_are_none),
        cmocka_unit_test(hands_targets_on_unchanged),
        cmocka_unit_test(gives_headers_by_name),
        cmocka_unit_test(asks_for_the_body),
        cmocka_unit_test(takes_bodies_up_to_the_limit),
        cmocka_unit_test(survives_clients_that_do_not_wait),
        cmocka_unit_test(answers_for_a_handler_that_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
