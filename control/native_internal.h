/* native_internal.h: what the files of the native API share: the request, who it is from, the handlers. Loop threads. */
#ifndef TXTD_CONTROL_NATIVE_INTERNAL_H
#define TXTD_CONTROL_NATIVE_INTERNAL_H

#include "control/api_answer.h"
#include "control/backup_job.h"
#include "control/credentials.h"
#include "control/native_json.h"
#include "control/service_edits.h"

#define NATIVE_ARGUMENTS_MAX 2

struct native_request {
    struct api_request api;
    struct service *service;
    struct backup_job *backup;
    struct http_text arguments[NATIVE_ARGUMENTS_MAX]; /* what stands for the path's "{...}" */
    struct http_text token;                           /* of a path below /t/<token>, or absent */
    uint8_t client[16];
    bool by_operator;
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1]; /* of the operator's token, if by_operator */
    struct service_login login; /* its account is the delegate's; by_operator: once native_find_account has found it */
};

/* --- Who asks; each answers the request itself and returns false when it may not go on --- */

/* An account's pair, and the first argument is its delegate. */
bool native_login(struct native_request *request);

/* A token of the operator's. */
bool native_login_operator(struct native_request *request);

/* Either; by_operator tells. */
bool native_login_any(struct native_request *request);

/* Whether the request carries an Authorization of the Bearer scheme; *token stands behind it. */
bool native_bearer(const struct http_exchange *exchange, struct http_text *token);

/* --- Helpers --- */

/* The account of the request's delegate: who has logged in, or for the operator whom the store knows, else NULL (an imported
 * account, say). Returns 0 or a code. */
int native_find_account(struct native_request *request, const struct delegate_state *delegate,
                        const struct store_account **account);

/* A parameter of the query string, percent-decoded, into `text` with a NUL. Returns its length, TXTD_ENOTFOUND
 * when it is absent, or TXTD_EINVAL when it does not fit or is badly encoded: such a one must not pass for an absent one. */
int native_query(const struct http_exchange *exchange, const char *name, char *text, size_t capacity);

/* Percent-decodes (RFC 3986 section 2.1). Returns the octets written, or -1. `plus` says that '+' is a blank. */
int native_decode(struct http_text from, bool plus, char *text, size_t capacity);

/* 400 with what is wrong. */
void native_answer_fault(const struct native_request *request, const struct native_fault *fault);

/* 200 with the view, and its ETag. */
void native_answer_view(const struct api_request *api, const struct native_view *view);

/* Makes an edit of that kind for the request's logged-in account or operator; If-Match is looked at. Answers and returns
 * NULL when that cannot be. */
struct service_edit_call *native_edit_begin(struct native_request *request, enum service_edit_kind kind);

/* Hands the filled-in edit over and answers when it is done. */
void native_edit_go(struct native_request *request, struct service_edit_call *call);

/* --- The handlers of the table --- */

void native_register(struct native_request *request);
void native_get(struct native_request *request);
void native_history(struct native_request *request);
void native_setup(struct native_request *request);

void native_change(struct native_request *request);
void native_delete(struct native_request *request);
void native_set_values(struct native_request *request);
void native_clear_values(struct native_request *request);
void native_remove_value(struct native_request *request);
void native_set_persistent(struct native_request *request);
void native_add_key(struct native_request *request);
void native_revoke_key(struct native_request *request);

void native_list(struct native_request *request);
void native_disable(struct native_request *request);
void native_enable(struct native_request *request);
void native_stats(struct native_request *request);
void native_backup(struct native_request *request);
void native_backup_state(struct native_request *request);

#endif
