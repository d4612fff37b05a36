/* daemon_internal.h: what daemon.c and daemon_reload.c share. */
#ifndef TXTD_CONTROL_DAEMON_INTERNAL_H
#define TXTD_CONTROL_DAEMON_INTERNAL_H

#include "control/certificate_watch.h"
#include "control/config.h"
#include "control/control_commands.h"
#include "control/file_limit.h"
#include "control/privileges.h"
#include "control/router.h"
#include "control/service_rules.h"
#include "control/state_directory.h"

struct daemon {
    struct log *log;
    struct config *started; /* what the process runs with until it ends */
    struct config *current; /* what was loaded last: the same, or started's successor */
    struct privileges_identity identity;
    struct state_made made;
    struct file_limit files;

    struct value_ttls *ttls;
    struct delegate_table *table;
    struct responder *responder;
    struct dns_server *dns;
    struct xdp_interfaces *xdp;
    struct tls_context *tls;
    struct certificate_watch watch;
    struct http_server *http;
    struct router router;

    struct store *store;
    uint8_t secret[STORE_SECRET_LEN]; /* the store's */
    struct feed *feed;
    struct committer *committer;
    struct publisher *publisher;
    struct backup_job *backup;
    struct key_upgrades *key_upgrades;
    struct usage_collector *usage;
    struct expirer *expirer;
    struct service *service;
    struct health *health;
    struct control_socket *control; /* NULL: none is configured */
    struct control_commands commands;
    struct own_challenge *challenge;
    struct metrics_loads loads;
    struct audit *audit;
    struct log_writer *log_writer;

    struct takeover_sockets *inherited; /* of the txtd that we take over from; NULL: we do not, or no longer */
    int predecessor_fd;                 /* and the connection to it; -1: none */
    bool handed_over;                   /* a successor serves */
    bool store_is_away;                 /* it was given to a successor that has failed, and is not back yet */
};

/* daemon_service.c. The service's settings by a configuration whose zones have their numbers. `zones` has room for CONFIG_ZONES_MAX; the result
 * borrows it and the configuration. */
void daemon_service_settings(const struct config *config, struct service_zone zones[CONFIG_ZONES_MAX],
                             struct service_settings *settings);

/* daemon_upkeep.c. Starts counting use and deleting what has none. Returns 0 or a code with a `detail`. */
int daemon_upkeep_start(struct daemon *daemon, struct error_detail *detail);

/* No deletions from now on: before the committer. */
void daemon_upkeep_stop_changes(struct daemon *daemon);

/* Writes what was counted: after the DNS workers, before the store is closed. */
void daemon_upkeep_stop(struct daemon *daemon);

/* daemon_log.c. Where we listen, and what the operator should know of a start that has worked. */
void daemon_log_addresses(const struct daemon *daemon);
void daemon_log_warnings(const struct daemon *daemon);

/* daemon_takeover.c. Asks the running txtd for its sockets, after all that can be checked was. Returns 0 or a code with a
 * `detail`. */
int daemon_takeover_ask(struct daemon *daemon, struct error_detail *detail);

/* DNS is answered here: returns 0 once the other has stopped, or a code with a `detail`. Does nothing when there is no other. */
int daemon_takeover_serving(struct daemon *daemon, struct error_detail *detail);

/* Everything is served here: logs how long changes were refused. */
void daemon_takeover_end(struct daemon *daemon);

/* Lets go of what was inherited. */
void daemon_takeover_release(struct daemon *daemon);

/* If a successor has asked, hands over to it. Returns true when it has taken over: this process is to end. */
bool daemon_takeover_give(struct daemon *daemon);

/* Tells the control socket which name's challenge is where, by such a configuration. */
void daemon_own_name(struct daemon *daemon, const struct config *config);

#endif
