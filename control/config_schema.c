/* config_schema.c: which keys the configuration file has. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/config_raw.h"

#define TEXT(type, member)                                                                                             \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, CYAML_UNLIMITED)
#define TEXTS(type, member, max)                                                                                       \
    CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, &text, 0, max)
#define PART(type, member, fields) CYAML_FIELD_MAPPING(#member, CYAML_FLAG_OPTIONAL, type, member, fields)

static const cyaml_schema_value_t text = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t nameserver_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_raw_nameserver, name, 1, CYAML_UNLIMITED),
    TEXTS(struct config_raw_nameserver, addresses, 16),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t nameserver = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_nameserver, nameserver_fields)};

static const cyaml_schema_field_t zone_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_raw_zone, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("nameservers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_zone, nameservers,
                         &nameserver, 0, 32),
    TEXT(struct config_raw_zone, hostmaster),
    TEXT(struct config_raw_zone, ttl),
    TEXT(struct config_raw_zone, negative_ttl),
    TEXT(struct config_raw_zone, value_ttl),
    TEXT(struct config_raw_zone, value_expiry),
    TEXT(struct config_raw_zone, slots),
    TEXT(struct config_raw_zone, zone_file),
    TEXTS(struct config_raw_zone, records, 1000),
    TEXT(struct config_raw_zone, delegate_caa),
    TEXT(struct config_raw_zone, delegate_mail_hardening),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t zone = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_zone, zone_fields)};

static const cyaml_schema_field_t rrl_fields[] = {
    TEXT(struct config_raw_rrl, enabled),          TEXT(struct config_raw_rrl, positive_per_second),
    TEXT(struct config_raw_rrl, other_per_second), TEXT(struct config_raw_rrl, slip),
    TEXT(struct config_raw_rrl, table_entries),    CYAML_FIELD_END,
};

static const cyaml_schema_field_t tcp_fields[] = {
    TEXT(struct config_raw_tcp, connections),
    TEXT(struct config_raw_tcp, connections_per_client),
    TEXT(struct config_raw_tcp, idle),
    TEXT(struct config_raw_tcp, send),
    TEXT(struct config_raw_tcp, queries_per_connection),
    TEXT(struct config_raw_tcp, output),
    TEXT(struct config_raw_tcp, memory),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t xdp_fields[] = {
    CYAML_FIELD_STRING_PTR("interface", CYAML_FLAG_POINTER, struct config_raw_xdp, interface, 1, CYAML_UNLIMITED),
    TEXT(struct config_raw_xdp, mode),
    TEXT(struct config_raw_xdp, copy),
    TEXT(struct config_raw_xdp, busy_poll),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t xdp = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_xdp, xdp_fields)};

static const cyaml_schema_field_t dns_fields[] = {
    TEXTS(struct config_raw_dns, listen, DNS_SERVER_ADDRESSES_MAX),
    TEXT(struct config_raw_dns, workers),
    TEXT(struct config_raw_dns, pin),
    TEXT(struct config_raw_dns, gather),
    TEXT(struct config_raw_dns, udp_receive_buffer),
    TEXT(struct config_raw_dns, identity),
    TEXT(struct config_raw_dns, version),
    TEXT(struct config_raw_dns, cookies),
    TEXTS(struct config_raw_dns, cookie_secrets, RESPOND_COOKIE_SECRETS_MAX),
    TEXT(struct config_raw_dns, cookie_secret_file),
    CYAML_FIELD_SEQUENCE("xdp", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_dns, xdp, &xdp, 0,
                         XDP_INTERFACES_MAX),
    PART(struct config_raw_dns, rrl, rrl_fields),
    PART(struct config_raw_dns, tcp, tcp_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    TEXT(struct config_raw_limits, connections),
    TEXT(struct config_raw_limits, connections_per_client),
    TEXT(struct config_raw_limits, handshake),
    TEXT(struct config_raw_limits, request),
    TEXT(struct config_raw_limits, idle),
    TEXT(struct config_raw_limits, body),
    TEXT(struct config_raw_limits, registrations_per_minute),
    TEXT(struct config_raw_limits, registrations_per_second_total),
    TEXT(struct config_raw_limits, updates_per_minute),
    TEXT(struct config_raw_limits, failures_per_minute),
    TEXT(struct config_raw_limits, bcrypt_per_minute),
    TEXT(struct config_raw_limits, bcrypt_threads),
    TEXT(struct config_raw_limits, bcrypt_queue),
    TEXT(struct config_raw_limits, delegates),
    TEXT(struct config_raw_limits, edits),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t api_fields[] = {
    TEXTS(struct config_raw_api, listen, HTTP_LISTENERS_MAX),
    TEXTS(struct config_raw_api, listen_proxy_protocol, HTTP_LISTENERS_MAX),
    TEXTS(struct config_raw_api, internal_listen, HTTP_LISTENERS_MAX),
    TEXT(struct config_raw_api, certificate),
    TEXT(struct config_raw_api, key),
    TEXT(struct config_raw_api, self_signed),
    TEXT(struct config_raw_api, public_url),
    TEXTS(struct config_raw_api, cors_origins, CONFIG_CORS_ORIGINS_MAX),
    TEXTS(struct config_raw_api, trusted_proxies, HTTP_TRUSTED_PROXIES_MAX),
    TEXT(struct config_raw_api, http2),
    TEXT(struct config_raw_api, threads),
    TEXT(struct config_raw_api, nice),
    TEXT(struct config_raw_api, drain),
    TEXT(struct config_raw_api, registration),
    TEXT(struct config_raw_api, registration_tokens_file),
    TEXT(struct config_raw_api, operator_tokens_file),
    TEXT(struct config_raw_api, acme_name),
    TEXT(struct config_raw_api, expire_unused),
    TEXT(struct config_raw_api, expire_idle),
    PART(struct config_raw_api, limits, limits_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t store_fields[] = {
    TEXT(struct config_raw_store, directory),
    TEXT(struct config_raw_store, reserve),
    TEXT(struct config_raw_store, cache),
    TEXT(struct config_raw_store, log_directory),
    TEXT(struct config_raw_store, queue),
    TEXT(struct config_raw_store, batch),
    TEXT(struct config_raw_store, history),
    TEXT(struct config_raw_store, backup_directory),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t process_fields[] = {
    TEXT(struct config_raw_process, state_directory),
    TEXT(struct config_raw_process, user),
    TEXT(struct config_raw_process, group),
    TEXT(struct config_raw_process, seccomp),
    TEXT(struct config_raw_process, control_socket),
    TEXT(struct config_raw_process, control_group),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t log_fields[] = {
    TEXT(struct config_raw_log, level),
    TEXT(struct config_raw_log, format),
    TEXT(struct config_raw_log, audit_file),
    CYAML_FIELD_END,
};

const cyaml_schema_field_t config_schema_fields[] = {
    CYAML_FIELD_SEQUENCE("zones", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw, zones, &zone, 0,
                         CONFIG_ZONES_MAX),
    PART(struct config_raw, dns, dns_fields),
    PART(struct config_raw, api, api_fields),
    PART(struct config_raw, store, store_fields),
    PART(struct config_raw, process, process_fields),
    PART(struct config_raw, log, log_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t top = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_raw, config_schema_fields)};

/* What libcyaml says while it refuses: first the problem, then where, from the inside out:
 *   Load: Unexpected key: wrokers
 *   Load: Backtrace:
 *     in mapping (line: 2, column: 12)
 *     in mapping field 'dns' (line: 2, column: 3)
 * Its lines are those of the value before, so the path is collected here and the line looked up in the document. */
struct complaint {
    char problem[200];
    char path[200];
};

static void path_prepend(char path[200], const char *part)
{
    char whole[200];
    (void)snprintf(whole, sizeof whole, "%.90s%s%.100s", part, path[0] == '\0' || path[0] == '[' ? "" : ".", path);
    memcpy(path, whole, sizeof whole);
}

static void complaint_add_place(struct complaint *complaint, const char *line)
{
    char part[100];
    unsigned number;
    if (sscanf(line, " in mapping field '%99[^']'", part) == 1) {
        path_prepend(complaint->path, part);
    } else if (sscanf(line, " in sequence entry '%u'", &number) == 1) {
        (void)snprintf(part, sizeof part, "[%u]", number > 0 ? number - 1 : 0); /* libcyaml counts from 1 */
        path_prepend(complaint->path, part);
    }
}

static void on_cyaml_log(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct complaint *complaint = context;
    char line[sizeof complaint->problem];
    (void)level;
    (void)vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    const char *at = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
    if (at == line) {
        complaint_add_place(complaint, line);
    } else if (complaint->problem[0] == '\0') {
        (void)snprintf(complaint->problem, sizeof complaint->problem, "%s", at);
    }
}

/* What libcyaml says of a value of another kind than the key has, in words; or its own. */
static const char *in_words(const char *problem, char room[sizeof((struct complaint *)NULL)->problem])
{
    static const struct {
        const char *begin, *words;
    } rows[] = {
        {"Expecting SEQUENCE", "must be a list: [..]"},
        {"Expecting MAPPING", "must be keys with values, each as \"key: value\""},
        {"Expecting ", "must be a single value"},
    };
    unsigned max;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strncmp(problem, rows[i].begin, strlen(rows[i].begin)) == 0) {
            return rows[i].words;
        }
    }
    if (sscanf(problem, "Excessive entries (%u max)", &max) == 1) {
        (void)snprintf(room, sizeof((struct complaint *)NULL)->problem, "there may be %u of them at most", max);
        return room;
    }
    return problem;
}

/* Where the last key of a path begins, its dot included. */
static size_t last_key(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? 0 : (size_t)(dot - path);
}

static int refuse(const char *file, const struct config_document *document, struct complaint *complaint,
                  struct error_detail *detail)
{
    static const char unexpected[] = "Unexpected key: ", twice[] = "Mapping field already seen: ",
                      missing[] = "Missing required mapping field: ";
    const char *problem = complaint->problem;
    char path[sizeof complaint->path + sizeof complaint->problem], text_of_problem[sizeof complaint->problem];
    (void)snprintf(path, sizeof path, "%s", complaint->path);
    if (strncmp(problem, unexpected, sizeof unexpected - 1) == 0) {
        (void)snprintf(path, sizeof path, "%s%s%s", complaint->path, complaint->path[0] == '\0' ? "" : ".",
                       problem + sizeof unexpected - 1);
        problem = "there is no such key; see txtd.example.yaml for those there are";
    } else if (strncmp(problem, missing, sizeof missing - 1) == 0) {
        /* libcyaml's path ends with the key that it read last; the mapping is what lacks one */
        path[last_key(path)] = '\0';
        (void)snprintf(text_of_problem, sizeof text_of_problem, "%s is missing", problem + sizeof missing - 1);
        problem = text_of_problem;
    } else if (strncmp(problem, twice, sizeof twice - 1) == 0) {
        problem = "this key is given twice";
    } else {
        problem = in_words(problem, text_of_problem);
    }
    return error_describe(detail, TXTD_EINVAL, "%s:%zu: %s%s%s", file, config_document_line(document, path), path,
                          path[0] == '\0' ? "" : ": ", problem);
}

static cyaml_config_t cyaml_setup(struct complaint *complaint)
{
    return (cyaml_config_t){.log_fn = on_cyaml_log,
                            .log_ctx = complaint,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_ERROR,
                            .flags = CYAML_CFG_NO_ALIAS};
}

/* --- Sections all of whose keys are commented out: "dns:" and nothing is not a mapping, but means one without keys --- */

#define EMPTY_MAPPING " {}"
#define SECTIONS_MAX  16

struct sections {
    size_t at[SECTIONS_MAX]; /* where an EMPTY_MAPPING is to stand, ascending */
    unsigned count;
};

static void find_empty_sections(const cyaml_schema_field_t *fields, const struct config_document *document,
                                const char *prefix, struct sections *sections)
{
    for (; fields->key != NULL; fields++) {
        char path[80];
        size_t at;
        if (fields->value.type != CYAML_MAPPING) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", fields->key);
        if (!config_document_is_empty(document, path, &at)) {
            find_empty_sections(fields->value.mapping.fields, document, path, sections);
        } else if (sections->count < SECTIONS_MAX) {
            unsigned i = sections->count++;
            for (; i > 0 && sections->at[i - 1] > at; i--) {
                sections->at[i] = sections->at[i - 1];
            }
            sections->at[i] = at;
        }
    }
}

/* A copy of the text with them; no line moves. The caller frees it. */
static char *with_sections(const char *text_of_file, size_t len, const struct sections *sections)
{
    const size_t each = sizeof EMPTY_MAPPING - 1;
    char *whole = malloc(len + sections->count * each + 1);
    size_t done = 0, to = 0;
    for (unsigned i = 0; whole != NULL && i < sections->count; i++) {
        memcpy(whole + to, text_of_file + done, sections->at[i] - done);
        to += sections->at[i] - done;
        done = sections->at[i];
        memcpy(whole + to, EMPTY_MAPPING, each);
        to += each;
    }
    if (whole != NULL) {
        memcpy(whole + to, text_of_file + done, len - done);
    }
    return whole;
}

int config_raw_load(const char *file, const char *text_of_file, size_t len, const struct config_document *document,
                    struct config_raw **raw, struct error_detail *detail)
{
    struct sections sections = {.count = 0};
    find_empty_sections(config_schema_fields, document, "", &sections);
    char *whole = with_sections(text_of_file, len, &sections);
    if (whole == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s: %s", file, txtd_error_text(TXTD_ENOMEM));
    }
    struct complaint complaint = {.problem = "", .path = ""};
    cyaml_config_t setup = cyaml_setup(&complaint);
    cyaml_data_t *data = NULL;
    len += sections.count * (sizeof EMPTY_MAPPING - 1);
    cyaml_err_t err = cyaml_load_data((const uint8_t *)whole, len, &setup, &top, &data, NULL);
    explicit_bzero(whole, len); /* cookie secrets may be in it */
    free(whole);
    if (err == CYAML_ERR_OOM) {
        return error_describe(detail, TXTD_ENOMEM, "%s: %s", file, txtd_error_text(TXTD_ENOMEM));
    }
    if (err != CYAML_OK) {
        if (complaint.problem[0] == '\0') {
            (void)snprintf(complaint.problem, sizeof complaint.problem, "%s", cyaml_strerror(err));
        }
        return refuse(file, document, &complaint, detail);
    }
    if (data == NULL) {
        return error_describe(detail, TXTD_EINVAL, "%s:1: the file is empty; it needs at least: zones", file);
    }
    *raw = data;
    return 0;
}

void config_raw_free(struct config_raw *raw)
{
    struct complaint complaint = {.problem = "", .path = ""};
    cyaml_config_t setup = cyaml_setup(&complaint);
    (void)cyaml_free(&setup, &top, raw, 0);
}
