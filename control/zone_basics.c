#include "control/zone_basics.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>

#define LABEL_LEN_MAX 63

void zone_basics_init(struct zone_basics *basics)
{
    *basics = (struct zone_basics){
        .serial = 1,
        .refresh_s = 86400,
        .retry_s = 7200,
        .expire_s = 3600000,
        .minimum_s = 1,
        .ttl_s = ZONE_TTL_DEFAULT_S,
    };
}

static uint8_t lower_case(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

int zone_name_to_wire(const char *name, uint8_t wire[ZONE_APEX_LEN_MAX], size_t *len, struct error_detail *detail)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (name[strspn(name, allowed)] != '\0') {
        return error_describe(detail, TXTD_EINVAL, "\"%.255s\": a name has letters, digits, '-' and '_' only", name);
    }
    ldns_rdf *dname = ldns_dname_new_frm_str(name);
    if (dname == NULL || ldns_rdf_size(dname) <= 1 || ldns_rdf_size(dname) > ZONE_APEX_LEN_MAX) {
        ldns_rdf_deep_free(dname);
        return error_describe(detail, TXTD_EINVAL, "\"%.255s\" is no domain name", name);
    }
    *len = ldns_rdf_size(dname);
    for (size_t i = 0; i < *len; i++) { /* a length octet is at most 63 and so no letter */
        wire[i] = lower_case(ldns_rdf_data(dname)[i]);
    }
    ldns_rdf_deep_free(dname);
    return 0;
}

/* Both in wire form, `zone` in lower case. */
static bool lies_inside(const uint8_t *name, size_t name_len, const uint8_t *zone, size_t zone_len)
{
    size_t at = 0;
    while (name_len - at > zone_len) {
        at += 1u + name[at];
    }
    if (name_len - at != zone_len) {
        return false;
    }
    for (size_t i = 0; i < zone_len; i++) {
        if (lower_case(name[at + i]) != zone[i]) {
            return false;
        }
    }
    return true;
}

static int check_nameserver(const struct zone_nameserver *configured, const struct zone_basics_needs *needs,
                            struct zone_basics_nameserver *nameserver, struct error_detail *detail)
{
    int result = zone_name_to_wire(configured->name, nameserver->name, &nameserver->name_len, detail);
    if (result != 0) {
        return result;
    }
    nameserver->inside = lies_inside(nameserver->name, nameserver->name_len, needs->apex, needs->apex_len);
    nameserver->has_address = configured->addresses_count > 0;
    if (nameserver->has_address && !nameserver->inside) {
        return error_describe(detail, TXTD_EINVAL,
                              "nameserver %s lies outside the zone: its addresses belong into the zone that it is in",
                              configured->name);
    }
    return 0;
}

int zone_basics_check(const struct zone_basics *basics, const uint8_t *apex, size_t apex_len,
                      struct zone_basics_needs *needs, struct error_detail *detail)
{
    *needs = (struct zone_basics_needs){.apex = apex, .apex_len = apex_len};
    if (basics->nameservers_count > ZONE_NAMESERVERS_MAX) {
        return error_describe(detail, TXTD_EINVAL, "more than %u nameservers", ZONE_NAMESERVERS_MAX);
    }
    for (unsigned i = 0; i < basics->nameservers_count; i++) {
        int result = check_nameserver(&basics->nameservers[i], needs, &needs->nameservers[i], detail);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

void zone_basics_saw(struct zone_basics_needs *needs, const uint8_t *owner, size_t owner_len, uint16_t type)
{
    if (type == LDNS_RR_TYPE_SOA) {
        needs->has_soa = true;
    }
    if (type != LDNS_RR_TYPE_A && type != LDNS_RR_TYPE_AAAA) {
        return;
    }
    for (unsigned i = 0; i < ZONE_NAMESERVERS_MAX; i++) {
        struct zone_basics_nameserver *nameserver = &needs->nameservers[i];
        if (owner_len == nameserver->name_len &&
            lies_inside(owner, owner_len, nameserver->name, nameserver->name_len)) {
            nameserver->has_address = true;
        }
    }
}

/* RFC 1035 section 8: the mailbox "action.domains@example.org" is the name action\.domains.example.org. */
static bool write_mailbox(const char *mailbox, char *name, size_t name_size)
{
    const char *at_sign = strchr(mailbox, '@');
    size_t local_len = at_sign == NULL ? 0 : (size_t)(at_sign - mailbox), written = 0;
    if (local_len > LABEL_LEN_MAX || (at_sign != NULL && (local_len == 0 || at_sign[1] == '\0')) ||
        2 * local_len + strlen(mailbox) + 2 > name_size) {
        return false;
    }
    for (size_t i = 0; i < local_len; i++) {
        if (strchr(".\\\"();$", mailbox[i]) != NULL) {
            name[written++] = '\\';
        }
        name[written++] = mailbox[i];
    }
    if (at_sign != NULL) {
        name[written++] = '.';
    }
    const char *rest = at_sign != NULL ? at_sign + 1 : mailbox;
    memcpy(name + written, rest, strlen(rest) + 1); /* it fits: looked at above */
    return true;
}

/* Writes RNAME. Returns its length, 0 for what is no mailbox. */
static size_t make_rname(const struct zone_basics *basics, const struct zone_basics_needs *needs,
                         uint8_t rname[ZONE_APEX_LEN_MAX])
{
    static const uint8_t label[] = "\012hostmaster";
    if (basics->hostmaster == NULL) {
        size_t label_len = sizeof label - 1;
        if (label_len + needs->apex_len > ZONE_APEX_LEN_MAX) {
            return 0;
        }
        memcpy(rname, label, label_len);
        memcpy(rname + label_len, needs->apex, needs->apex_len);
        return label_len + needs->apex_len;
    }
    char name[1024];
    if (!write_mailbox(basics->hostmaster, name, sizeof name)) {
        return 0;
    }
    ldns_rdf *dname = ldns_dname_new_frm_str(name);
    size_t len = dname == NULL ? 0 : ldns_rdf_size(dname);
    if (len <= 1 || len > ZONE_APEX_LEN_MAX) {
        len = 0;
    } else {
        memcpy(rname, ldns_rdf_data(dname), len);
    }
    ldns_rdf_deep_free(dname);
    return len;
}

/* RFC 1035 section 3.3.13. */
static int make_soa(const struct zone_basics *basics, const struct zone_basics_needs *needs, zone_basics_take *take,
                    void *context, struct error_detail *detail)
{
    uint8_t rname[ZONE_APEX_LEN_MAX], rdata[2 * ZONE_APEX_LEN_MAX + 20];
    if (basics->nameservers_count == 0) {
        return error_describe(detail, TXTD_EINVAL, "no nameservers, and no SOA record; give `nameservers`");
    }
    size_t rname_len = make_rname(basics, needs, rname), len = needs->nameservers[0].name_len;
    if (rname_len == 0) {
        return error_describe(detail, TXTD_EINVAL, "hostmaster: \"%.255s\" is no mailbox",
                              basics->hostmaster != NULL ? basics->hostmaster : "hostmaster.<the zone>");
    }
    memcpy(rdata, needs->nameservers[0].name, len);
    memcpy(rdata + len, rname, rname_len);
    len += rname_len;
    const uint32_t numbers[] = {basics->serial, basics->refresh_s, basics->retry_s, basics->expire_s,
                                basics->minimum_s};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint32_t number = htonl(numbers[i]);
        memcpy(rdata + len, &number, sizeof number);
        len += sizeof number;
    }
    return take(context, needs->apex, needs->apex_len, LDNS_RR_TYPE_SOA, rdata, len, detail);
}

static int make_address(const char *address, const struct zone_basics_nameserver *nameserver, zone_basics_take *take,
                        void *context, struct error_detail *detail)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, address, octets) == 1) {
        return take(context, nameserver->name, nameserver->name_len, LDNS_RR_TYPE_A, octets, 4, detail);
    }
    if (inet_pton(AF_INET6, address, octets) == 1) {
        return take(context, nameserver->name, nameserver->name_len, LDNS_RR_TYPE_AAAA, octets, 16, detail);
    }
    return error_describe(detail, TXTD_EINVAL, "nameservers: \"%.80s\" is no IPv4 or IPv6 address", address);
}

static int make_nameserver(const struct zone_nameserver *configured, const struct zone_basics_nameserver *nameserver,
                           const struct zone_basics_needs *needs, zone_basics_take *take, void *context,
                           struct error_detail *detail)
{
    if (nameserver->inside && !nameserver->has_address) {
        return error_describe(detail, TXTD_EINVAL,
                              "nameserver %s lies in the zone and has no address; give `addresses`", configured->name);
    }
    int result =
        take(context, needs->apex, needs->apex_len, LDNS_RR_TYPE_NS, nameserver->name, nameserver->name_len, detail);
    for (unsigned i = 0; result == 0 && i < configured->addresses_count; i++) {
        result = make_address(configured->addresses[i], nameserver, take, context, detail);
    }
    return result;
}

int zone_basics_make(const struct zone_basics *basics, const struct zone_basics_needs *needs, zone_basics_take *take,
                     void *context, struct error_detail *detail)
{
    int result = needs->has_soa ? 0 : make_soa(basics, needs, take, context, detail);
    for (unsigned i = 0; result == 0 && i < basics->nameservers_count; i++) {
        result = make_nameserver(&basics->nameservers[i], &needs->nameservers[i], needs, take, context, detail);
    }
    return result;
}
