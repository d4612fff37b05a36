#include "control/zone_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/zone_basics.h"
#include "control/zone_numbers.h"
#include "control/zone_text.h"

#define TTL_MAX 0x7fffffffu /* RFC 2181 section 8 */

/* One zone on its way into the builder. */
struct loading {
    struct zone_set_builder *builder;
    const struct zone_source *source;
    struct zone_basics_needs needs; /* what file and records leave to be made */
    uint8_t apex[ZONE_APEX_LEN_MAX];
    size_t apex_len;
    unsigned records;
    ldns_buffer *rdata;
    char *record; /* ZONE_TEXT_RECORD_MAX characters */
};

/* What changes from line to line of one text. */
struct reading {
    const char *from; /* file, or where the record lines come from */
    unsigned number;  /* of the record line, or 0: it is a file */
    unsigned line;
    ldns_rdf *origin;
    ldns_rdf *owner; /* of the record before; NULL: none yet */
    uint32_t ttl_s;
};

/* Puts file and line in front of what is in `detail`. */
static int describe_at(const struct reading *reading, const struct loading *loading, struct error_detail *detail,
                       int code)
{
    if (detail == NULL) {
        return code;
    }
    struct error_detail inner = *detail;
    if (reading->number != 0) {
        char line[24] = "";
        if (loading->source->records_lines != NULL) {
            (void)snprintf(line, sizeof line, ":%u", loading->source->records_lines[reading->number - 1]);
        }
        return error_describe(detail, code, "%s%s: records[%u] of zone %s: %s", reading->from, line,
                              reading->number - 1, loading->source->name, inner.text);
    }
    return error_describe(detail, code, "%s:%u: %s", reading->from, reading->line, inner.text);
}

/* The types that no operator may write (RFC 6895 section 3.1: QTYPEs and Meta-TYPEs), or that the server makes itself. */
static int check_type(uint16_t type, struct error_detail *detail)
{
    bool meta = type == 0 || type == LDNS_RR_TYPE_OPT || (type >= 128 && type <= 255);
    if (meta) {
        return error_describe(detail, TXTD_EINVAL, "type %u is no type of data", type);
    }
    switch (type) {
    case LDNS_RR_TYPE_RRSIG:
    case LDNS_RR_TYPE_NSEC:
    case LDNS_RR_TYPE_NSEC3:
    case LDNS_RR_TYPE_NSEC3PARAM:
        return error_describe(detail, TXTD_EINVAL, "signatures and denials are made by the server; leave them out");
    default: return 0;
    }
}

static int check_record(const ldns_rr *rr, struct error_detail *detail)
{
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) {
        return error_describe(detail, TXTD_EINVAL, "the class is not IN");
    }
    if (ldns_rr_ttl(rr) > TTL_MAX) {
        return error_describe(detail, TXTD_EINVAL, "the TTL is above %u (RFC 2181 section 8)", TTL_MAX);
    }
    return check_type((uint16_t)ldns_rr_get_type(rr), detail);
}

static int add_record(struct loading *loading, const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl_s,
                      const uint8_t *rdata, size_t rdata_len, struct error_detail *detail)
{
    if (++loading->records > ZONE_RECORDS_MAX) {
        return error_describe(detail, TXTD_EINVAL, "the zone has more than %u records", ZONE_RECORDS_MAX);
    }
    if (detail != NULL) {
        detail->text[0] = '\0';
    }
    int result = zone_set_builder_add_record(loading->builder, loading->apex, loading->apex_len, owner, owner_len, type,
                                             ttl_s, rdata, rdata_len, detail);
    if (result != 0 && detail != NULL && detail->text[0] == '\0') {
        return error_describe(detail, result, "%s", txtd_error_text(result));
    }
    return result;
}

static int add_parsed(struct loading *loading, const ldns_rr *rr, struct error_detail *detail)
{
    ldns_buffer_clear(loading->rdata);
    ldns_status status = ldns_rr_rdata2buffer_wire(loading->rdata, rr);
    size_t rdata_len = ldns_buffer_position(loading->rdata);
    if (status != LDNS_STATUS_OK || rdata_len > UINT16_MAX) {
        return error_describe(detail, TXTD_EINVAL, "the data is longer than %u octets", UINT16_MAX);
    }
    const ldns_rdf *owner = ldns_rr_owner(rr);
    uint16_t type = (uint16_t)ldns_rr_get_type(rr);
    zone_basics_saw(&loading->needs, ldns_rdf_data(owner), ldns_rdf_size(owner), type);
    return add_record(loading, ldns_rdf_data(owner), ldns_rdf_size(owner), type, ldns_rr_ttl(rr),
                      ldns_buffer_begin(loading->rdata), rdata_len, detail);
}

/* RFC 1035 section 5.1 lets the class stand before the TTL; libldns does not. Rewrites "owner IN 60 A ..." in place. */
static void put_ttl_before_class(char *record)
{
    char *class_at = record + strcspn(record, " ");
    if (strncasecmp(class_at, " IN ", 4) != 0) {
        return;
    }
    char *ttl_at = class_at + 4;
    size_t ttl_len = strcspn(ttl_at, " ");
    if (ttl_len == 0 || ttl_at[0] < '0' || ttl_at[0] > '9') {
        return;
    }
    memmove(class_at + 1, ttl_at, ttl_len);
    memcpy(class_at + 1 + ttl_len, " IN", 3);
}

static int read_record(struct loading *loading, struct reading *reading, char *record, struct error_detail *detail)
{
    if (record[0] == ' ' && reading->owner == NULL) {
        return error_describe(detail, TXTD_EINVAL, "a record without an owner, and there is none before it");
    }
    put_ttl_before_class(record);
    ldns_rr *rr = NULL;
    ldns_status status = ldns_rr_new_frm_str(&rr, record, reading->ttl_s, reading->origin, &reading->owner);
    if (status == LDNS_STATUS_MEM_ERR) {
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    if (status != LDNS_STATUS_OK) {
        return error_describe(detail, TXTD_EINVAL, "%s in \"%.80s\"", ldns_get_errorstr_by_id(status), record);
    }
    int result = check_record(rr, detail);
    result = result != 0 ? result : zone_numbers_check(record, rr, detail);
    result = result != 0 ? result : add_parsed(loading, rr, detail);
    ldns_rr_free(rr);
    return result;
}

static int set_origin(struct reading *reading, const char *name, struct error_detail *detail)
{
    ldns_rdf *origin = ldns_dname_new_frm_str(name);
    if (origin == NULL) {
        return error_describe(detail, TXTD_EINVAL, "$ORIGIN: \"%.80s\" is no domain name", name);
    }
    if (!ldns_dname_str_absolute(name) && ldns_dname_cat(origin, reading->origin) != LDNS_STATUS_OK) {
        ldns_rdf_deep_free(origin);
        return error_describe(detail, TXTD_EINVAL, "$ORIGIN: the name is too long");
    }
    ldns_rdf_deep_free(reading->origin);
    reading->origin = origin;
    return 0;
}

static int set_ttl(struct reading *reading, const char *text, struct error_detail *detail)
{
    uint32_t ttl_s;
    if (zone_numbers_period(text, strlen(text), &ttl_s) != 0 || ttl_s > TTL_MAX) {
        return error_describe(detail, TXTD_EINVAL, "$TTL: \"%.80s\" is no time to live", text);
    }
    reading->ttl_s = ttl_s;
    return 0;
}

/* A line that starts with '$' (RFC 1035 section 5.1, RFC 2308 section 4). */
static int read_directive(struct reading *reading, const char *record, struct error_detail *detail)
{
    size_t name_len = strcspn(record, " ");
    const char *argument = record[name_len] == ' ' ? record + name_len + 1 : "";
    if (name_len == 7 && strncasecmp(record, "$ORIGIN", 7) == 0) {
        return set_origin(reading, argument, detail);
    }
    if (name_len == 4 && strncasecmp(record, "$TTL", 4) == 0) {
        return set_ttl(reading, argument, detail);
    }
    return error_describe(detail, TXTD_EINVAL, "%.*s is not supported; write the records out",
                          name_len > 40 ? 40 : (int)name_len, record);
}

static int read_text(struct loading *loading, struct reading *reading, const char *text, size_t len,
                     struct error_detail *detail)
{
    struct zone_text walk = {.text = text, .len = len};
    int result;
    while ((result = zone_text_next(&walk, loading->record, &reading->line, detail)) == 1) {
        bool directive = loading->record[0] == '$';
        result = directive ? read_directive(reading, loading->record, detail)
                           : read_record(loading, reading, loading->record, detail);
        if (result != 0) {
            break;
        }
    }
    return result == 0 ? 0 : describe_at(reading, loading, detail, result);
}

static int begin_reading(const struct loading *loading, const char *from, struct reading *reading,
                         struct error_detail *detail)
{
    uint32_t ttl_s = loading->source->basics.ttl_s;
    *reading = (struct reading){.from = from, .ttl_s = ttl_s};
    reading->origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, loading->apex_len, loading->apex);
    return reading->origin != NULL ? 0 : error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
}

static void end_reading(struct reading *reading)
{
    ldns_rdf_deep_free(reading->origin);
    ldns_rdf_deep_free(reading->owner);
}

/* Each line is on its own: no owner, origin or TTL goes over from the one before. */
static int read_record_lines(struct loading *loading, struct error_detail *detail)
{
    const struct zone_source *source = loading->source;
    for (unsigned i = 0; i < source->records_count; i++) {
        struct reading reading;
        int result = begin_reading(loading, source->records_from != NULL ? source->records_from : "configuration",
                                   &reading, detail);
        if (result != 0) {
            return result;
        }
        reading.number = i + 1;
        result = read_text(loading, &reading, source->records[i], strlen(source->records[i]), detail);
        end_reading(&reading);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* Opens without waiting (the path may be a FIFO) and only what is a regular file of a bounded size. */
static int open_zone_file(const char *file, size_t *len, struct error_detail *detail)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int code = errno == ENOENT ? TXTD_ENOTFOUND : TXTD_EIO;
        return error_describe(detail, code, "%s: cannot open the zone file: %s", file, strerror(errno));
    }
    struct stat stat;
    int code = TXTD_EINVAL;
    if (fstat(fd, &stat) != 0) {
        code = error_describe(detail, TXTD_EIO, "%s: %s", file, strerror(errno));
    } else if (!S_ISREG(stat.st_mode)) {
        error_describe(detail, code, "%s: the zone file is not a regular file", file);
    } else if (stat.st_size > ZONE_FILE_LEN_MAX) {
        error_describe(detail, code, "%s: the zone file has more than %u octets", file, ZONE_FILE_LEN_MAX);
    } else {
        *len = (size_t)stat.st_size;
        return fd;
    }
    close(fd);
    return code;
}

/* Reads the whole file. The caller frees *text. */
static int slurp_zone_file(const char *file, char **text, size_t *len, struct error_detail *detail)
{
    size_t size = 0, have = 0;
    int fd = open_zone_file(file, &size, detail);
    if (fd < 0) {
        return fd;
    }
    char *buffer = malloc(size + 1);
    int result = buffer != NULL ? 0 : error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    while (result == 0 && have < size) {
        ssize_t got = read(fd, buffer + have, size - have);
        if (got > 0) {
            have += (size_t)got;
        } else if (got == 0) {
            break; /* it was cut short meanwhile: what is there is the file */
        } else if (errno != EINTR) {
            result = error_describe(detail, TXTD_EIO, "%s: cannot read the zone file: %s", file, strerror(errno));
        }
    }
    close(fd);
    if (result != 0) {
        free(buffer);
        return result;
    }
    *text = buffer;
    *len = have;
    return 0;
}

static int read_zone_file(struct loading *loading, struct error_detail *detail)
{
    char *text;
    size_t len;
    if (loading->source->file == NULL) {
        return 0;
    }
    int result = slurp_zone_file(loading->source->file, &text, &len, detail);
    if (result != 0) {
        return result;
    }
    struct reading reading;
    result = begin_reading(loading, loading->source->file, &reading, detail);
    if (result == 0) {
        result = read_text(loading, &reading, text, len, detail);
        end_reading(&reading);
    }
    free(text);
    return result;
}

static int add_made_record(void *context, const uint8_t *owner, size_t owner_len, uint16_t type, const uint8_t *rdata,
                           size_t rdata_len, struct error_detail *detail)
{
    struct loading *loading = context;
    return add_record(loading, owner, owner_len, type, loading->source->basics.ttl_s, rdata, rdata_len, detail);
}

/* The SOA, NS and address records that neither file nor record lines gave. */
static int make_basics(struct loading *loading, struct error_detail *detail)
{
    const struct zone_source *source = loading->source;
    int result = zone_basics_make(&source->basics, &loading->needs, add_made_record, loading, detail);
    if (result != 0 && detail != NULL) {
        struct error_detail inner = *detail;
        return error_describe(detail, result, "%s: zone %s: %s",
                              source->records_from != NULL ? source->records_from : "configuration", source->name,
                              inner.text);
    }
    return result;
}

static int load(struct loading *loading, struct error_detail *detail)
{
    const struct zone_source *source = loading->source;
    int result = zone_set_builder_add_zone(loading->builder, loading->apex, loading->apex_len, &source->options);
    if (result != 0) {
        return error_describe(detail, result, "zone %s: %s", source->name,
                              result == TXTD_EEXISTS ? "given twice" : txtd_error_text(result));
    }
    loading->rdata = ldns_buffer_new(UINT16_MAX + 16);
    loading->record = malloc(ZONE_TEXT_RECORD_MAX);
    if (loading->rdata == NULL || loading->record == NULL) {
        result = error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    result = result != 0 ? result : read_zone_file(loading, detail);
    result = result != 0 ? result : read_record_lines(loading, detail);
    result = result != 0 ? result : make_basics(loading, detail);
    ldns_buffer_free(loading->rdata);
    free(loading->record);
    return result;
}

int zone_loader_add(struct zone_set_builder *builder, const struct zone_source *source, struct error_detail *detail)
{
    struct loading loading = {.builder = builder, .source = source};
    int result = zone_name_to_wire(source->name, loading.apex, &loading.apex_len, detail);
    if (result == 0) {
        result = zone_basics_check(&source->basics, loading.apex, loading.apex_len, &loading.needs, detail);
    }
    return result != 0 ? result : load(&loading, detail);
}

int zone_loader_load(const struct zone_source sources[], unsigned count, struct zone_set **zones,
                     struct error_detail *detail)
{
    *zones = NULL;
    struct zone_set_builder *builder = zone_set_builder_new();
    if (builder == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    for (unsigned i = 0; i < count; i++) {
        int result = zone_loader_add(builder, &sources[i], detail);
        if (result != 0) {
            zone_set_builder_free(builder);
            return result;
        }
    }
    return zone_set_builder_finish(builder, zones, detail);
}
