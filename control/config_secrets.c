#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "control/config_parts.h"
#include "control/config_units.h"

#define TOKEN_LEN_MIN 16
#define TOKEN_LEN_MAX 128

/* Where a file that cannot be read is named. */
static int blame(const struct config_reader *reader, const char *key, int code)
{
    const struct error_detail inner = *reader->detail;
    return error_describe(reader->detail, code, "%s:%zu: %s: %s", reader->file,
                          config_document_line(reader->document, key), key, inner.text);
}

/* The lines of a file, comments and empty lines left out. */
struct lines {
    char **text;
    unsigned *number;
    unsigned count;
};

static int read_lines(const struct config_reader *reader, const char *key, const char *file, unsigned max,
                      struct lines *lines)
{
    char *text;
    size_t len;
    int rc = config_read_file(reader->memory, file, CONFIG_FILE_LEN_MAX, &text, &len, reader->detail);
    if (rc != 0) {
        return blame(reader, key, rc);
    }
    lines->text = config_alloc(reader->memory, max, sizeof *lines->text);
    lines->number = config_alloc(reader->memory, max, sizeof *lines->number);
    if (lines->text == NULL || lines->number == NULL) {
        return config_no_memory(reader);
    }
    unsigned number = 0;
    for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
        number++;
        line += strspn(line, " \t");
        line[strcspn(line, " \t\r#")] = '\0';
        if (line[0] == '\0') {
            continue;
        }
        if (lines->count == max) {
            return error_describe(reader->detail, TXTD_EINVAL, "%s:%u: there are more than %u entries", file, number,
                                  max);
        }
        lines->text[lines->count] = line;
        lines->number[lines->count++] = number;
    }
    return 0;
}

static int take_secret(const char *text, struct respond_settings *respond)
{
    uint8_t *secret = respond->cookie_secrets[respond->cookie_secrets_count];
    if (config_parse_hex(text, secret, sizeof respond->cookie_secrets[0]) != 0) {
        return TXTD_EINVAL;
    }
    respond->cookie_secrets_count++;
    return 0;
}

static int secrets_from_file(const struct config_reader *reader, const char *file, struct respond_settings *respond)
{
    struct lines lines = {NULL, NULL, 0};
    int rc = read_lines(reader, "dns.cookie_secret_file", file, RESPOND_COOKIE_SECRETS_MAX, &lines);
    for (unsigned i = 0; rc == 0 && i < lines.count; i++) {
        if (take_secret(lines.text[i], respond) != 0) {
            rc = error_describe(reader->detail, TXTD_EINVAL, "%s:%u: a cookie secret is 32 hexadecimal digits", file,
                                lines.number[i]);
        }
    }
    if (rc == 0 && lines.count == 0) {
        rc = error_describe(reader->detail, TXTD_EINVAL, "%s:1: there is no cookie secret in it", file);
    }
    return rc;
}

static int random_secret(const struct config_reader *reader, struct config *config)
{
    size_t len = sizeof config->respond.cookie_secrets[0];
    if (getrandom(config->respond.cookie_secrets[0], len, 0) != (ssize_t)len) {
        return error_describe(reader->detail, TXTD_ESYS, "no random numbers for DNS cookies: %s", strerror(errno));
    }
    config->respond.cookie_secrets_count = 1;
    config->cookie_secrets_random = true;
    return 0;
}

static int read_cookie_secrets(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    const struct config_raw_dns *dns = &raw->dns;
    if (dns->cookie_secret_file != NULL && dns->cookie_secrets_count > 0) {
        return config_refuse(reader, "dns.cookie_secret_file",
                             "dns.cookie_secrets is given too; only one of them may be");
    }
    if (!config->cookies) {
        return 0;
    }
    config->cookie_secret_file = dns->cookie_secret_file;
    config->cookie_secrets_inline = dns->cookie_secrets_count > 0;
    if (dns->cookie_secret_file != NULL) {
        return secrets_from_file(reader, dns->cookie_secret_file, &config->respond);
    }
    for (unsigned i = 0; i < dns->cookie_secrets_count; i++) {
        if (take_secret(dns->cookie_secrets[i], &config->respond) != 0) {
            char path[80];
            (void)snprintf(path, sizeof path, "dns.cookie_secrets[%u]", i);
            return config_refuse(reader, path, "a cookie secret is 32 hexadecimal digits");
        }
    }
    return dns->cookie_secrets_count > 0 ? 0 : random_secret(reader, config);
}

/* A token stands in a URL (/t/<token>), so it is made of the characters that need no escape (RFC 3986 section 2.3). */
static bool is_token(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (isalnum((unsigned char)text[i]) == 0 && strchr("-._~", text[i]) == NULL) {
            return false;
        }
    }
    return len >= TOKEN_LEN_MIN && len <= TOKEN_LEN_MAX;
}

/* Reads a file of tokens; `hint` says what to do instead of an empty one. */
static int tokens_from_file(const struct config_reader *reader, const char *key, const char *file, const char *hint,
                            struct lines *tokens)
{
    struct lines lines = {NULL, NULL, 0};
    int rc = read_lines(reader, key, file, CONFIG_TOKENS_MAX, &lines);
    for (unsigned i = 0; rc == 0 && i < lines.count; i++) {
        if (!is_token(lines.text[i])) {
            rc = error_describe(reader->detail, TXTD_EINVAL, "%s:%u: a token is %d to %d of A-Z a-z 0-9 - . _ ~", file,
                                lines.number[i], TOKEN_LEN_MIN, TOKEN_LEN_MAX);
        }
    }
    if (rc == 0 && lines.count == 0) {
        rc = error_describe(reader->detail, TXTD_EINVAL, "%s:1: there is no token in it; %s", file, hint);
    }
    *tokens = lines;
    return rc;
}

static int read_registration_tokens(const struct config_reader *reader, const struct config_raw *raw,
                                    struct config *config)
{
    const char *file = raw->api.registration_tokens_file;
    struct lines tokens;
    if (config->api.registration == CONFIG_REGISTRATION_OPEN && file != NULL) {
        return config_refuse(reader, "api.registration_tokens_file",
                             "registration is open to all without a token; give api.registration: token");
    }
    if (config->api.registration != CONFIG_REGISTRATION_TOKEN) {
        return 0;
    }
    if (file == NULL) {
        return config_refuse(reader, "api.registration", "token needs api.registration_tokens_file");
    }
    int rc = tokens_from_file(reader, "api.registration_tokens_file", file, "use registration: off", &tokens);
    config->api.registration_tokens_file = file;
    config->api.registration_tokens = (const char *const *)tokens.text;
    config->api.registration_tokens_count = tokens.count;
    return rc;
}

static int read_operator_tokens(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    struct lines tokens;
    if (raw->api.operator_tokens_file == NULL) {
        return 0;
    }
    int rc = tokens_from_file(reader, "api.operator_tokens_file", raw->api.operator_tokens_file,
                              "leave out api.operator_tokens_file", &tokens);
    config->api.operator_tokens_file = raw->api.operator_tokens_file;
    config->api.operator_tokens = (const char *const *)tokens.text;
    config->api.operator_tokens_count = tokens.count;
    return rc;
}

int config_read_secrets(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    int rc = read_cookie_secrets(reader, raw, config);
    if (rc == 0) {
        rc = read_registration_tokens(reader, raw, config);
    }
    return rc != 0 ? rc : read_operator_tokens(reader, raw, config);
}
