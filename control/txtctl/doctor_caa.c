#include "control/txtctl/doctor.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/caa_property.h"

#define SUBJECT    "caa"
#define LIST_MAX   1024
#define LABELS_MAX 128

/* The CAA records that apply: those of the nearest name upwards that has any (RFC 8659 section 3). NULL: none, or `failed`. */
static ldns_rr_list *find_records(struct doctor *doctor, char owner[DNS_NAME_TEXT_MAX], bool *failed)
{
    memcpy(owner, doctor->domain, DNS_NAME_TEXT_MAX);
    *failed = false;
    for (unsigned i = 0; i < LABELS_MAX; i++) {
        struct error_detail detail = {""};
        ldns_pkt *answer = NULL;
        int rc = dns_ask(doctor->resolver, owner, LDNS_RR_TYPE_CAA, false, &answer, &detail);
        ldns_pkt_rcode rcode = rc == 0 ? ldns_pkt_get_rcode(answer) : LDNS_RCODE_SERVFAIL;
        ldns_rr_list *records =
            rc == 0 ? ldns_pkt_rr_list_by_type(answer, LDNS_RR_TYPE_CAA, LDNS_SECTION_ANSWER) : NULL;
        ldns_pkt_free(answer);
        if (records != NULL) {
            return records;
        }
        if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
            findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                         "an authority that gets no answer to the question for CAA must not issue (RFC 8659 section 3)",
                         "the CAA records of %s cannot be looked up", owner);
            *failed = true;
            return NULL;
        }
        if (!dns_name_parent(owner) || strcmp(owner, ".") == 0) {
            break;
        }
    }
    return NULL;
}

/* What the records say of one tag, "issue" or "issuewild". */
struct policy {
    bool present;     /* there are records with this tag */
    bool open;        /* some issuer may use dns-01 */
    bool allowed;     /* the issuer is named, and dns-01 is a method it may use */
    bool excluded;    /* the issuer is named, but dns-01 is not among its validationmethods (RFC 8657 section 4) */
    bool any_account; /* a record that allows it names no account */
    unsigned accounts_count;
    char accounts[LIST_MAX]; /* else these are the only ones (RFC 8657 section 3) */
    char issuers[LIST_MAX];
    const char *tag;
    const char *what; /* it rules */
};

static void add_to_list(char list[LIST_MAX], const char *name)
{
    size_t len = strlen(list);
    (void)snprintf(list + len, LIST_MAX - len, "%s%s", len == 0 ? "" : ", ", name);
}

/* A record that allows the issuer to use dns-01. */
static void add_account(struct policy *policy, const char *account)
{
    policy->allowed = true;
    if (*account == '\0') {
        policy->any_account = true;
    } else {
        policy->accounts_count++;
        add_to_list(policy->accounts, account);
    }
}

static void read_policy(const ldns_rr_list *records, const char *issuer, struct policy *policy)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        struct caa_property property;
        if (caa_property_read(ldns_rr_list_rr(records, i), &property) != 0 ||
            strcasecmp(property.tag, policy->tag) != 0) {
            continue;
        }
        bool method = caa_property_allows_method(&property, "dns-01");
        policy->present = true;
        policy->open |= method && property.issuer[0] != '\0';
        add_to_list(policy->issuers, property.issuer[0] == '\0' ? "nobody" : property.issuer);
        if (issuer == NULL || strcasecmp(property.issuer, issuer) != 0) {
            continue;
        }
        if (method) {
            add_account(policy, property.account);
        } else {
            policy->excluded = true;
        }
    }
}

/* The policy as such, when nobody has said which authority it is to be. */
static void judge_openness(struct doctor *doctor, const char *owner, const struct policy *policy, bool wanted)
{
    char advice[DNS_NAME_TEXT_MAX + 64];
    (void)snprintf(advice, sizeof advice, "add to the zone: %s IN CAA 0 %s \"<the authority's domain>\"", owner,
                   policy->tag);
    if (policy->open) {
        findings_add(doctor->findings, FINDING_NOTE, SUBJECT, "say --issuer to have the authority's name looked for",
                     "the CAA records of %s allow %s: %s", owner, policy->what, policy->issuers);
    } else {
        findings_add(doctor->findings, wanted ? FINDING_PROBLEM : FINDING_NOTE, SUBJECT, wanted ? advice : NULL,
                     "the CAA records of %s let no authority issue %s by dns-01 (they name %s)", owner, policy->what,
                     policy->issuers);
    }
}

static void judge_issuer(struct doctor *doctor, const char *owner, const struct policy *policy, bool wanted)
{
    char advice[LIST_MAX];
    const char *what = policy->what;
    (void)snprintf(advice, sizeof advice, "add to the zone: %s IN CAA 0 %s \"%s\"", owner, policy->tag, doctor->issuer);
    if (!policy->allowed) {
        findings_add(doctor->findings, wanted ? FINDING_PROBLEM : FINDING_NOTE, SUBJECT,
                     !wanted            ? NULL
                     : policy->excluded ? "add dns-01 to validationmethods"
                                        : advice,
                     policy->excluded ? "the CAA records of %s allow %s to %s, but not by dns-01 (they name %s)"
                                      : "the CAA records of %s allow %s not to %s, only to %s",
                     owner, what, doctor->issuer, policy->issuers);
        return;
    }
    findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "the CAA records of %s allow %s to %s", owner, what,
                 doctor->issuer);
    if (!policy->any_account) {
        findings_add(doctor->findings, FINDING_NOTE, SUBJECT, NULL, "only the ACME account%s %s may order %s there",
                     policy->accounts_count == 1 ? "" : "s", policy->accounts, what);
    }
}

/* `wanted`: the policy rules what was asked for; else it is told, and is no problem. */
static void judge(struct doctor *doctor, const char *owner, const struct policy *policy, bool wanted)
{
    if (policy->present && doctor->issuer != NULL) {
        judge_issuer(doctor, owner, policy, wanted);
    } else if (policy->present) {
        judge_openness(doctor, owner, policy, wanted);
    }
}

static void judge_critical(struct doctor *doctor, const ldns_rr_list *records, const char *owner)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        struct caa_property property;
        if (caa_property_read(ldns_rr_list_rr(records, i), &property) == 0 && property.critical && !property.known) {
            findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, "remove that record",
                         "%s has a critical CAA property %s, which no authority knows", owner, property.tag);
        }
    }
}

static void judge_policies(struct doctor *doctor, const char *owner, const struct policy *names,
                           const struct policy *wildcards)
{
    /* issuewild alone rules wildcards; without it, issue rules them, too (RFC 8659 section 4.3). */
    bool ask_wildcards = doctor->wildcard && wildcards->present;
    judge(doctor, owner, names, !ask_wildcards);
    judge(doctor, owner, wildcards, ask_wildcards);
    if (!names->present && !wildcards->present) {
        findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "the CAA records of %s restrict no authority", owner);
    }
}

void doctor_examine_caa(struct doctor *doctor)
{
    char owner[DNS_NAME_TEXT_MAX];
    bool failed;
    ldns_rr_list *records = find_records(doctor, owner, &failed);
    if (records == NULL) {
        if (!failed) {
            findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "no CAA records: every authority may issue");
        }
        return;
    }
    struct policy *names = malloc(2 * sizeof *names);
    if (names != NULL) {
        names[0] = (struct policy){.tag = "issue", .what = "certificates"};
        names[1] = (struct policy){.tag = "issuewild", .what = "wildcards"};
        read_policy(records, doctor->issuer, &names[0]);
        read_policy(records, doctor->issuer, &names[1]);
        judge_critical(doctor, records, owner);
        judge_policies(doctor, owner, names, names + 1);
    }
    free(names);
    ldns_rr_list_deep_free(records);
}
