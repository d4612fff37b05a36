#include "control/txtctl/dns_check.h"

#include "control/txtctl/dns_answer.h"
#include "control/txtctl/dns_ask.h"

int dns_check(const char *server, const char *name, const char *value, unsigned timeout_s, bool *found,
              struct error_detail *detail)
{
    struct dns_server *opened = NULL;
    ldns_pkt *answer = NULL;
    *found = false;
    int result = dns_ask_open(server, false, timeout_s, &opened, detail);
    if (result == 0) {
        result = dns_ask(opened, name, LDNS_RR_TYPE_TXT, false, &answer, detail);
    }
    if (result == 0) {
        result = dns_answer_check(answer, server, name, detail);
    }
    if (result == 0) {
        *found = dns_answer_has_value(answer, value);
    }
    ldns_pkt_free(answer);
    dns_ask_close(opened);
    return result;
}
