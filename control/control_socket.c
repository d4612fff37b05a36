#include "control/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/config_units.h"
#include "control/log.h"

#define BACKLOG     16
#define GROUPS_MAX  1024 /* of a peer that are looked at */
#define SOCKET_MODE 0660

#define SILENT_LOOK_MS 250  /* between two looks for clients that were silent for too long */
#define LINE_MS        1000 /* for a line, once it has begun */

/* Who has connected and not sent a whole line yet: it keeps nobody waiting. */
struct client {
    struct control_peer peer;
    int64_t until_ms;
    size_t len;
    char line[CONTROL_SOCKET_LINE_MAX];
};

struct control_socket {
    char *path;
    int fd;      /* listening */
    int stop_fd; /* an eventfd: readable once the thread is to end */
    bool owns_file;
    bool has_group;
    gid_t group;
    control_handler_fn handler;
    void *context;
    struct log *log;
    pthread_t thread;
    bool running;

    /* The thread's. */
    struct pollfd ready[2 + CONTROL_SOCKET_SILENT_MAX]; /* the listening one, the stop, the clients */
    struct client clients[CONTROL_SOCKET_SILENT_MAX];
    nfds_t clients_count;
};

/* --- Making --- */

static int fail(const char *path, const char *what, struct error_detail *detail)
{
    return error_describe(detail, TXTD_ESYS, "process.control_socket %s: %s: %s", path, what, strerror(errno));
}

/* Start-up, one thread: getgrnam may keep its answer in a static buffer. */
static int find_group(struct control_socket *control, const char *group, struct error_detail *detail)
{
    uint64_t number;
    if (group == NULL) {
        return 0;
    }
    const struct group *entry = getgrnam(group);
    if (entry != NULL) {
        control->group = entry->gr_gid;
    } else if (config_parse_number(group, &number) == 0 && number < UINT32_MAX) {
        control->group = (gid_t)number;
    } else {
        return error_describe(detail, TXTD_ENOTFOUND,
                              "process.control_group: there is no group %s; make it (addgroup --system %s)", group,
                              group);
    }
    control->has_group = true;
    return 0;
}

static int address_of(const char *path, struct sockaddr_un *address, struct error_detail *detail)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        return error_describe(detail, TXTD_EINVAL, "process.control_socket %s: longer than %zu characters", path,
                              sizeof address->sun_path - 1);
    }
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

/* Whether the file there is a socket that nobody listens on any more. */
static bool is_left_over(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused =
        fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return refused;
}

static int listen_at(struct control_socket *control, const struct privileges_identity *identity,
                     struct error_detail *detail)
{
    struct sockaddr_un address;
    int rc = address_of(control->path, &address, detail);
    if (rc != 0) {
        return rc;
    }
    if (is_left_over(&address)) {
        (void)unlink(control->path);
    }
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0) {
        return fail(control->path, "cannot be made", detail);
    }
    /* Nobody may connect before mode and owner are right. */
    mode_t before = umask(0177);
    int bound = bind(control->fd, (const struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    if (bound != 0) {
        return errno == EADDRINUSE
                   ? error_describe(
                         detail, TXTD_EEXISTS,
                         "process.control_socket %s: it is there already, and in use; stop the other txtd, or "
                         "remove it if it is no socket",
                         control->path)
                   : fail(control->path, "cannot be bound (does its directory exist?)", detail);
    }
    control->owns_file = true;
    uid_t uid = identity->change ? identity->uid : (uid_t)-1;
    gid_t gid = control->has_group ? control->group : identity->change ? identity->gid : (gid_t)-1;
    /* The mode while the file is still ours: root in a container may lack CAP_FOWNER. */
    if (chmod(control->path, SOCKET_MODE) != 0) {
        return fail(control->path, "cannot be given its mode", detail);
    }
    if ((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(control->path, uid, gid) != 0) {
        return fail(control->path, "cannot be given to user and group", detail);
    }
    if (listen(control->fd, BACKLOG) != 0) {
        return fail(control->path, "cannot be listened on", detail);
    }
    return 0;
}

static int no_memory(struct error_detail *detail)
{
    return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
}

static int fill(struct control_socket *control, const char *path, const char *group, struct error_detail *detail)
{
    control->fd = -1;
    control->path = strdup(path);
    control->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return control->path == NULL || control->stop_fd < 0 ? no_memory(detail) : find_group(control, group, detail);
}

int control_socket_bind(const char *path, const char *group, const struct privileges_identity *identity,
                        struct control_socket **made, struct error_detail *detail)
{
    struct control_socket *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return no_memory(detail);
    }
    int rc = fill(control, path, group, detail);
    if (rc == 0) {
        rc = listen_at(control, identity, detail);
    }
    if (rc != 0) {
        control_socket_free(control);
        return rc;
    }
    *made = control;
    return 0;
}

int control_socket_adopt(const char *path, const char *group, int fd, struct control_socket **made,
                         struct error_detail *detail)
{
    struct control_socket *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return no_memory(detail);
    }
    int rc = fill(control, path, group, detail);
    if (rc != 0) {
        control_socket_free(control);
        return rc;
    }
    control->fd = fd;
    *made = control;
    return 0;
}

int control_socket_descriptor(const struct control_socket *control)
{
    return control->fd;
}

void control_socket_take_file(struct control_socket *control)
{
    control->owns_file = true;
}

void control_socket_leave_file(struct control_socket *control)
{
    control->owns_file = false;
}

/* --- Who may ask --- */

static bool has_group(const struct control_socket *control, int fd, const struct ucred *peer)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;
    if (!control->has_group) {
        return false;
    }
    if (peer->gid == control->group) {
        return true;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0) {
        return false; /* more groups than anybody has */
    }
    for (size_t i = 0; i < len / sizeof groups[0]; i++) {
        if (groups[i] == control->group) {
            return true;
        }
    }
    return false;
}

static bool may_ask(const struct control_socket *control, int fd, struct control_peer *peer)
{
    struct ucred credentials = {.uid = (uid_t)-1};
    socklen_t len = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0) {
        return false;
    }
    *peer = (struct control_peer){.uid = credentials.uid, .pid = credentials.pid, .fd = fd};
    return credentials.uid == 0 || credentials.uid == geteuid() || has_group(control, fd, &credentials);
}

/* --- One connection --- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the connection until the deadline, unless the thread is to end. */
static bool await(const struct control_socket *control, int fd, short events, int64_t deadline_ms)
{
    struct pollfd ready[2] = {{.fd = fd, .events = events}, {.fd = control->stop_fd, .events = POLLIN}};
    for (;;) {
        int64_t left_ms = deadline_ms - now_ms();
        int count = left_ms <= 0 ? 0 : poll(ready, 2, (int)left_ms);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        return count > 0 && ready[1].revents == 0;
    }
}

/* The request in a line without its newline, an object, or NULL. */
static json_t *parse(const char *line, size_t len)
{
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(request)) {
        json_decref(request);
        return NULL;
    }
    return request;
}

static void reply(const struct control_socket *control, int fd, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    const int64_t deadline_ms = now_ms() + CONTROL_SOCKET_CLIENT_MS;
    size_t len = text == NULL ? 0 : strlen(text);
    if (text != NULL) {
        text[len++] = '\n'; /* in the place of the NUL */
    }
    for (size_t at = 0; at < len && await(control, fd, POLLOUT, deadline_ms);) {
        ssize_t count = send(fd, text + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        }
        at += count > 0 ? (size_t)count : 0;
    }
    free(text);
}

/* Serves the client its line; `len` 0: it sent none. */
static void serve_client(const struct control_socket *control, const struct control_peer *peer, const char *line,
                         size_t len)
{
    json_t *request = parse(line, len);
    json_t *answer = request == NULL ? json_pack("{s:s}", "error", "the request must be one JSON object on one line")
                                     : control->handler(control->context, peer, request);
    json_decref(request);
    if (answer != NULL) {
        reply(control, peer->fd, answer);
        json_decref(answer);
        (void)close(peer->fd);
    }
}

/* --- The thread --- */

static void accept_client(struct control_socket *control)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000000};
    struct control_peer peer;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            (void)nanosleep(&pause, NULL); /* no descriptor is free: not in a tight loop */
        }
    } else if (!may_ask(control, fd, &peer)) {
        log_event(control->log, LOG_LEVEL_WARNING, "control.forbidden", log_uint("uid", peer.uid));
        (void)close(fd);
    } else {
        nfds_t at = control->clients_count++;
        control->ready[2 + at] = (struct pollfd){.fd = fd, .events = POLLIN};
        control->clients[at].peer = peer;
        control->clients[at].until_ms = now_ms() + CONTROL_SOCKET_CLIENT_MS;
        control->clients[at].len = 0;
    }
}

static void forget(struct control_socket *control, nfds_t at)
{
    nfds_t last = --control->clients_count;
    if (at != last) {
        control->ready[2 + at] = control->ready[2 + last];
        control->clients[at] = control->clients[last];
    }
}

/* Takes what the client has sent. Returns whether there is nothing to wait for: its line is whole, too long, or will not come. */
static bool receive(struct client *client)
{
    ssize_t count = recv(client->peer.fd, client->line + client->len, sizeof client->line - client->len, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (count > 0 && client->len == 0) {
        client->until_ms = now_ms() + LINE_MS;
    }
    client->len += count > 0 ? (size_t)count : 0;
    return count <= 0 || client->len == sizeof client->line || memchr(client->line, '\n', client->len) != NULL;
}

/* Serves those whose line is whole; closes those who were silent, or slow, for too long. */
static void look_at_clients(struct control_socket *control)
{
    for (nfds_t at = control->clients_count; at-- > 0;) { /* from the end: forgetting moves the last one */
        struct client *client = &control->clients[at];
        bool ends = control->ready[2 + at].revents != 0 && receive(client), is_late = now_ms() >= client->until_ms;
        if (!ends && !is_late) {
            continue;
        }
        if (client->len == 0 && !ends) {
            (void)close(client->peer.fd);
        } else {
            const char *end = memchr(client->line, '\n', client->len);
            serve_client(control, &client->peer, client->line, end == NULL ? 0 : (size_t)(end - client->line));
        }
        forget(control, at);
    }
}

static void *run(void *argument)
{
    struct control_socket *control = argument;
    control->ready[0] = (struct pollfd){.fd = control->fd};
    control->ready[1] = (struct pollfd){.fd = control->stop_fd, .events = POLLIN};
    while (control->ready[1].revents == 0) {
        control->ready[0].events = control->clients_count < CONTROL_SOCKET_SILENT_MAX ? POLLIN : 0;
        control->ready[0].revents = 0;
        int count = poll(control->ready, 2 + control->clients_count, control->clients_count > 0 ? SILENT_LOOK_MS : -1);
        if (count < 0) {
            continue;
        }
        if (control->ready[1].revents == 0) {
            look_at_clients(control);
        }
        if ((control->ready[0].revents & POLLIN) != 0 && control->clients_count < CONTROL_SOCKET_SILENT_MAX) {
            accept_client(control);
        }
    }
    while (control->clients_count > 0) {
        (void)close(control->clients[--control->clients_count].peer.fd);
    }
    return NULL;
}

int control_socket_start(struct control_socket *control, control_handler_fn handler, void *context, struct log *log)
{
    uint64_t stops;
    (void)!read(control->stop_fd, &stops, sizeof stops); /* it may be started again after a stop */
    control->handler = handler;
    control->context = context;
    control->log = log;
    if (pthread_create(&control->thread, NULL, run, control) != 0) {
        return TXTD_ESYS;
    }
    control->running = true;
    (void)pthread_setname_np(control->thread, "txtd-control");
    return 0;
}

void control_socket_stop(struct control_socket *control)
{
    const uint64_t one = 1;
    if (control->running) {
        (void)!write(control->stop_fd, &one, sizeof one);
        (void)pthread_join(control->thread, NULL);
        control->running = false;
    }
}

void control_socket_free(struct control_socket *control)
{
    if (control == NULL) {
        return;
    }
    control_socket_stop(control);
    if (control->fd >= 0) {
        (void)close(control->fd);
    }
    if (control->owns_file) {
        (void)unlink(
            control->path); /* after the drop the directory may not be ours: the next start replaces the file */
    }
    if (control->stop_fd >= 0) {
        (void)close(control->stop_fd);
    }
    free(control->path);
    free(control);
}
