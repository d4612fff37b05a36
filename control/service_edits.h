/* service_edits.h: changes of a delegate beyond the update of one value: settings, values as a whole, keys, deletion, and what
 * the operator does. They are rare, so each has memory of its own, and at most api.limits.edits are under way.
 *
 * As in service.h nothing waits: an edit is made, filled in, handed in, and `done` tells when it is durable and served. It is
 * decided on the committer's thread, on the state of that moment, where the key is checked once more. Each edit writes the
 * delegate, so that its version (the API's ETag) counts every change of delegate and account.
 */
#ifndef TXTD_CONTROL_SERVICE_EDITS_H
#define TXTD_CONTROL_SERVICE_EDITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/service.h"

struct service_edit_call;

#define SERVICE_EDIT_VERSIONS_MAX 16 /* that an edit may name; no more are looked at */

enum service_edit_kind {
    SERVICE_EDIT_SETTINGS,     /* allowfrom, note */
    SERVICE_EDIT_VALUES,       /* exactly these */
    SERVICE_EDIT_VALUE_REMOVE, /* this one; TXTD_ENOTFOUND when it is not there */
    SERVICE_EDIT_PERSISTENT,   /* exactly these */
    SERVICE_EDIT_KEY_ADD,      /* TXTD_EEXISTS when there are STORE_KEYS_MAX */
    SERVICE_EDIT_KEY_REVOKE, /* TXTD_ENOTFOUND; TXTD_EEXISTS for the last one, without which the account would be nobody's */
    SERVICE_EDIT_DELETE,
    SERVICE_EDIT_DISABLE, /* the operator's; so is ENABLE */
    SERVICE_EDIT_ENABLE,
    SERVICE_EDIT_EXPIRE, /* txtd's own: as DELETE, if the delegate is as it was when that was decided */
};

/* What is to be done. */
struct service_edit {
    enum service_edit_kind kind;
    bool expects_version; /* TXTD_ECONFLICT unless the delegate is at one of `versions` */
    unsigned versions_count;
    uint64_t versions[SERVICE_EDIT_VERSIONS_MAX];
    bool sets_allowfrom, sets_note;
    uint8_t allowfrom_count, note_len;
    struct store_cidr allowfrom[STORE_ALLOWFROM_MAX];
    char note[STORE_NOTE_LEN_MAX];
    uint32_t key_id; /* to be revoked */
    /* Values and persistent values as a state holds them, the rest of it unused. More values than the delegate has slots:
     * TXTD_EINVAL. */
    struct delegate_state wanted;
};

/* Makes an empty one. Any thread. Returns 0, TXTD_EFULL (as many are under way as may be) or TXTD_ENOMEM. */
int service_edit_new(struct service *service, struct service_edit_call **call);

/* To be filled in before it is prepared. */
struct service_edit *service_edit_of(struct service_edit_call *call);

/* Makes it the edit of a logged-in account, of the operator (`token_id` is that of service_operator_login, `username` the delegate's account or NULL when that is not known), or of txtd itself. Any thread.
 * Return 0, TXTD_ELIMITED with *retry_after_s, TXTD_EUNSUPPORTED (the zone is no longer served), TXTD_ESYS or TXTD_ENOMEM. */
int service_edit_prepare(struct service_edit_call *call, const uint8_t client[16], const struct service_login *login,
                         unsigned *retry_after_s);
int service_edit_prepare_operator(struct service_edit_call *call, const uint8_t client[16],
                                  const char token_id[CREDENTIALS_TOKEN_ID_LEN + 1],
                                  const struct delegate_state *delegate, const struct delegate_id *username);
int service_edit_prepare_expiry(struct service_edit_call *call, const struct store_account *account);

/* Hands it in. `done` is called exactly once, on any thread; it must not block. */
void service_edit_submit(struct service_edit_call *call, service_done_fn done, void *context);

/* After `done`: 0, TXTD_ECONFLICT, TXTD_EFORBIDDEN (the key was revoked or the delegate deleted meanwhile; values of a disabled
 * one), TXTD_ENOTFOUND (the operator's: no such delegate), what stands at the kinds above, or what the committer says. Counts
 * the result and writes the audit line; call it once. */
int service_edit_result(struct service_edit_call *call);

/* After success: what delegate and account are now; no account (NULL) after an edit of the operator's who did not know it. Valid until
 * service_edit_free. */
const struct delegate_state *service_edit_delegate(const struct service_edit_call *call);
const struct store_account *service_edit_account(const struct service_edit_call *call);

/* The key that KEY_ADD has made, and its id. */
const char *service_edit_key(const struct service_edit_call *call, uint32_t *key_id);

enum service_edit_kind service_edit_kind(const struct service_edit_call *call);

/* The rules that it was prepared under. */
const struct service_rules *service_edit_rules(const struct service_edit_call *call);

/* Frees, its secrets wiped. Any thread; not between submit and `done`. NULL is fine. */
void service_edit_free(struct service_edit_call *call);

#endif
