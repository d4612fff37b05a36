/* One request and its answer, between libh2o and a handler. */
#include <stdlib.h>
#include <string.h>

#include "control/http_internal.h"

#define FORWARDED_MAX 16 /* X-Forwarded-For headers looked at */

struct http_exchange {
    h2o_multithread_message_t message; /* first: what a wake sends */
    struct cds_list_head list;         /* in the thread's */
    struct http_thread *thread;
    h2o_req_t *request;         /* NULL once the client has gone, or been answered */
    struct exchange_link *link; /* lives as long as the request */
    struct http_origin *origin;
    uint8_t client[16];
    bool kept;
    bool answered;
    http_handler_fn on_wake;
    void *context;
};

/* Hangs in the request's pool: tells the exchange when libh2o gives the request up. */
struct exchange_link {
    struct http_exchange *exchange;
};

static void request_gone(void *pointer)
{
    struct exchange_link *link = pointer;
    if (link->exchange != NULL) {
        link->exchange->request = NULL;
    }
}

/* From here on the request may go without the exchange being told. */
static void exchange_detach(struct http_exchange *exchange)
{
    if (exchange->request != NULL) {
        exchange->link->exchange = NULL;
        exchange->request = NULL;
    }
}

void http_origin_release(void *pointer)
{
    struct http_origin *origin = pointer;
    if (origin != NULL && --origin->references == 0) {
        free(origin);
    }
}

static void exchange_free(struct http_exchange *exchange)
{
    exchange_detach(exchange);
    http_origin_release(exchange->origin);
    cds_list_del(&exchange->list);
    free(exchange);
}

/* A handler has run: it has answered, or kept the exchange. */
static void settle(struct http_exchange *exchange)
{
    if (!exchange->kept && !exchange->answered) {
        static const char body[] = "{\"error\":\"internal_error\"}";
        http_exchange_answer(exchange, 500, "application/json", NULL, 0, body, sizeof body - 1);
    }
    if (!exchange->kept) {
        exchange_free(exchange);
    }
}

static void decide_client(struct http_exchange *exchange, const struct http_origin *origin)
{
    struct http_text forwarded[FORWARDED_MAX];
    unsigned count = 0;
    const h2o_headers_t *headers = &exchange->request->headers;
    for (size_t i = headers->size; i > 0 && count < FORWARDED_MAX; i--) {
        const h2o_header_t *header = &headers->entries[i - 1];
        if (h2o_lcstris(header->name->base, header->name->len, H2O_STRLIT("x-forwarded-for"))) {
            /* from the last to the first; turned round below */
            forwarded[count++] = (struct http_text){header->value.base, header->value.len};
        }
    }
    for (unsigned i = 0; i < count / 2; i++) {
        struct http_text swapped = forwarded[i];
        forwarded[i] = forwarded[count - 1 - i];
        forwarded[count - 1 - i] = swapped;
    }
    http_client_address(&exchange->thread->server->settings, origin->address, forwarded, count, exchange->client);
}

int http_exchange_begin(h2o_handler_t *handler, h2o_req_t *request)
{
    (void)handler;
    h2o_socket_t *socket = request->conn->callbacks->get_socket(request->conn);
    struct http_origin *origin = socket->on_close.data;
    struct http_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return -1; /* libh2o answers 404; there is no memory for a better word */
    }
    exchange->thread = origin->thread;
    cds_list_add_tail(&exchange->list, &exchange->thread->exchanges);
    exchange->request = request;
    exchange->origin = origin;
    origin->references++;
    origin->begun++;
    exchange->link = h2o_mem_alloc_shared(&request->pool, sizeof *exchange->link, request_gone);
    exchange->link->exchange = exchange;
    decide_client(exchange, origin);
    http_count(&exchange->thread->counters.requests);
    struct http_server *server = exchange->thread->server;
    if (exchange->thread->ended) {
        http_exchange_answer(exchange, 503, NULL, NULL, 0, "", 0); /* to nobody */
    } else if (request->entity.len > server->settings.limits.body_max) {
        static const char body[] = "{\"error\":\"request_too_large\",\"detail\":\"the body is longer than bodies may "
                                   "be\"}"; /* HTTP/2: the guard of HTTP/1 is exact */
        http_exchange_answer(exchange, 413, "application/json", NULL, 0, body, sizeof body - 1);
    } else {
        server->handler(server->context, exchange);
    }
    settle(exchange);
    return 0;
}

/* --- Reading --- */

static struct http_text text_of(h2o_iovec_t octets)
{
    return (struct http_text){octets.base, octets.len};
}

struct http_text http_exchange_method(const struct http_exchange *exchange)
{
    return exchange->request == NULL ? (struct http_text){NULL, 0} : text_of(exchange->request->input.method);
}

struct http_text http_exchange_path(const struct http_exchange *exchange)
{
    if (exchange->request == NULL) {
        return (struct http_text){NULL, 0};
    }
    struct http_text path = text_of(exchange->request->input.path);
    size_t query_at = exchange->request->input.query_at;
    path.len = query_at == SIZE_MAX ? path.len : query_at;
    return path;
}

struct http_text http_exchange_query(const struct http_exchange *exchange)
{
    if (exchange->request == NULL || exchange->request->input.query_at == SIZE_MAX) {
        return (struct http_text){NULL, 0};
    }
    struct http_text path = text_of(exchange->request->input.path);
    size_t start = exchange->request->input.query_at + 1;
    return (struct http_text){path.data + start, path.len - start};
}

struct http_text http_exchange_body(const struct http_exchange *exchange)
{
    return exchange->request == NULL ? (struct http_text){NULL, 0} : text_of(exchange->request->entity);
}

/* RFC 9110 section 5.5: blanks around a value are no part of it. The parser takes those in front away. */
static struct http_text value_of(const h2o_header_t *header)
{
    struct http_text value = text_of(header->value);
    while (value.len > 0 && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t')) {
        value.len--;
    }
    return value;
}

struct http_text http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    if (exchange->request == NULL) {
        return (struct http_text){NULL, 0};
    }
    size_t name_len = strlen(name);
    /* libh2o keeps Host apart. */
    if (strcmp(name, "host") == 0) {
        return text_of(exchange->request->input.authority);
    }
    const h2o_headers_t *headers = &exchange->request->headers;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *header = &headers->entries[i];
        if (h2o_lcstris(header->name->base, header->name->len, name, name_len)) {
            return value_of(header);
        }
    }
    return (struct http_text){NULL, 0};
}

/* What `value` and the next line make together. */
static struct http_text join(h2o_mem_pool_t *pool, struct http_text value, struct http_text line)
{
    char *joined = h2o_mem_alloc_pool(pool, value.len + line.len + 1);
    memcpy(joined, value.data, value.len);
    joined[value.len] = ',';
    memcpy(joined + value.len + 1, line.data, line.len);
    return (struct http_text){joined, value.len + line.len + 1};
}

struct http_text http_exchange_header_lines(const struct http_exchange *exchange, const char *name)
{
    struct http_text value = {NULL, 0};
    size_t name_len = strlen(name);
    for (size_t i = 0; exchange->request != NULL && i < exchange->request->headers.size; i++) {
        const h2o_header_t *header = &exchange->request->headers.entries[i];
        if (h2o_lcstris(header->name->base, header->name->len, name, name_len)) {
            struct http_text line = value_of(header);
            value = value.data == NULL ? line : join(&exchange->request->pool, value, line);
        }
    }
    return value;
}

unsigned http_exchange_site(const struct http_exchange *exchange)
{
    return exchange->origin->listener->site;
}

void http_exchange_client(const struct http_exchange *exchange, uint8_t address[16])
{
    memcpy(address, exchange->client, 16);
}

/* --- Answering --- */

static const char *reason_of(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Unknown";
    }
}

static void add_header(h2o_req_t *request, const char *name, const char *value)
{
    h2o_iovec_t kept = h2o_strdup(&request->pool, value, SIZE_MAX);
    h2o_add_header_by_str(&request->pool, &request->res.headers, name, strlen(name), 1, NULL, kept.base, kept.len);
}

void http_exchange_answer(struct http_exchange *exchange, int status, const char *content_type,
                          const struct http_header headers[], unsigned headers_count, const char *body, size_t body_len)
{
    exchange->answered = true;
    exchange->origin->answered++;
    if (status >= 100 && status < 600) {
        http_count(&exchange->thread->counters.status[status / 100]);
    }
    h2o_req_t *request = exchange->request;
    exchange_detach(exchange);
    if (request != NULL) {
        request->res.status = status;
        request->res.reason = reason_of(status);
        request->res.content_length = status == 204 || status == 304 ? SIZE_MAX : body_len; /* RFC 9110 section 8.6 */
        if (content_type != NULL) {
            add_header(request, "content-type", content_type);
        }
        for (unsigned i = 0; i < headers_count; i++) {
            add_header(request, headers[i].name, headers[i].value);
        }
        if (__atomic_load_n(&exchange->thread->server->stop, __ATOMIC_RELAXED)) {
            request->http1_is_persistent = 0;
        }
        h2o_send_inline(request, body, body_len);
    }
}

void http_exchange_keep(struct http_exchange *exchange, http_handler_fn on_wake, void *context)
{
    exchange->kept = true;
    exchange->on_wake = on_wake;
    exchange->context = context;
}

void http_exchange_again(struct http_exchange *exchange)
{
    if (exchange->request == NULL || exchange->thread->ended) {
        http_exchange_answer(exchange, 503, NULL, NULL, 0, "",
                             0); /* the client, or what answers, has gone: to nobody */
        return;
    }
    struct http_server *server = exchange->thread->server;
    server->handler(server->context, exchange);
}

void http_exchange_wake(struct http_exchange *exchange)
{
    h2o_multithread_send_message(&exchange->thread->receiver, &exchange->message);
}

void http_exchange_woken(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    (void)receiver;
    while (!h2o_linklist_is_empty(messages)) {
        h2o_multithread_message_t *message = H2O_STRUCT_FROM_MEMBER(h2o_multithread_message_t, link, messages->next);
        h2o_linklist_unlink(&message->link);
        struct http_exchange *exchange = (struct http_exchange *)message;
        exchange->kept = false;
        exchange->on_wake(exchange->context, exchange);
        settle(exchange);
    }
}

void http_exchange_forget(struct http_thread *thread)
{
    while (!cds_list_empty(&thread->exchanges)) {
        exchange_free(cds_list_first_entry(&thread->exchanges, struct http_exchange, list));
    }
}
