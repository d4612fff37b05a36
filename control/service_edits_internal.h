/* service_edits_internal.h: what the files of service_edits share: the edit on its way. */
#ifndef TXTD_CONTROL_SERVICE_EDITS_INTERNAL_H
#define TXTD_CONTROL_SERVICE_EDITS_INTERNAL_H

#include "control/change_text.h"
#include "control/service_edits.h"
#include "storage/committer.h"

struct service_edit_call {
    struct change_request change; /* first: the committer hands back a pointer to it */
    struct service *service;
    struct service_rules *rules;
    const struct service_zone *zone; /* belongs to rules; NULL: txtd's own edit of a zone that is not served now */
    struct service_edit edit;
    uint8_t client[16];
    bool by_owner;                               /* else by the operator or txtd itself */
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1]; /* of the operator's token */
    uint8_t key_hash[CREDENTIALS_HASH_LEN];
    uint32_t key_id;
    char new_key[CREDENTIALS_KEY_LEN + 1];
    uint8_t new_key_hash[CREDENTIALS_HASH_LEN];
    uint32_t new_key_id;
    struct delegate_state delegate; /* after the edit; so is the account */
    struct store_account account;
    service_done_fn done;
    void *context;
    int result;
};

/* service_edits_decide.c. The committer's `decide`: what the edit makes of the state of that moment. */
int service_edit_decide(struct change_request *request, struct change_state *state, int64_t now_s);

/* service_edits_audit.c. What was set, as far as `capacity` goes. Returns its length. Pure. */
size_t service_edit_describe(const struct service_edit *edit, char *text, size_t capacity);

/* Writes the audit line of an edit that was made. */
void service_edit_log(const struct service_edit_call *call);

#endif
