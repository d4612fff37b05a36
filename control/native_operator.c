/* The operator's calls. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/native_internal.h"

#define LIMIT_DEFAULT  100
#define PAGES_READ_MAX 4 /* of the store for one of the list: what is filtered out must not make a request long */

/* What a list is asked for. */
struct list_question {
    bool from_start;
    struct delegate_id after;
    unsigned limit;
    bool filters_zone, filters_disabled;
    uint16_t zone;
    bool disabled;
};

static int wrong(struct native_fault *fault, const char *word, const char *detail)
{
    *fault = (struct native_fault){word, detail};
    return TXTD_EINVAL;
}

static int read_zone(const struct native_request *request, const char *name, struct list_question *question)
{
    for (unsigned i = 0; i < request->api.rules->zones_count; i++) {
        if (strcasecmp(request->api.rules->zones[i].name, name) == 0) {
            question->zone = request->api.rules->zones[i].number;
            return 0;
        }
    }
    return TXTD_EINVAL;
}

static int read_question(const struct native_request *request, struct list_question *question,
                         struct native_fault *fault)
{
    char text[STORE_ZONE_NAME_MAX];
    const struct http_exchange *exchange = request->api.exchange;
    *question = (struct list_question){.from_start = true, .limit = LIMIT_DEFAULT};
    int len = native_query(exchange, "limit", text, sizeof text);
    if (len != TXTD_ENOTFOUND) {
        char *end = text;
        unsigned long number = len < 0 ? 0 : strtoul(text, &end, 10);
        if (len < 0 || text[0] < '1' || text[0] > '9' || *end != '\0' || number > SERVICE_PAGE_MAX) {
            return wrong(fault, "invalid_limit", "limit must be a number from 1 to 256");
        }
        question->limit = (unsigned)number;
    }
    len = native_query(exchange, "cursor", text, sizeof text);
    if (len != TXTD_ENOTFOUND) {
        question->from_start = false;
        if (len < 0 || delegate_id_parse(text, (size_t)len, &question->after) != 0) {
            return wrong(fault, "invalid_cursor", "cursor must be the next_cursor of the page before");
        }
    }
    len = native_query(exchange, "zone", text, sizeof text);
    question->filters_zone = len != TXTD_ENOTFOUND;
    if (question->filters_zone && (len < 0 || read_zone(request, text, question) != 0)) {
        return wrong(fault, "unknown_zone", "zone must be one of the zones that are served here");
    }
    len = native_query(exchange, "disabled", text, sizeof text);
    question->filters_disabled = len != TXTD_ENOTFOUND;
    question->disabled = len >= 0 && strcmp(text, "true") == 0;
    if (question->filters_disabled && (len < 0 || (!question->disabled && strcmp(text, "false") != 0))) {
        return wrong(fault, "invalid_disabled", "disabled must be true or false");
    }
    return 0;
}

static bool is_wanted(const struct list_question *question, const struct store_account *account,
                      const struct delegate_state *delegate)
{
    return !account->deleted && !delegate->deleted && (!question->filters_zone || account->zone == question->zone) &&
           (!question->filters_disabled || delegate->disabled == question->disabled);
}

/* Adds what is wanted of the page; the question goes on behind the last that was looked at. */
static void add_page(const struct native_request *request, struct list_question *question,
                     const struct service_page *page, json_t *list)
{
    for (unsigned i = 0; i < page->count; i++) {
        const struct store_account *account = &page->accounts[i];
        const struct service_zone *zone = service_rules_zone(request->api.rules, account->zone);
        if (is_wanted(question, account, &page->delegates[i])) {
            (void)json_array_append_new(
                list, native_json_list_item(account, &page->delegates[i], zone == NULL ? NULL : zone->name));
        }
        question->after = account->username;
        question->from_start = false;
    }
}

static json_t *list_json(const struct list_question *question, bool more, json_t *list)
{
    char cursor[DELEGATE_ID_TEXT_LEN + 1];
    delegate_id_format(&question->after, cursor);
    return json_pack("{s:o, s:o}", "delegates", list, "next_cursor", more ? json_string(cursor) : json_null());
}

void native_list(struct native_request *request)
{
    struct list_question question;
    struct native_fault fault;
    if (!native_login_operator(request)) {
        return;
    }
    if (read_question(request, &question, &fault) != 0) {
        native_answer_fault(request, &fault);
        return;
    }
    struct service_page *page = malloc(sizeof *page);
    json_t *list = json_array();
    int code = page == NULL || list == NULL ? TXTD_ENOMEM : 0;
    bool more = true;
    for (unsigned pages = 0; code == 0 && more && pages < PAGES_READ_MAX; pages++) {
        unsigned left = question.limit - (unsigned)json_array_size(list);
        if (left == 0) {
            break;
        }
        code = service_read_page(request->service, question.from_start ? NULL : &question.after, left, page);
        if (code == 0) {
            more = page->more;
            add_page(request, &question, page, list);
        }
    }
    free(page);
    if (code != 0) {
        json_decref(list);
        api_answer_code(&request->api, code, 0);
        return;
    }
    api_answer_json(&request->api, 200, list_json(&question, more, list));
}

static void set_disabled(struct native_request *request, enum service_edit_kind kind)
{
    struct service_edit_call *call = native_login_operator(request) ? native_edit_begin(request, kind) : NULL;
    if (call != NULL) {
        native_edit_go(request, call);
    }
}

void native_disable(struct native_request *request)
{
    set_disabled(request, SERVICE_EDIT_DISABLE);
}

void native_enable(struct native_request *request)
{
    set_disabled(request, SERVICE_EDIT_ENABLE);
}

void native_stats(struct native_request *request)
{
    struct service_stats stats;
    if (!native_login_operator(request)) {
        return;
    }
    service_stats(request->service, &stats);
    const struct service_counters *counters = &stats.counters;
    json_t *zones = json_array();
    for (unsigned i = 0; i < request->api.rules->zones_count; i++) {
        const struct service_zone *zone = &request->api.rules->zones[i];
        (void)json_array_append_new(zones, json_pack("{s:s, s:i, s:I}", "name", zone->name, "slots", (int)zone->slots,
                                                     "value_expiry_s", (json_int_t)zone->value_expiry_s));
    }
    uint64_t edits = 0;
    for (unsigned i = 0; i < SERVICE_EDIT_KINDS; i++) {
        edits += counters->edits[i];
    }
    json_t *answered = json_pack("{s:I, s:I, s:I}", "registrations", (json_int_t)counters->registrations, "updates",
                                 (json_int_t)counters->updates, "edits", (json_int_t)edits);
    json_t *refused = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "forbidden",
                                (json_int_t)counters->forbidden, "not_found", (json_int_t)counters->not_found,
                                "limited", (json_int_t)counters->limited, "full", (json_int_t)counters->full,
                                "conflict", (json_int_t)counters->conflict, "invalid", (json_int_t)counters->invalid,
                                "busy", (json_int_t)counters->busy, "failed", (json_int_t)counters->failed);
    api_answer_json(&request->api, 200,
                    json_pack("{s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "delegates", (json_int_t)stats.delegates,
                              "revision", (json_int_t)stats.revision, "queue_depth", (json_int_t)stats.queue_depth,
                              "commits", (json_int_t)stats.commits, "writable", stats.writable == 0, "zones", zones,
                              "answered", answered, "refused", refused));
}
