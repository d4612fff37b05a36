/* New connections: spread over the threads however they come, and none lost between two of them. */
#include "http_scene.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spreads_a_burst),
        cmocka_unit_test(stops_while_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
