/* control_socket.h: the local control socket: a unix stream socket for what only this machine's administrator may ask.
 *
 * One connection, one request, one reply: each a JSON object on one line. Requests are served one after the other on one
 * thread; of several whose lines are whole when the thread looks, in no particular order. Up to CONTROL_SOCKET_SILENT_MAX
 * that say nothing, or not all of it, keep nobody waiting. The first octet is waited for for CONTROL_SOCKET_CLIENT_MS, the rest of
 * the line for a second; a client has CONTROL_SOCKET_CLIENT_MS to take the reply. Who may connect: root, the user that txtd
 * runs as, and members of one configured group (SO_PEERCRED, SO_PEERGROUPS); others are closed unheard, even if the file's mode
 * (0660) would let them in.
 *
 * Knows nothing of what is asked: control_commands.h does.
 */
#ifndef TXTD_CONTROL_CONTROL_SOCKET_H
#define TXTD_CONTROL_CONTROL_SOCKET_H

#include <jansson.h>
#include <sys/types.h>

#include "control/privileges.h"
#include "dataplane/error.h"

struct control_socket;
struct log;

#define CONTROL_SOCKET_LINE_MAX   4096 /* octets of a request, its newline included */
#define CONTROL_SOCKET_CLIENT_MS  5000
#define CONTROL_SOCKET_SILENT_MAX 64

/* Who asks. */
struct control_peer {
    uid_t uid;
    pid_t pid;
    int fd; /* of the connection; a handler that returns NULL has taken it over and closes it */
};

/* Answers one request, which is an object; on the socket's thread, may wait. Returns the reply, which goes to the caller, or
 * NULL: there is none from here. */
typedef json_t *(*control_handler_fn)(void *context, const struct control_peer *peer, const json_t *request);

/* Makes the socket file at `path`, for `identity` and `group` (a name or a number; NULL: none). A file that a dead txtd left is
 * replaced; one that somebody listens on is not. Start-up thread, before privileges are dropped.
 * Returns 0, or a code with a `detail` that names the path or the group. */
int control_socket_bind(const char *path, const char *group, const struct privileges_identity *identity,
                        struct control_socket **made, struct error_detail *detail);

/* The same with a listening descriptor that another txtd has made at `path`, and whose file stays the other's for now; the control socket closes it,
 * if this returns 0. */
int control_socket_adopt(const char *path, const char *group, int fd, struct control_socket **made,
                         struct error_detail *detail);

/* The listening descriptor, for a successor. */
int control_socket_descriptor(const struct control_socket *control);

/* Starts the thread; `log` may be NULL. Returns 0 or TXTD_ESYS. */
int control_socket_start(struct control_socket *control, control_handler_fn handler, void *context, struct log *log);

/* Ends the thread once the request that runs is answered. */
void control_socket_stop(struct control_socket *control);

/* The file is this process's from now on: control_socket_free removes it. */
void control_socket_take_file(struct control_socket *control);

/* The file now belongs to another process: control_socket_free leaves it alone. */
void control_socket_leave_file(struct control_socket *control);

/* Stops, closes, removes the file, frees. NULL is fine. */
void control_socket_free(struct control_socket *control);

#endif
