#include "control/txtctl/control_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/txtctl/output.h"
#include "dataplane/error.h"

#define REPLY_MAX 65536

static int connect_to(const char *path, unsigned timeout_s, int *fd, struct error_detail *detail)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = (time_t)timeout_s};
    if (strlen(path) >= sizeof address.sun_path) {
        return error_describe(detail, TXTD_EINVAL, "%s: the path is too long for a socket", path);
    }
    memcpy(address.sun_path, path, strlen(path));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
        connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        return 0;
    }
    int error = errno;
    if (*fd >= 0) {
        (void)close(*fd);
    }
    return error_describe(detail, TXTD_ESYS, "%s: %s (is txtd running, with process.control_socket set to this path?)",
                          path, strerror(error));
}

static int send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t count = send(fd, text, len, MSG_NOSIGNAL);
        if (count <= 0) {
            return TXTD_ESYS;
        }
        text += count;
        len -= (size_t)count;
    }
    return 0;
}

/* Everything up to the end of the connection. Returns the octets, or -1. */
static ssize_t receive_all(int fd, char *text, size_t room)
{
    size_t len = 0;
    for (;;) {
        ssize_t count = recv(fd, text + len, room - len, 0);
        if (count < 0 || len + (size_t)count == room) {
            return -1;
        }
        if (count == 0) {
            return (ssize_t)len;
        }
        len += (size_t)count;
    }
}

static int exchange(int fd, const char *path, const json_t *request, json_t **reply, struct error_detail *detail)
{
    char *text = json_dumps(request, JSON_COMPACT), *received = malloc(REPLY_MAX);
    ssize_t len = -1;
    if (text != NULL && received != NULL && send_all(fd, text, strlen(text)) == 0 && send_all(fd, "\n", 1) == 0) {
        len = receive_all(fd, received, REPLY_MAX);
    }
    bool hung_up = len == 0 || (len < 0 && (errno == EPIPE || errno == ECONNRESET));
    free(text);
    *reply = len > 0 ? json_loadb(received, (size_t)len, 0, NULL) : NULL;
    free(received);
    if (hung_up) {
        return error_describe(detail, TXTD_EFORBIDDEN,
                              "%s: txtd hung up; it serves root, its own user and process.control_group", path);
    }
    if (!json_is_object(*reply)) {
        json_decref(*reply);
        return error_describe(detail, TXTD_ESYS, "%s: txtd did not answer", path);
    }
    return 0;
}

static int ask(const struct options *options, const json_t *request, json_t **reply, struct error_detail *detail)
{
    int fd = -1;
    const char *path = options->text[OPTION_SOCKET];
    int rc = connect_to(path, options->timeout_s, &fd, detail);
    if (rc == 0) {
        rc = exchange(fd, path, request, reply, detail);
        (void)close(fd);
    }
    return rc;
}

enum txtctl_status control_client_call(const struct options *options, json_t *request, json_t **reply)
{
    struct error_detail detail = {""};
    *reply = NULL;
    int rc = request == NULL ? error_describe(&detail, TXTD_EINVAL, "the value is no UTF-8")
                             : ask(options, request, reply, &detail);
    json_decref(request);
    if (rc != 0) {
        *reply = NULL;
        return output_failed(&detail);
    }
    const char *why = json_string_value(json_object_get(*reply, "error"));
    if (why != NULL) {
        (void)fprintf(stderr, "txtctl: txtd says: %s\n", why);
        json_decref(*reply);
        *reply = NULL;
        return TXTCTL_REFUSED;
    }
    return TXTCTL_DONE;
}
