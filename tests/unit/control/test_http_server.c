/* Whom the server lets in, how it shares the work, how it stops. */
#include "http_scene.h"

static int ask(const struct fixture *fixture)
{
    int fd = dial(fixture);
    say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)hear(fd, "|7");
    return fd;
}

static void caps_connections_of_a_client(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.connections_per_client_max = 3;
    settings.limits.idle_ms = 60000;
    struct fixture *fixture = start(&settings);
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = ask(fixture);
    }
    int refused = dial(fixture);
    assert_true(milliseconds_until_close(refused) < 1000);
    close(refused);
    assert_int_equal(counters_of(fixture).refused_per_client, 1);
    close(fds[0]); /* makes room */
    for (unsigned i = 0; i < 500 && counters_of(fixture).connections > 2; i++) {
        (void)usleep(1000);
    }
    fds[0] = ask(fixture);
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
    end(fixture);
}

/* Places that are in use are kept; those that have been idle for a while go to who comes. */
static void caps_connections_of_all(void **state)
{
    (void)state;
    enum { PLACES = 3 };
    struct http_server_settings settings = default_settings();
    settings.threads = 1;
    settings.limits.connections_max = PLACES;
    settings.limits.idle_ms = 60000;
    struct fixture *fixture = start(&settings);
    int fds[PLACES];
    struct http_exchange *held[PLACES];
    for (unsigned i = 0; i < PLACES; i++) {
        fds[i] = dial(fixture);
        say(fds[i], "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        held[i] = held_by(fixture);
    }
    (void)usleep(1200000);
    int refused = dial(fixture);
    assert_true(milliseconds_until_close(refused) < 1000);
    close(refused);
    assert_int_equal(counters_of(fixture).refused_total, 1);
    assert_int_equal(counters_of(fixture).displaced, 0);
    assert_int_equal(counters_of(fixture).connections, PLACES);
    for (unsigned i = 0; i < PLACES; i++) {
        http_exchange_wake(held[i]);
        (void)hear(fds[i], "|7");
    }
    (void)usleep(1200000);
    close(ask(fixture));
    assert_int_equal(counters_of(fixture).displaced, 1);
    unsigned ended = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        struct pollfd poll_fd = {.fd = fds[i], .events = POLLIN};
        ended += poll(&poll_fd, 1, 0) == 1;
        close(fds[i]);
    }
    assert_int_equal(ended, 1);
    end(fixture);
}

static void lets_a_proxy_carry_many(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.connections_per_client_max = 1;
    settings.trusted_proxies_count = 1;
    settings.trusted_proxies[0] =
        (struct ip_prefix){.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .len = 104};
    struct fixture *fixture = start(&settings);
    int fds[4];
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = ask(fixture);
    }
    for (unsigned i = 0; i < 4; i++) {
        close(fds[i]);
    }
    end(fixture);
    settings.listeners[0].proxy_protocol = true; /* then it is known whose they are */
    fixture = start(&settings);
    fds[0] = dial(fixture);
    say(fds[0], "PROXY TCP4 192.0.2.9 198.51.100.1 5 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)hear(fds[0], "|7");
    fds[1] = dial(fixture);
    say(fds[1], "PROXY TCP4 192.0.2.9 198.51.100.1 6 443\r\n");
    assert_true(milliseconds_until_close(fds[1]) < 1000);
    fds[2] = dial(fixture);
    say(fds[2], "PROXY TCP4 192.0.2.10 198.51.100.1 7 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)hear(fds[2], "|7");
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
    end(fixture);
}

static void speaks_the_proxy_protocol(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.listeners[0].proxy_protocol = true;
    settings.trusted_proxies_count = 1;
    settings.trusted_proxies[0] =
        (struct ip_prefix){.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .len = 104};
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "PROXY TCP4 192.0.2.9 198.51.100.1 5 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "::ffff:192.0.2.9|");
    close(fd);
    fd = dial(fixture);
    say(fd, "PROXY TCP6 2001:db8::9 2001:db8::1 5 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "|2001:db8::9|");
    close(fd);
    fd = dial(fixture);
    say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(hear(fd, NULL), "");
    close(fd);
    end(fixture);
    settings.trusted_proxies_count = 0;
    fixture = start(&settings);
    fd = dial(fixture);
    assert_true(milliseconds_until_close(fd) < 1000);
    close(fd);
    end(fixture);
}

static void believes_trusted_proxies_alone(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.trusted_proxies_count = 1;
    static const struct {
        bool trusted;
        const char *headers, *client;
    } rows[] = {
        {false, "X-Forwarded-For: 192.0.2.1\r\n", "::ffff:127.0.0.1|"},
        {true, "X-Forwarded-For: 192.0.2.1\r\n", "::ffff:192.0.2.1|"},
        {true, "X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n", "::ffff:192.0.2.2|"},
        {true, "X-Forwarded-For: 192.0.2.1, 127.0.0.1\r\n", "::ffff:192.0.2.1|"},
        {true, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.3\r\n", "::ffff:192.0.2.3|"},
        {true, "X-Forwarded-For: 192.0.2.1, garbage\r\n", "::ffff:127.0.0.1|"},
        {true, "X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1|"},
        {true, "X-Forwarded-For: 192.0.2.1:80\r\n", "::ffff:192.0.2.1|"},
        {true, "", "::ffff:127.0.0.1|"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        settings.trusted_proxies[0] = (struct ip_prefix){
            .address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, rows[i].trusted ? 127 : 10}, .len = 104};
        struct fixture *fixture = start(&settings);
        int fd = dial(fixture);
        say(fd, "GET / HTTP/1.1\r\nHost: h\r\n");
        say(fd, rows[i].headers);
        say(fd, "\r\n");
        expect(hear(fd, "|7"), rows[i].client);
        close(fd);
        end(fixture);
    }
}

static void *ask_for_long(void *argument)
{
    const struct fixture *fixture = argument;
    int fds[8];
    for (unsigned i = 0; i < 8; i++) {
        fds[i] = ask(fixture);
    }
    for (unsigned i = 0; i < 8; i++) {
        close(fds[i]);
    }
    return NULL;
}

/* Wakes from one thread, requests on many connections, counters from a third. */
static void serves_many_at_once(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.connections_max = settings.limits.connections_per_client_max = 100;
    settings.limits.idle_ms = settings.limits.request_ms = 10000;
    settings.threads = 4;
    struct fixture *fixture = start(&settings);
    pthread_t clients[8];
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(pthread_create(&clients[i], NULL, ask_for_long, fixture), 0);
        }
        (void)counters_of(fixture);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(pthread_join(clients[i], NULL), 0);
        }
    }
    assert_int_equal(counters_of(fixture).requests, 3 * 64);
    assert_int_equal(counters_of(fixture).status[2], 3 * 64);
    end(fixture);
}

static void finishes_what_runs_when_stopped(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)usleep(30000);
    end(fixture);
    expect(hear(fd, NULL), "GET|/later|");
    close(fd);
}

static void a_wake_after_the_stop_is_safe(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    struct http_exchange *held = held_by(fixture);
    http_server_stop(fixture->server, 0);
    assert_string_equal(hear(fd, NULL), "");
    assert_int_equal(counters_of(fixture).status[2], 0);
    http_exchange_wake(held);
    for (unsigned i = 0; i < 1000 && counters_of(fixture).status[2] == 0; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(counters_of(fixture).status[2], 1); /* on_wake ran all the same */
    close(fd);
    end(fixture);
}

/* A key was compared, and the handler is to look once more; what it looks with may be gone once the server has stopped. */
static void no_handler_is_called_after_the_stop(void **state)
{
    (void)state;
    for (int stops = 0; stops < 2; stops++) {
        struct http_server_settings settings = default_settings();
        struct fixture *fixture = start(&settings);
        int fd = dial(fixture);
        say(fd, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
        struct http_exchange *held = held_by(fixture);
        if (stops != 0) {
            http_server_stop(fixture->server, 0);
        }
        http_exchange_wake(held);
        unsigned hundreds = stops != 0 ? 5 : 2;
        for (unsigned i = 0; i < 30000 && counters_of(fixture).status[hundreds] == 0; i++) {
            (void)usleep(1000);
        }
        assert_int_equal(counters_of(fixture).status[hundreds], 1);
        assert_int_equal(__atomic_load_n(&fixture->asked_again, __ATOMIC_RELAXED), stops != 0 ? 1 : 2);
        close(fd);
        end(fixture);
    }
}

static void an_exchange_nobody_wakes_ends_with_the_server(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    int fd = dial(fixture);
    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)held_by(fixture);
    http_server_stop(fixture->server, 0);
    http_server_free(fixture->server);
    free(fixture);
    close(fd);
}

static void names_an_address_that_is_taken(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture *fixture = start(&settings);
    struct http_server *second = NULL;
    struct error_detail detail = {""};
    settings.listeners[0].address = fixture->address[0];
    char port[8];
    (void)snprintf(port, sizeof port, ":%u", ntohs(((struct sockaddr_in *)&fixture->address[0])->sin_port));
    assert_int_equal(http_server_bind(&settings, handle, fixture, &second, &detail), TXTD_ESYS);
    expect(detail.text, "127.0.0.1");
    expect(detail.text, port + 1);
    end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_connections_of_a_client),
        cmocka_unit_test(caps_connections_of_all),
        cmocka_unit_test(lets_a_proxy_carry_many),
        cmocka_unit_test(speaks_the_proxy_protocol),
        cmocka_unit_test(believes_trusted_proxies_alone),
        cmocka_unit_test(serves_many_at_once),
        cmocka_unit_test(finishes_what_runs_when_stopped),
        cmocka_unit_test(a_wake_after_the_stop_is_safe),
        cmocka_unit_test(no_handler_is_called_after_the_stop),
        cmocka_unit_test(an_exchange_nobody_wakes_ends_with_the_server),
        cmocka_unit_test(names_an_address_that_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
