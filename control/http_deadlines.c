/* How long a connection may go without progress. */
#include "control/http_internal.h"

#define LINGER_MS 2000  /* for a refused client to read why */
#define ANSWER_MS 60000 /* for an answer to be made */

/* When all places are taken: how long a connection without a request, or within one, keeps its own. */
#define PRESSED_IDLE_MS    1000
#define PRESSED_REQUEST_MS 3000
#define PRESSED_LOOKS      64 /* connections looked at, the longest first: a flood must not cost more than it does */

void http_deadlines_touch(struct http_connection *connection)
{
    connection->since_ms = connection->thread->now_ms;
    cds_list_del(&connection->link);
    cds_list_add_tail(&connection->link, &connection->thread->connections);
}

static bool in_request(const struct http_connection *connection)
{
    return connection->http2 ? connection->guard2.open > 0 : http_guard_in_request(&connection->guard);
}

static uint64_t requests_ended(const struct http_connection *connection)
{
    return connection->http2 ? connection->guard2.ended : connection->guard.ended;
}

/* Within a request only its beginning and its end count: single octets are no progress, nor are HTTP/2's pings. */
void http_deadlines_note(struct http_connection *connection)
{
    bool began = in_request(connection) && !connection->in_request;
    uint64_t ended = requests_ended(connection);
    uint64_t answered = connection->origin->answered;
    if (began || ended != connection->ended_then || answered != connection->answered_then) {
        http_deadlines_touch(connection);
    }
    connection->in_request = in_request(connection);
    connection->ended_then = ended;
    connection->answered_then = answered;
}

/* Whether it is ours to go on: a whole request has no answer yet, or the answer is on its way back, or libh2o has not taken
 * what came. */
static bool waits_for_us(const struct http_connection *connection)
{
    const struct http_origin *origin = connection->origin;
    if (origin == NULL) {
        return false;
    }
    uint64_t asked = connection->http2 ? origin->begun : connection->guard.ended;
    return asked > origin->answered || origin->answered != connection->answered_then || connection->inner_writing ||
           connection->asked_last;
}

static unsigned allowed_ms(const struct http_connection *connection, const struct http_limits *limits)
{
    switch (connection->phase) {
    case HTTP_PHASE_PROXY:
    case HTTP_PHASE_HANDSHAKE: return limits->handshake_ms;
    case HTTP_PHASE_LINGER: return LINGER_MS;
    case HTTP_PHASE_ENDING: return limits->request_ms;
    case HTTP_PHASE_OPEN: break;
    }
    if (waits_for_us(connection)) {
        return ANSWER_MS;
    }
    return in_request(connection) ? limits->request_ms : limits->idle_ms;
}

static void expire(struct http_connection *connection)
{
    bool may_be_told = connection->phase == HTTP_PHASE_OPEN && !connection->http2 && in_request(connection) &&
                       !waits_for_us(connection) && !connection->outer_writing;
    if (connection->phase != HTTP_PHASE_LINGER) {
        http_count(&connection->thread->counters.timeouts);
    }
    if (may_be_told) {
        http_deadlines_touch(connection);
        http_connection_ask_no_more(connection, HTTP_REFUSAL_TIMEOUT);
    } else {
        http_connection_close(connection);
    }
}

void http_deadlines_check(struct http_thread *thread)
{
    const struct http_limits *limits = &thread->server->settings.limits;
    struct http_connection *connection, *next;
    unsigned shortest = LINGER_MS;
    shortest = limits->handshake_ms < shortest ? limits->handshake_ms : shortest;
    shortest = limits->request_ms < shortest ? limits->request_ms : shortest;
    shortest = limits->idle_ms < shortest ? limits->idle_ms : shortest;
    cds_list_for_each_entry_safe(connection, next, &thread->connections, link)
    {
        if (thread->now_ms < connection->since_ms + shortest) {
            return; /* those behind are younger still */
        }
        if (thread->now_ms - connection->since_ms >= allowed_ms(connection, limits)) {
            expire(connection);
        }
    }
}

static bool may_go(const struct http_connection *connection)
{
    int64_t age_ms = (int64_t)(connection->thread->now_ms - connection->since_ms);
    return !waits_for_us(connection) && !connection->outer_writing &&
           age_ms >= (in_request(connection) ? PRESSED_REQUEST_MS : PRESSED_IDLE_MS);
}

bool http_deadlines_make_place(struct http_thread *thread, bool reserved)
{
    unsigned looks = 0;
    struct http_connection *connection;
    cds_list_for_each_entry(connection, &thread->connections, link)
    {
        if (connection->listener->reserved == reserved && may_go(connection)) {
            http_count(&thread->counters.displaced);
            http_connection_close(connection);
            return true;
        }
        if (++looks == PRESSED_LOOKS) {
            return false;
        }
    }
    return false;
}
