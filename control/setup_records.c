#include "control/setup_records.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "control/credentials.h"
#include "control/issue_value.h"

#define LABEL_OCTETS  10 /* of the hash */
#define DNS_LABEL_MAX 63

/* Letters, digits, '-' and '_' between dots; no label empty or longer than 63 octets (RFC 1035 section 2.3.4). */
static bool is_domain(const char *name, size_t len)
{
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if (c >= 0x80 || (isalnum(c) == 0 && c != '-' && c != '_') || ++label > DNS_LABEL_MAX) {
            return false;
        }
    }
    return label > 0;
}

int setup_question_domain(struct setup_question *question, const char *domain, size_t len)
{
    question->wildcard = len > 2 && memcmp(domain, "*.", 2) == 0;
    if (question->wildcard) {
        domain += 2;
        len -= 2;
    }
    if (len > 1 && domain[len - 1] == '.') {
        len--;
    }
    if (len > SETUP_DOMAIN_MAX || !is_domain(domain, len)) {
        return TXTD_EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        question->domain[i] = (char)tolower((unsigned char)domain[i]);
    }
    question->domain[len] = '\0';
    return 0;
}

int setup_question_account_url(struct setup_question *question, const char *url, size_t len)
{
    static const char scheme[] = "https://";
    if (len > SETUP_ACCOUNT_URL_MAX || len <= strlen(scheme) || memcmp(url, scheme, strlen(scheme)) != 0 ||
        !issue_value_parameter_valid(url, len) || memchr(url, '"', len) != NULL || memchr(url, '\\', len) != NULL) {
        return TXTD_EINVAL;
    }
    memcpy(question->account_url, url, len);
    question->account_url[len] = '\0';
    return 0;
}

int setup_question_issuer(struct setup_question *question, const char *issuer, size_t len)
{
    if (len > SETUP_ISSUER_MAX || !issue_value_issuer_valid(issuer, len)) {
        return TXTD_EINVAL;
    }
    memcpy(question->issuer, issuer, len);
    question->issuer[len] = '\0';
    return 0;
}

int setup_account_label(const char *url, size_t len, char label[SETUP_LABEL_MAX])
{
    static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648 section 6, in lower case */
    uint8_t hash[CREDENTIALS_HASH_LEN];
    int result = credentials_hash(url, len, hash);
    if (result != 0) {
        return result;
    }
    unsigned bits = 0, waiting = 0;
    *label++ = '_';
    for (unsigned i = 0; i < LABEL_OCTETS; i++) {
        bits = bits << 8 | hash[i];
        for (waiting += 8; waiting >= 5; waiting -= 5) {
            *label++ = base32[bits >> (waiting - 5) & 0x1f];
        }
    }
    *label = '\0';
    return 0;
}

/* The issuer's domain of an account at a well-known authority. */
static const char *known_issuer(const char *account_url)
{
    static const struct {
        const char *prefix, *issuer;
    } known[] = {
        {"https://acme-v02.api.letsencrypt.org/", "letsencrypt.org"},
        {"https://acme-staging-v02.api.letsencrypt.org/", "letsencrypt.org"},
        {"https://dv.acme-v02.api.pki.goog/", "pki.goog"},
        {"https://acme.zerossl.com/", "sectigo.com"},
        {"https://api.buypass.com/", "buypass.com"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(account_url, known[i].prefix, strlen(known[i].prefix)) == 0) {
            return known[i].issuer;
        }
    }
    return "";
}

static struct setup_record *add(struct setup_record records[], unsigned *count, const char *purpose, const char *type)
{
    struct setup_record *record = &records[(*count)++];
    record->purpose = purpose;
    record->type = type;
    return record;
}

/* RFC 8657: only this account, only by challenges in DNS. dns-persist-01 asks for no new value, so it is let in only once the
 * delegate is used for it. */
static void add_caa(const struct setup_question *question, struct setup_record records[], unsigned *count)
{
    const char *issuer = question->issuer[0] != '\0' ? question->issuer : known_issuer(question->account_url);
    if (issuer[0] == '\0') {
        return;
    }
    bool has_account = question->account_url[0] != '\0';
    for (int wildcard = 0; wildcard <= (int)question->wildcard; wildcard++) {
        struct setup_record *caa = add(records, count, "caa", "CAA");
        (void)snprintf(caa->name, sizeof caa->name, "%s.", question->domain);
        (void)snprintf(caa->value, sizeof caa->value, "0 %s \"%s;%s%s%s validationmethods=dns-01%s%s\"",
                       wildcard != 0 ? "issuewild" : "issue", issuer, has_account ? " accounturi=" : "",
                       question->account_url, has_account ? ";" : "", has_account ? ",dns-account-01" : "",
                       question->persistent ? ",dns-persist-01" : "");
    }
}

int setup_records_make(const struct setup_question *question, struct setup_record records[SETUP_RECORDS_MAX])
{
    unsigned count = 0;
    struct setup_record *record = add(records, &count, "dns-01", "CNAME");
    (void)snprintf(record->name, sizeof record->name, "_acme-challenge.%s.", question->domain);
    (void)snprintf(record->value, sizeof record->value, "%s.", question->fulldomain);
    if (question->account_url[0] != '\0') {
        char label[SETUP_LABEL_MAX];
        int result = setup_account_label(question->account_url, strlen(question->account_url), label);
        if (result != 0) {
            return result;
        }
        record = add(records, &count, "dns-account-01", "CNAME");
        (void)snprintf(record->name, sizeof record->name, "%s._acme-challenge.%s.", label, question->domain);
        (void)snprintf(record->value, sizeof record->value, "%s.", question->fulldomain);
    }
    record = add(records, &count, "dns-persist-01", "CNAME");
    (void)snprintf(record->name, sizeof record->name, "_validation-persist.%s.", question->domain);
    (void)snprintf(record->value, sizeof record->value, "_validation-persist.%s.", question->fulldomain);
    add_caa(question, records, &count);
    for (unsigned i = 0; i < count; i++) {
        if (strlen(records[i].name) > SETUP_DOMAIN_MAX + 1) {
            return TXTD_EINVAL;
        }
    }
    return (int)count;
}
