/* New connections: spread over the threads however they come, and none lost between two of them. */
#include "http_scene.h"

#include <sys/resource.h>

#include "control/http_internal.h"

#define THREADS     3
#define CONNECTIONS 90

static struct fixture *start_wide(void)
{
    struct http_server_settings settings = default_settings();
    settings.threads = THREADS;
    settings.limits.connections_max = 2 * CONNECTIONS;
    settings.limits.connections_per_client_max = 2 * CONNECTIONS;
    settings.limits.idle_ms = 60000;
    settings.limits.handshake_ms = 60000;
    return start(&settings);
}

/* Without a request, as slow clients come. */
static void spreads_a_burst(void **state)
{
    (void)state;
    struct fixture *fixture = start_wide();
    int fds[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        fds[i] = dial(fixture);
    }
    for (unsigned i = 0; i < 5000 && counters_of(fixture).accepted < CONNECTIONS; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(counters_of(fixture).accepted, CONNECTIONS);
    for (unsigned i = 0; i < THREADS; i++) {
        unsigned open = __atomic_load_n(&fixture->server->threads[i].open, __ATOMIC_RELAXED);
        assert_in_range(open, CONNECTIONS / THREADS / 2, CONNECTIONS / THREADS * 2);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        say(fds[i], "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        expect(hear(fds[i], "|7"), "GET|/x|");
        close(fds[i]);
    }
    end(fixture);
}

/* Handing over and stopping at once: every connection is closed by whoever has it. */
static void stops_while_they_come(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        struct fixture *fixture = start_wide();
        int fds[CONNECTIONS];
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            fds[i] = dial(fixture);
        }
        end(fixture);
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            (void)hear(fds[i], NULL);
            close(fds[i]);
        }
    }
}

/* No descriptor is left for a connection: it waits, that is counted, and it is taken once there is one. */
static void waits_for_a_descriptor(void **state)
{
    (void)state;
    struct fixture *fixture = start_wide();
    struct rlimit limit, none;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int first_free = dup(fd);
    assert_true(first_free > fd);
    close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)first_free;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->address[0], sizeof(struct sockaddr_in)), 0);
    for (unsigned i = 0; i < 60000 && counters_of(fixture).accept_pauses == 0; i++) {
        (void)usleep(1000);
    }
    struct http_server_counters counters = counters_of(fixture); /* before it may accept */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(counters.accept_pauses > 0);
    assert_int_equal(counters.accepted, 0);
    say(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|/x|");
    close(fd);
    end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spreads_a_burst),
        cmocka_unit_test(stops_while_they_come),
        cmocka_unit_test(waits_for_a_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
