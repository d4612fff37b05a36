/* The operator's backups: begun here, made by the job (backup_job.h), looked at later. */
#include "control/native_internal.h"
#include "control/service_internal.h"

/* What is known of backups. A backup takes longer than a request may, so this is the answer to both calls. */
static json_t *state_json(struct backup_job *job)
{
    struct backup_state state;
    backup_job_state(job, &state);
    const struct backup_report *report = &state.report;
    json_t *last = state.succeeded_at_s == 0
                       ? json_null()
                       : json_pack("{s:I, s:o, s:I, s:I, s:I}", "number", (json_int_t)report->number, "made_at",
                                   native_json_time(report->made_at_s), "octets", (json_int_t)report->octets, "files",
                                   (json_int_t)report->files, "kept", (json_int_t)report->kept);
    return json_pack("{s:b, s:s?, s:o, s:o, s:I, s:s?}", "running", state.runs, "directory",
                     state.directory[0] == '\0' ? NULL : state.directory, "last_success_at",
                     native_json_time(state.succeeded_at_s), "last_success", last, "failures",
                     (json_int_t)state.failures, "last_error", state.failed && !state.runs ? state.detail.text : NULL);
}

/* The sentence names paths, so it goes through the JSON writer. */
static void answer_refusal(const struct native_request *request, int code, const struct error_detail *detail)
{
    static const struct {
        int code, status;
        const char *word;
    } rows[] = {{TXTD_ENOTFOUND, 404, "no_backup_directory"},
                {TXTD_EFORBIDDEN, 400, "invalid_directory"},
                {TXTD_EEXISTS, 409, "backup_running"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == code) {
            if (rows[i].status == 400) {
                service_count_invalid(request->service);
            }
            api_answer_json(&request->api, rows[i].status,
                            json_pack("{s:s, s:s}", "error", rows[i].word, "detail", detail->text));
            return;
        }
    }
    api_answer_code(&request->api, code, 0);
}

void native_backup(struct native_request *request)
{
    struct native_backup_question question;
    struct native_fault fault;
    struct error_detail detail = {""};
    char client[SERVICE_CLIENT_TEXT_MAX];
    if (!native_login_operator(request)) {
        return;
    }
    if (native_json_backup(http_exchange_body(request->api.exchange), &question, &fault) != 0) {
        native_answer_fault(request, &fault);
        return;
    }
    service_format_client(request->client, client);
    const struct backup_request asked = {.directory = question.directory[0] == '\0' ? NULL : question.directory,
                                         .keep = question.keep,
                                         .token_id = request->token_id,
                                         .client = client,
                                         .fd = -1};
    int code = backup_job_begin(request->backup, &asked, &detail);
    if (code != 0) {
        answer_refusal(request, code, &detail);
        return;
    }
    api_answer_json(&request->api, 202, state_json(request->backup));
}

void native_backup_state(struct native_request *request)
{
    if (native_login_operator(request)) {
        api_answer_json(&request->api, 200, state_json(request->backup));
    }
}
