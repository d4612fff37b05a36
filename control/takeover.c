#include "control/takeover.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/notify.h"

#define BATCH_MAX 128  /* descriptors of one message; the kernel takes 253 */
#define WORDS_MAX 1024 /* octets of a line */
#define PROTOCOL  1

static const char serving_word[] = "serving\n", yours_word[] = "yours\n", no_word[] = "no\n";

int64_t takeover_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 0, or TXTD_ETIMEOUT at the deadline. */
static int await(int fd, short events, int64_t deadline_ms)
{
    struct pollfd ready = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_ms = deadline_ms - takeover_now_ms();
        int count = left_ms <= 0 ? 0 : poll(&ready, 1, (int)left_ms);
        if (count >= 0 || errno != EINTR) {
            return count > 0 ? 0 : TXTD_ETIMEOUT;
        }
    }
}

static int send_text(int fd, const char *text, size_t len)
{
    const int64_t deadline_ms = takeover_now_ms() + TAKEOVER_ANSWER_MS;
    while (len > 0) {
        if (await(fd, POLLOUT, deadline_ms) != 0) {
            return TXTD_ESYS;
        }
        ssize_t count = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            return TXTD_ESYS;
        }
        text += count > 0 ? count : 0;
        len -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* Reads one line, octet by octet so that nothing behind it is taken (descriptors come with what follows). `line` gets a
 * NUL instead of the newline. Returns 0, TXTD_ECLOSED or TXTD_ETIMEOUT. */
static int receive_line(int fd, char line[WORDS_MAX], int64_t wait_ms)
{
    const int64_t deadline_ms = takeover_now_ms() + wait_ms;
    for (size_t len = 0; len < WORDS_MAX;) {
        if (await(fd, POLLIN, deadline_ms) != 0) {
            return TXTD_ETIMEOUT;
        }
        ssize_t count = recv(fd, line + len, 1, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (count <= 0) {
            return TXTD_ECLOSED;
        }
        if (line[len] == '\n') {
            line[len] = '\0';
            return 0;
        }
        len++;
    }
    return TXTD_ECLOSED; /* whoever that is, it is no txtd */
}

/* --- Descriptors --- */

union control_room {
    struct cmsghdr header; /* for its alignment */
    char octets[CMSG_SPACE(BATCH_MAX * sizeof(int))];
};

/* One octet of data carries up to BATCH_MAX descriptors. */
static int send_batch(int fd, const int sockets[], unsigned count)
{
    char octet = 'F';
    struct iovec data = {&octet, 1};
    union control_room room;
    memset(&room, 0, sizeof room);
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = room.octets,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), sockets, count * sizeof(int));
    return await(fd, POLLOUT, takeover_now_ms() + TAKEOVER_ANSWER_MS) == 0 && sendmsg(fd, &message, MSG_NOSIGNAL) == 1
               ? 0
               : TXTD_ESYS;
}

static int receive_batch(int fd, int sockets[], unsigned count)
{
    char octet;
    struct iovec data = {&octet, 1};
    union control_room room;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = room.octets, .msg_controllen = sizeof room.octets};
    if (await(fd, POLLIN, takeover_now_ms() + TAKEOVER_ANSWER_MS) != 0 ||
        recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1 || (message.msg_flags & MSG_CTRUNC) != 0) {
        return TXTD_ESYS;
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(count * sizeof(int))) {
        return TXTD_ESYS;
    }
    memcpy(sockets, CMSG_DATA(header), count * sizeof(int));
    return 0;
}

static int for_batches(int fd, int sockets[], unsigned count, bool sends)
{
    int rc = 0;
    for (unsigned at = 0; rc == 0 && at < count; at += BATCH_MAX) {
        unsigned some = count - at < BATCH_MAX ? count - at : BATCH_MAX;
        rc = sends ? send_batch(fd, sockets + at, some) : receive_batch(fd, sockets + at, some);
    }
    return rc;
}

/* --- The running txtd --- */

int takeover_give(int fd, const struct takeover_sockets *sockets)
{
    const unsigned count = 1 + sockets->dns_count + sockets->http_count;
    int *all = calloc(count, sizeof *all);
    json_t *json =
        json_pack("{s:b, s:i, s:i, s:i, s:I}", "ok", true, "protocol", PROTOCOL, "dns", (int)sockets->dns_count, "http",
                  (int)sockets->http_count, "refused_since_ms", (json_int_t)sockets->refused_since_ms);
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = all == NULL || text == NULL ? TXTD_ESYS : 0;
    if (rc == 0) {
        all[0] = sockets->control;
        memcpy(all + 1, sockets->dns, sockets->dns_count * sizeof *all);
        memcpy(all + 1 + sockets->dns_count, sockets->http, sockets->http_count * sizeof *all);
        rc = send_text(fd, text, strlen(text));
    }
    rc = rc == 0 ? send_text(fd, "\n", 1) : rc;
    rc = rc == 0 ? for_batches(fd, all, count, true) : rc;
    free(text);
    json_decref(json);
    free(all);
    return rc;
}

int takeover_refuse(int fd, const char *why)
{
    json_t *json = json_pack("{s:s}", "error", why);
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = text == NULL ? TXTD_ESYS : send_text(fd, text, strlen(text));
    rc = rc == 0 ? send_text(fd, "\n", 1) : rc;
    free(text);
    json_decref(json);
    return rc;
}

int takeover_await_serving(int fd, int64_t wait_ms)
{
    char line[WORDS_MAX];
    int rc = receive_line(fd, line, wait_ms);
    return rc == 0 && strncmp(line, serving_word, sizeof serving_word - 2) != 0 ? TXTD_ECLOSED : rc;
}

int takeover_say(int fd, bool yours)
{
    return yours ? send_text(fd, yours_word, sizeof yours_word - 1) : send_text(fd, no_word, sizeof no_word - 1);
}

/* --- The successor --- */

static int connect_to(const char *path, int *fd, struct error_detail *detail)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return error_describe(detail, TXTD_EINVAL, "process.control_socket %s: the path is too long", path);
    }
    memcpy(address.sun_path, path, strlen(path));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        return 0;
    }
    int error = errno;
    if (*fd >= 0) {
        (void)close(*fd);
    }
    return error_describe(
        detail, TXTD_ESYS,
        "there is no txtd to take over from at process.control_socket %s: %s; start without --take-over", path,
        strerror(error));
}

static int read_offer(const char *line, struct takeover_sockets *sockets, struct error_detail *detail)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *why = json_string_value(json_object_get(json, "error"));
    json_int_t dns = json_integer_value(json_object_get(json, "dns"));
    json_int_t http = json_integer_value(json_object_get(json, "http"));
    int rc = 0;
    sockets->refused_since_ms = json_integer_value(json_object_get(json, "refused_since_ms"));
    if (why != NULL) {
        rc = error_describe(detail, TXTD_ECONFLICT, "the running txtd will not be taken over: %s", why);
    } else if (json_integer_value(json_object_get(json, "protocol")) != PROTOCOL || dns <= 0 ||
               dns > TAKEOVER_DNS_MAX || http < 0 || http > HTTP_LISTENERS_MAX) {
        rc = error_describe(detail, TXTD_EUNSUPPORTED,
                            "the running txtd is of another kind; it has to be stopped and started");
    } else {
        sockets->dns_count = (unsigned)dns;
        sockets->http_count = (unsigned)http;
    }
    json_decref(json);
    return rc;
}

static int receive_sockets(int fd, struct takeover_sockets *sockets, struct error_detail *detail)
{
    const unsigned count = 1 + sockets->dns_count + sockets->http_count;
    int *all = calloc(count, sizeof *all);
    int rc = all == NULL ? TXTD_ENOMEM : for_batches(fd, all, count, false);
    if (rc == 0) {
        sockets->control = all[0];
        memcpy(sockets->dns, all + 1, sockets->dns_count * sizeof *all);
        memcpy(sockets->http, all + 1 + sockets->dns_count, sockets->http_count * sizeof *all);
    } else {
        (void)error_describe(detail, rc,
                             "the running txtd's sockets did not come; is the limit of open files too low?");
    }
    free(all);
    return rc;
}

static int send_request(int fd)
{
    char groups[NOTIFY_GROUPS_MAX];
    notify_own_groups(groups);
    json_t *json = json_pack("{s:s, s:s}", "command", "take-over", "groups", groups);
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = text == NULL ? TXTD_ENOMEM : send_text(fd, text, strlen(text));
    rc = rc == 0 ? send_text(fd, "\n", 1) : rc;
    free(text);
    json_decref(json);
    return rc;
}

int takeover_ask(const char *path, int *fd, struct takeover_sockets *sockets, struct error_detail *detail)
{
    char line[WORDS_MAX];
    int rc = connect_to(path, fd, detail);
    if (rc != 0) {
        return rc;
    }
    rc = send_request(*fd);
    rc = rc == 0 ? receive_line(*fd, line, TAKEOVER_OFFER_MS) : rc;
    if (rc != 0) {
        (void)error_describe(detail, rc, "the running txtd does not answer at %s (it serves root and its own user)",
                             path);
    } else {
        rc = read_offer(line, sockets, detail);
    }
    if (rc == 0) {
        rc = receive_sockets(*fd, sockets, detail);
    }
    if (rc != 0) {
        (void)close(*fd);
    }
    return rc;
}

int takeover_serving(int fd, struct error_detail *detail)
{
    char line[WORDS_MAX] = "";
    int rc = send_text(fd, serving_word, sizeof serving_word - 1);
    /* The other may have said "yours" already, so nobody may give up here before it has gone on or died. */
    rc = rc == 0 ? receive_line(fd, line, 2 * TAKEOVER_LOAD_MS) : rc;
    /* A connection that is closed without a word: the other has died, and nobody answers but us. */
    if (rc == TXTD_ETIMEOUT || (rc == 0 && strncmp(line, yours_word, sizeof yours_word - 2) != 0)) {
        return error_describe(detail, TXTD_ECONFLICT, "the running txtd took too long to be taken over, and goes on");
    }
    return 0;
}
