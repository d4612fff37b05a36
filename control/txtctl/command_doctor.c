/* What the customer's side of a delegation needs, looked at from outside. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/issue_value.h"
#include "control/txtctl/account_file.h"
#include "control/txtctl/command.h"
#include "control/txtctl/doctor.h"
#include "control/txtctl/output.h"

#define QUESTION_S 4 /* unless --timeout says otherwise: there may be many servers, and some may be dead */

/* The domain with its final dot, without "_acme-challenge." or "*."; 0 or TXTD_EINVAL. */
static int read_domain(const char *argument, struct doctor *doctor)
{
    size_t len;
    const char *domain = account_file_domain(argument, &len);
    char text[DNS_NAME_TEXT_MAX];
    if (len == 0 || snprintf(text, sizeof text, "%.*s.", (int)len, domain) >= (int)sizeof text ||
        snprintf(doctor->challenge, sizeof doctor->challenge, "_acme-challenge.%s", text) >=
            (int)sizeof doctor->challenge) {
        return TXTD_EINVAL;
    }
    ldns_rdf *name = ldns_dname_new_frm_str(doctor->challenge);
    ldns_rdf *parent = name == NULL ? NULL : ldns_dname_left_chop(name);
    bool is_name = parent != NULL && dns_name_text(parent, doctor->domain) && strcmp(doctor->domain, ".") != 0;
    doctor->wildcard = strncmp(argument, "*.", 2) == 0;
    ldns_rdf_deep_free(parent);
    ldns_rdf_deep_free(name);
    return is_name ? 0 : TXTD_EINVAL;
}

/* The delegate of the domain's account, if there is one here. It need not be: whoever looks may be another than who has the key. But
 * a file that was named, or that is broken, should have said it. */
static void read_expected(const struct options *options, struct doctor *doctor)
{
    json_t *account = NULL;
    struct error_detail detail = {""};
    int result = account_file_read(options->text[OPTION_CREDENTIALS], doctor->domain, &account, &detail);
    if (result == 0) {
        (void)snprintf(doctor->expected, sizeof doctor->expected, "%s.", output_member(account, "fulldomain"));
        json_decref(account);
    } else if (result != TXTD_ENOTFOUND || (options->given & COMMAND_TAKES(OPTION_CREDENTIALS)) != 0) {
        findings_add(doctor->findings, FINDING_WARNING, "account",
                     "name a file that has the account, and that this user can read, with --credentials",
                     "%s; so whether the CNAME leads to the right delegate cannot be told", detail.text);
    } else {
        findings_add(doctor->findings, FINDING_NOTE, "account", NULL,
                     "%s has no account for %s: whether the CNAME leads to the right delegate cannot be told",
                     options->text[OPTION_CREDENTIALS], doctor->domain);
    }
}

static enum txtctl_status examine(const struct options *options, struct doctor *doctor)
{
    read_expected(options, doctor);
    doctor_examine_cname(doctor);
    doctor_examine_delegate(doctor);
    doctor_examine_caa(doctor);
    doctor_examine_dnssec(doctor);
    findings_print(doctor->findings, doctor->domain, options->text[OPTION_JSON] != NULL);
    bool well = findings_count(doctor->findings, FINDING_PROBLEM) == 0 &&
                (options->text[OPTION_STRICT] == NULL || findings_count(doctor->findings, FINDING_WARNING) == 0);
    return well ? TXTCTL_DONE : TXTCTL_REFUSED;
}

/* Says what cannot be asked for. Returns 0 or TXTD_EINVAL. */
static int read_arguments(const struct options *options, struct doctor *doctor)
{
    const char *argument = options->arguments[0];
    bool is_ascii = true;
    for (const char *at = argument; *at != '\0'; at++) {
        is_ascii &= (unsigned char)*at < 0x80;
    }
    doctor->issuer = options->text[OPTION_ISSUER];
    doctor->value = options->text[OPTION_VALUE];
    if (!is_ascii) {
        (void)fprintf(stderr, "txtctl: %s: give it as xn--..., the form that DNS has\n", argument);
    } else if (read_domain(argument, doctor) != 0) {
        (void)fprintf(stderr, "txtctl: %s is no domain name\n", argument);
    } else if (doctor->issuer != NULL && !issue_value_issuer_valid(doctor->issuer, strlen(doctor->issuer))) {
        (void)fprintf(stderr, "txtctl: --issuer takes the authority's domain, e.g. letsencrypt.org, not %s\n",
                      doctor->issuer);
    } else {
        return 0;
    }
    return TXTD_EINVAL;
}

static enum txtctl_status run(const struct options *options)
{
    struct error_detail detail = {""};
    struct doctor *doctor = calloc(1, sizeof *doctor);
    enum txtctl_status status = TXTCTL_FAILED;
    if (doctor == NULL) {
        (void)fputs("txtctl: not enough memory\n", stderr);
        return TXTCTL_FAILED;
    }
    doctor->timeout_s = options->text[OPTION_TIMEOUT] == NULL ? QUESTION_S : options->timeout_s;
    doctor->findings = findings_new();
    if (read_arguments(options, doctor) != 0) {
        status = TXTCTL_FAILED;
    } else if (dns_ask_open(options->text[OPTION_SERVER], true, doctor->timeout_s, &doctor->resolver, &detail) != 0) {
        (void)output_failed(&detail);
    } else if (doctor_try_resolver(doctor, &detail) != 0) {
        (void)output_failed(&detail);
        (void)fputs("txtctl: nothing could be looked at: name a resolver that serves this machine with --server\n",
                    stderr);
    } else {
        status = examine(options, doctor);
    }
    dns_ask_close(doctor->resolver);
    json_decref(doctor->findings);
    free(doctor);
    return status;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "DOMAIN",
    .summary = "look for what would keep a domain from its certificate: CNAME, delegate, CAA, DNSSEC",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES(OPTION_CREDENTIALS) | COMMAND_TAKES(OPTION_SERVER) | COMMAND_TAKES(OPTION_TIMEOUT) |
             COMMAND_TAKES(OPTION_JSON) | COMMAND_TAKES(OPTION_ISSUER) | COMMAND_TAKES(OPTION_VALUE) |
             COMMAND_TAKES(OPTION_STRICT),
    .status = "0 no problem, maybe warnings; 1 a problem, or with --strict a warning; 2 nothing could be looked at,\n"
              "for the resolver does not answer.",
    .run = run,
};
