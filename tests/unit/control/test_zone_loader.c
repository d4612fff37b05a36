/* Reading zones. The snapshot builder is played by this file, which writes down what it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ldns/ldns.h>

#include "control/zone_loader.h"

#define BOOK_LEN 16384

/* Everything the builder was given, one line each: "<owner> <ttl> TYPE<n> <hex>". */
struct zone_set_builder {
    char zone[1024];
    unsigned zones;
    unsigned records;
    bool keep;
    char book[BOOK_LEN];
};
struct zone_set {
    unsigned zones;
};
static struct zone_set finished;

struct zone_set_builder *zone_set_builder_new(void)
{
    struct zone_set_builder *builder = calloc(1, sizeof *builder);
    if (builder != NULL) {
        builder->keep = true;
    }
    return builder;
}

void zone_set_builder_free(struct zone_set_builder *builder)
{
    free(builder);
}

static char *name_text(const uint8_t *name, size_t len)
{
    ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, len, name);
    char *text = ldns_rdf2str(rdf);
    ldns_rdf_deep_free(rdf);
    return text;
}

int zone_set_builder_add_zone(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len,
                              const struct zone_options *options)
{
    (void)options;
    char *text = name_text(apex, apex_len);
    bool twice = strcmp(builder->zone, text) == 0;
    snprintf(builder->zone, sizeof builder->zone, "%s", text);
    free(text);
    builder->zones++;
    return twice ? TXTD_EEXISTS : 0;
}

int zone_set_builder_add_record(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len,
                                const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl_s,
                                const uint8_t *rdata, size_t rdata_len, struct error_detail *detail)
{
    (void)apex;
    (void)apex_len;
    builder->records++;
    if (!builder->keep) {
        return 0;
    }
    char *text = name_text(owner, owner_len);
    bool refused = strncmp(text, "refused.", 8) == 0, silent = strncmp(text, "silent.", 7) == 0;
    size_t at = strlen(builder->book);
    at += (size_t)snprintf(builder->book + at, BOOK_LEN - at, "%s %u TYPE%u ", text, ttl_s, type);
    free(text);
    for (size_t i = 0; i < rdata_len && at + 3 < BOOK_LEN; i++) {
        at += (size_t)snprintf(builder->book + at, BOOK_LEN - at, "%02x", rdata[i]);
    }
    snprintf(builder->book + at, BOOK_LEN - at, "\n");
    if (refused) {
        return error_describe(detail, TXTD_EINVAL, "the builder does not want it");
    }
    return silent ? TXTD_ENOMEM : 0;
}

int zone_set_builder_finish(struct zone_set_builder *builder, struct zone_set **zones, struct error_detail *detail)
{
    unsigned count = builder->zones;
    free(builder);
    if (count == 0) {
        return error_describe(detail, TXTD_EINVAL, "no zone");
    }
    finished.zones = count;
    *zones = &finished;
    return 0;
}

void zone_set_free(struct zone_set *zones)
{
    (void)zones;
}

static const char *const addresses[] = {"192.0.2.1", "2001:db8::1"};
static const struct zone_nameserver inside = {"ns1.auth.example.org", addresses, 2};

static struct zone_source plain_source(void)
{
    struct zone_source source = {.name = "auth.example.org", .records_from = "test.yaml"};
    zone_basics_init(&source.basics);
    source.basics.nameservers = &inside;
    source.basics.nameservers_count = 1;
    return source;
}

/* Loads and compares with the whole book, or with a part of the error. */
static void check(const struct zone_source *source, const char *book, int code, const char *error)
{
    struct zone_set_builder *builder = zone_set_builder_new();
    struct error_detail detail = {.text = ""};
    assert_non_null(builder);
    int result = zone_loader_add(builder, source, &detail);
    if (result != code) {
        print_message("%s\n", detail.text);
    }
    assert_int_equal(result, code);
    if (book != NULL) {
        assert_string_equal(builder->book, book);
    }
    if (error != NULL && strstr(detail.text, error) == NULL) {
        print_message("\"%s\" is not in \"%s\"\n", error, detail.text);
        fail();
    }
    zone_set_builder_free(builder);
    assert_int_equal(zone_loader_add(builder = zone_set_builder_new(), source, NULL), code); /* a detail is optional */
    zone_set_builder_free(builder);
}

#define SOA_NUMBERS                                                                                                    \
    "00000001"                                                                                                         \
    "00015180"                                                                                                         \
    "00001c20"                                                                                                         \
    "0036ee80"                                                                                                         \
    "00000001"
#define ZONE_HEX "0461757468076578616d706c65036f726700"

static void test_no_zone_file_is_needed(void **state)
{
    (void)state;
    struct zone_source source = plain_source();
    check(&source,
          "auth.example.org. 3600 TYPE6 036e7331" ZONE_HEX "0a686f73746d6173746572" ZONE_HEX SOA_NUMBERS "\n"
          "auth.example.org. 3600 TYPE2 036e7331" ZONE_HEX "\n"
          "ns1.auth.example.org. 3600 TYPE1 c0000201\n"
          "ns1.auth.example.org. 3600 TYPE28 20010db8000000000000000000000001\n",
          0, NULL);
}

static void test_basics_are_what_the_operator_says(void **state)
{
    (void)state;
    static const struct zone_nameserver outside = {"NS.example.net.", NULL, 0};
    struct zone_source source = plain_source();
    source.name = "Auth.Example.ORG.";
    source.basics = (struct zone_basics){.hostmaster = "john.doe@example.org",
                                         .serial = 7,
                                         .refresh_s = 1,
                                         .retry_s = 2,
                                         .expire_s = 3,
                                         .minimum_s = 4,
                                         .ttl_s = 5,
                                         .nameservers = &outside,
                                         .nameservers_count = 1};
    check(&source,
          "auth.example.org. 5 TYPE6 026e73076578616d706c65036e657400"
          "086a6f686e2e646f65076578616d706c65036f726700"
          "0000000700000001000000020000000300000004\n"
          "auth.example.org. 5 TYPE2 026e73076578616d706c65036e657400\n",
          0, NULL);
    source.basics.hostmaster = "john\\.doe.example.org.";
    check(&source,
          "auth.example.org. 5 TYPE6 026e73076578616d706c65036e657400"
          "086a6f686e2e646f65076578616d706c65036f726700"
          "0000000700000001000000020000000300000004\n"
          "auth.example.org. 5 TYPE2 026e73076578616d706c65036e657400\n",
          0, NULL);
}

static void test_bad_basics(void **state)
{
    (void)state;
    static const struct zone_nameserver no_address = {"ns1.auth.example.org", NULL, 0};
    static const struct zone_nameserver foreign_address = {"ns1.example.net", addresses, 1};
    static const char *const no_number[] = {"192.0.2.256"};
    static const struct zone_nameserver bad_address = {"ns1.auth.example.org", no_number, 1};
    static const struct zone_nameserver bad_name = {"ns 1", NULL, 0};
    static const struct zone_nameserver long_label = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org", NULL, 0};
    static const struct {
        const struct zone_nameserver *nameserver;
        const char *error;
    } rows[] = {
        {&no_address, "test.yaml: zone auth.example.org: nameserver ns1.auth.example.org lies in the zone and has no"},
        {&foreign_address, "nameserver ns1.example.net lies outside the zone"},
        {&bad_address, "\"192.0.2.256\" is no IPv4 or IPv6 address"},
        {&bad_name, "\"ns 1\""},
        {&long_label, "is no domain name"},
    };
    struct zone_source source = plain_source();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        source.basics.nameservers = rows[i].nameserver;
        check(&source, NULL, TXTD_EINVAL, rows[i].error);
    }
    source = plain_source();
    source.basics.nameservers_count = 0;
    check(&source, NULL, TXTD_EINVAL, "give `nameservers`");
    source.basics.nameservers_count = ZONE_NAMESERVERS_MAX + 1;
    check(&source, NULL, TXTD_EINVAL, "more than 16 nameservers");
    static const char *const mailboxes[] = {"@example.org", "a@", "", ".", "a..b"};
    for (unsigned i = 0; i < sizeof mailboxes / sizeof mailboxes[0]; i++) {
        source = plain_source();
        source.basics.hostmaster = mailboxes[i];
        check(&source, NULL, TXTD_EINVAL, "is no mailbox");
    }
}

static void test_zone_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "a..b", "*.example.org", "a b.org", "b\303\274cher.example", "a\\.b"};
    uint8_t wire[ZONE_APEX_LEN_MAX];
    size_t len;
    struct error_detail detail;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(zone_name_to_wire(bad[i], wire, &len, &detail), TXTD_EINVAL);
        assert_non_null(strstr(detail.text, bad[i]));
    }
    assert_int_equal(zone_name_to_wire("_X-1.Org.", wire, &len, NULL), 0);
    assert_int_equal(len, 10);
    assert_memory_equal(wire, "\004_x-1\003org", 10);
    char longest[256];
    memset(longest, 'a', sizeof longest);
    longest[63] = longest[127] = longest[191] = '.';
    longest[253] = '\0';
    assert_int_equal(zone_name_to_wire(longest, wire, &len, NULL), 0);
    assert_int_equal(len, 255);
    longest[253] = 'a';
    longest[254] = '\0';
    assert_int_equal(zone_name_to_wire(longest, wire, &len, NULL), TXTD_EINVAL);
}

struct line_row {
    const char *line;
    const char *book; /* NULL: it is refused */
    const char *error;
};

static const struct line_row line_rows[] = {
    {"www 60 IN A 192.0.2.9", "www.auth.example.org. 60 TYPE1 c0000209\n", NULL},
    {"www IN 60 A 192.0.2.9", "www.auth.example.org. 60 TYPE1 c0000209\n", NULL},
    {"www A 192.0.2.9 ; comment", "www.auth.example.org. 3600 TYPE1 c0000209\n", NULL},
    {"@ 1h CAA 0 issue \";\"",
     "auth.example.org. 3600 TYPE257 0005697373"
     "75653b\n",
     NULL},
    {"WwW CNAME Target.Example.",
     "WwW.auth.example.org. 3600 TYPE5 06546172676574"
     "074578616d706c6500\n",
     NULL},
    {"in.auth.example.org. TXT \"a b\" c",
     "in.auth.example.org. 3600 TYPE16 0361206201"
     "63\n",
     NULL},
    {"in IN TXT 5", "in.auth.example.org. 3600 TYPE16 0135\n", NULL},
    {"x TXT ( \"a\"\n  \"b\" )", "x.auth.example.org. 3600 TYPE16 01610162\n", NULL},
    {"x TYPE65280 \\# 3 010203", "x.auth.example.org. 3600 TYPE65280 010203\n", NULL},
    {"x TYPE65280 \\# 0", "x.auth.example.org. 3600 TYPE65280 \n", NULL},
    {"", "", NULL},
    {"; nothing", "", NULL},
    {"a A 192.0.2.1\nb A 192.0.2.2",
     "a.auth.example.org. 3600 TYPE1 c0000201\nb.auth.example.org. 3600 TYPE1 c0000202\n", NULL},
    {" A 192.0.2.1", NULL, "without an owner"},
    {"a A 192.0.2", NULL, "test.yaml: records[0] of zone auth.example.org: "},
    {"a A 192.0.2.1 extra", NULL, "superfluous"},
    {"a A", NULL, "in \"a A\""},
    {"a", NULL, "could not parse"},
    {"a TXT \"x", NULL, "closing quote"},
    {"a TXT (x", NULL, "without its ')'"},
    {"a CH TXT x", NULL, "class is not IN"},
    {"a 2147483648 A 192.0.2.1", NULL, "TTL is above"},
    {"a OPT \\# 0", NULL, "no type of data"},
    {"a TYPE0 \\# 0", NULL, "no type of data"},
    {"a TYPE255 \\# 0", NULL, "no type of data"},
    {"a NSEC b A", NULL, "made by the server"},
    {"refused A 192.0.2.1", NULL, "records[0] of zone auth.example.org: the builder does not want it"},
    {"$INCLUDE other.zone", NULL, "$INCLUDE is not supported"},
    {"$GENERATE 1-5 a$ A 192.0.2.$", NULL, "$GENERATE is not supported"},
    {"$BAR", NULL, "$BAR is not supported"},
    {"$TTL", NULL, "no time to live"},
    {"$TTL x", NULL, "no time to live"},
    {"$TTL 2147483648", NULL, "no time to live"},
    {"$TTL 4294967297", NULL, "no time to live"},
    {"a MX 70000 b", NULL, "records[0] of zone auth.example.org: \"70000\" is no number from 0 to 65535"},
    {"$ORIGIN a..b", NULL, "no domain name"},
};

static void test_record_lines(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof line_rows / sizeof line_rows[0]; i++) {
        const struct line_row *row = &line_rows[i];
        struct zone_source source = plain_source();
        const char *lines[] = {"@ 9 SOA a. b. 1 2 3 4 5", row->line};
        char book[BOOK_LEN];
        snprintf(book, sizeof book,
                 "auth.example.org. 9 TYPE6 016100016200"
                 "0000000100000002000000030000000400000005\n%s",
                 row->book != NULL ? row->book : "");
        source.basics.nameservers_count = 0;
        source.records = row->book != NULL ? lines : &lines[1];
        source.records_count = row->book != NULL ? 2 : 1;
        check(&source, row->book != NULL ? book : NULL, row->book != NULL ? 0 : TXTD_EINVAL, row->error);
    }
}

/* The number in the error is the line's own, counted from 0 as configuration lists are. */
static void test_errors_name_the_record_line(void **state)
{
    (void)state;
    static const char *const lines[] = {"a A 192.0.2.1", "$ORIGIN b", "c A 192.0.2.2", "d A 1"};
    struct zone_source source = plain_source();
    source.records = lines;
    source.records_count = 4;
    check(&source, "a.auth.example.org. 3600 TYPE1 c0000201\nc.auth.example.org. 3600 TYPE1 c0000202\n", TXTD_EINVAL,
          "test.yaml: records[3] of zone auth.example.org: ");
    static const unsigned numbers[] = {7, 8, 9, 12};
    source.records_lines = numbers;
    check(&source, NULL, TXTD_EINVAL, "test.yaml:12: records[3] of zone auth.example.org: ");
    source.records_lines = NULL;
    source.records_from = NULL;
    check(&source, NULL, TXTD_EINVAL, "configuration: records[3] of zone ");
    static const char *const silent[] = {"silent A 192.0.2.1"};
    source.records = silent;
    source.records_count = 1;
    check(&source, NULL, TXTD_ENOMEM, "out of memory");
}

/* A zone file of this text is read as check says; "%s" in `error` stands for its path. */
static void check_file(const char *text, const char *book, int code, const char *error)
{
    char path[] = "/tmp/test_zone_loader.XXXXXX", expected[512];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct zone_source source = plain_source();
    source.basics.nameservers_count = 0;
    source.file = path;
    snprintf(expected, sizeof expected, "%s%s", error != NULL && error[0] == ':' ? path : "",
             error != NULL ? error : "");
    check(&source, book, code, expected);
    unlink(path);
}

#define FILE_SOA "$TTL 9\n@ SOA a. b. ( 1 ; serial\n 2 3\n 4 5 )\n"
#define FILE_SOA_BOOK                                                                                                  \
    "auth.example.org. 9 TYPE6 016100016200"                                                                           \
    "0000000100000002000000030000000400000005\n"

static void test_zone_files(void **state)
{
    (void)state;
    check_file(FILE_SOA "\tNS ns\nns A 192.0.2.1\n\n   60 AAAA ::1 ; same owner\n$ORIGIN sub\nx TXT y\n$ORIGIN "
                        "auth.example.org.\n$ttl 1m\nz TXT y",
               FILE_SOA_BOOK "auth.example.org. 9 TYPE2 026e73" ZONE_HEX "\n"
                             "ns.auth.example.org. 9 TYPE1 c0000201\n"
                             "ns.auth.example.org. 60 TYPE28 00000000000000000000000000000001\n"
                             "x.sub.auth.example.org. 9 TYPE16 0179\n"
                             "z.auth.example.org. 60 TYPE16 0179\n",
               0, NULL);
    check_file(FILE_SOA "\n\nx A 1\n", FILE_SOA_BOOK, TXTD_EINVAL, ":7: ");
    check_file(FILE_SOA "x TXT (\n y\n z\n", FILE_SOA_BOOK, TXTD_EINVAL, ":5: ");
    check_file(FILE_SOA "refused A (\n 192.0.2.1\n )\n", NULL, TXTD_EINVAL, ":5: the builder does not want it");
    check_file("; c\n$INCLUDE x\n", "", TXTD_EINVAL, ":2: $INCLUDE is not supported");
    check_file("", "", TXTD_EINVAL, "no nameservers, and no SOA");
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    char directory[] = "/tmp/test_zone_loader.XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/zone", directory);
    struct zone_source source = plain_source();
    source.file = directory;
    check(&source, "", TXTD_EINVAL, "is not a regular file");
    source.file = path;
    check(&source, "", TXTD_ENOTFOUND, "/zone: cannot open the zone file");
    assert_int_equal(mkfifo(path, 0600), 0);
    check(&source, "", TXTD_EINVAL, "is not a regular file"); /* and does not wait for a writer */
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), ZONE_FILE_LEN_MAX + 1), 0);
    fclose(file);
    check(&source, "", TXTD_EINVAL, "more than 16777216 octets");
    unlink(path);
    rmdir(directory);
}

static void test_records_are_bounded(void **state)
{
    (void)state;
    size_t len = 0, size = ZONE_RECORDS_MAX * 32u;
    char *text = malloc(size);
    assert_non_null(text);
    for (unsigned i = 0; i <= ZONE_RECORDS_MAX; i++) {
        len += (size_t)snprintf(text + len, size - len, "n%u A 192.0.2.1\n", i);
    }
    struct zone_source source = plain_source();
    const char *lines[] = {text};
    source.records = lines;
    source.records_count = 1;
    struct zone_set_builder *builder = zone_set_builder_new();
    struct error_detail detail;
    assert_non_null(builder);
    builder->keep = false;
    assert_int_equal(zone_loader_add(builder, &source, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "more than 100000 records"));
    assert_int_equal(builder->records, ZONE_RECORDS_MAX);
    zone_set_builder_free(builder);
    free(text);
}

/* The operator's own SOA and addresses are kept; nothing is made twice. */
static void test_what_is_there_is_not_made(void **state)
{
    (void)state;
    static const struct zone_nameserver bare = {"NS1.auth.example.org", NULL, 0};
    static const char *const lines[] = {"@ SOA a. b. 1 2 3 4 5", "Ns1 AAAA ::1"};
    struct zone_source source = plain_source();
    source.basics.nameservers = &bare;
    source.records = lines;
    source.records_count = 2;
    check(&source,
          "auth.example.org. 3600 TYPE6 0161000162000000000100000002000000030000000400000005\n"
          "Ns1.auth.example.org. 3600 TYPE28 00000000000000000000000000000001\n"
          "auth.example.org. 3600 TYPE2 036e7331" ZONE_HEX "\n",
          0, NULL);
}

static void test_several_zones(void **state)
{
    (void)state;
    struct zone_source sources[2] = {plain_source(), plain_source()};
    static const struct zone_nameserver outside = {"ns1.example.net", NULL, 0};
    struct zone_set *zones = NULL;
    struct error_detail detail;
    sources[1].name = "auth.example.net";
    sources[1].basics.nameservers = &outside;
    assert_int_equal(zone_loader_load(sources, 2, &zones, &detail), 0);
    assert_ptr_equal(zones, &finished);
    assert_int_equal(finished.zones, 2);
    sources[1].name = "AUTH.example.org";
    assert_int_equal(zone_loader_load(sources, 2, &zones, &detail), TXTD_EEXISTS);
    assert_string_equal(detail.text, "zone AUTH.example.org: given twice");
    assert_null(zones);
    assert_int_equal(zone_loader_load(sources, 0, &zones, &detail), TXTD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_zone_file_is_needed),
        cmocka_unit_test(test_basics_are_what_the_operator_says),
        cmocka_unit_test(test_bad_basics),
        cmocka_unit_test(test_zone_names),
        cmocka_unit_test(test_record_lines),
        cmocka_unit_test(test_errors_name_the_record_line),
        cmocka_unit_test(test_zone_files),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_records_are_bounded),
        cmocka_unit_test(test_what_is_there_is_not_made),
        cmocka_unit_test(test_several_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
