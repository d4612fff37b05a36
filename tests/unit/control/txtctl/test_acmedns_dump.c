/* PostgreSQL dumps: what is read of which text, and where it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/acmedns_source.h"

#define HASH  "$2a$10$abcdefghijklmnopqrstuu6/GFpg47cUveaGG/k1dHl3j.GfFb9cm"
#define USER  "aaaaaaaa-4632-44f0-83fe-e070fef28a10"
#define NAME  "8e5700ea-a4bf-41c7-8a77-e990661dcc6a"
#define VALUE "_________validation_token_from_the_ca______"

static int read_text(const char *text, struct acmedns_data *data, struct error_detail *detail)
{
    FILE *file = fmemopen((void *)text, strlen(text), "r");
    assert_non_null(file);
    *data = (struct acmedns_data){.accounts = NULL};
    int result = acmedns_dump_read(file, "dump", data, detail);
    (void)fclose(file);
    return result;
}

/* One account with one value, in whichever form. */
#define HASH_HEX                                                                                                       \
    "243261243130246162636465666768696a6b6c6d6e6f7071727374757536"                                                     \
    "2f474670673437635576656147472f6b3164486c336a2e4766466239636d"

static const char *const same[] = {
    "COPY public.records (username, password, subdomain, allowfrom) FROM stdin;\n" USER "\t" HASH "\t" NAME
    "\t[\"192.0.2.0/24\"]\n\\.\n"
    "COPY txt (rowid, subdomain, value, lastupdate) FROM stdin;\n7\t" NAME "\t" VALUE "\t1700000000\n\\.\n",
    /* columns in another order, quoted names, a schema with a dot's company, DOS lines */
    "COPY \"public\".\"Records\" (\"allowfrom\", subdomain , username, password) FROM "
    "stdin;\r\n[\"192.0.2.0/24\"]\t" NAME "\t" USER "\t" HASH
    "\r\n\\.\r\nCOPY public.txt (value, lastupdate, subdomain) FROM stdin;\n" VALUE "\t1700000000\t" NAME "\n\\.\n",
    "INSERT INTO records VALUES ('" USER "', '" HASH "', '" NAME "', '[\"192.0.2.0/24\"]');\n"
    "INSERT INTO txt VALUES (7, '" NAME "', '" VALUE "', 1700000000);\n",
    /* a table without a rowid; escapes; several lines; what is left when a row exists */
    "insert into public.records (username,password,subdomain,allowfrom) values\n\t('" USER "', '" HASH "',\n '" NAME
    "', E'[\\x22192.0.2.0\\/24\"]')\n;\n"
    "INSERT INTO txt VALUES ('" NAME "', '" VALUE "', 1700000000) ON CONFLICT DO NOTHING;\n",
    /* sqlite3's .dump, with the password as the octets that acme-dns makes it */
    "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE acmedns(\n    Name TEXT,\n    Value TEXT\n  );\n"
    "INSERT INTO records VALUES('" USER "',X'" HASH_HEX "','" NAME "','[\"192.0.2.0/24\"]');\n"
    "INSERT INTO txt VALUES('" NAME "','" VALUE "',1700000000);\nCOMMIT;\n",
};

static void test_forms(void **state)
{
    struct acmedns_data data;
    struct error_detail detail;
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char username[DELEGATE_ID_TEXT_LEN + 1], delegate[DELEGATE_ID_TEXT_LEN + 1];
        assert_int_equal(read_text(same[i], &data, &detail), 0);
        assert_int_equal(data.refusals_count, 0);
        assert_int_equal(data.accounts_count, 1);
        assert_int_equal(data.values_count, 1);
        delegate_id_format(&data.accounts[0].username, username);
        delegate_id_format(&data.accounts[0].delegate, delegate);
        assert_string_equal(username, USER);
        assert_string_equal(delegate, NAME);
        assert_memory_equal(data.accounts[0].hash, HASH, sizeof data.accounts[0].hash);
        assert_int_equal(data.accounts[0].allowfrom_count, 1);
        assert_int_equal(data.allowfrom[0].len, 96 + 24);
        assert_memory_equal(data.values[0].text, VALUE, sizeof data.values[0].text);
        assert_int_equal(data.values[0].set_at_s, 1700000000);
        acmedns_data_free(&data);
    }
}

static void test_not_ours(void **state)
{
    struct acmedns_data data;
    struct error_detail detail;
    static const char text[] = "SET x = 1;\nCOPY public.other (a, b) FROM stdin;\n"
                               "INSERT INTO records VALUES (1);\n1\t2\t3\n\\.\n"
                               "INSERT INTO other VALUES (1, 'it''s');\n"
                               "CREATE TABLE records (\n  x text\n);\n";
    (void)state;
    assert_int_equal(read_text(text, &data, &detail), 0);
    assert_int_equal(data.accounts_seen, 0);
    acmedns_data_free(&data);
}

static const struct {
    const char *text, *says;
} refused[] = {
    {"COPY records (username, password, subdomain, allowfrom) FROM stdin;\n", "dump:1: the dump ends within"},
    {"COPY acmedns (name, value) FROM stdin;\na\tb\tc\n\\.\n", "dump:2: the row has not as many"},
    {"COPY acmedns (name, value) FROM stdin WITH (FORMAT csv);\na\tb\n\\.\n", "dump:1: a COPY that is not"},
    /* else every account would be let in from everywhere */
    {"COPY records (username, password, subdomain) FROM stdin;\na\tb\tc\n\\.\n",
     "dump:1: table records without its column allowfrom"},
    {"INSERT INTO records (username, password, subdomain) VALUES ('a', 'b', 'c');\n",
     "dump:1: table records without its column allowfrom"},
    {"INSERT INTO txt (subdomain, value) VALUES ('a', 'b');\n", "dump:1: table txt without its column lastupdate"},
    {"INSERT INTO records VALUES('a',X'2x','c','d');\n", "dump:1: this INSERT"},
    {"INSERT INTO records VALUES('a',X'242','c','d');\n", "dump:1: this INSERT"},
    {"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "dump:2: the dump does not end"},
    {"COPY records (;\n", "dump:1: this COPY"},
    {"\nINSERT INTO records VALUES ('a', 'b\n", "dump:2: this INSERT"},
    {"INSERT INTO records VALUES ('a', 'b');\n", "dump:1: the row has not as many"},
    {"INSERT INTO records VALUES ('a', 'b', 'c', 'd')\n", "dump:1: an INSERT without an end"},
    {"INSERT INTO records SELECT 1;\n", "dump:1: an INSERT without VALUES"},
    {"INSERT INTO records VALUES 'a';\n", "dump:1: this INSERT"},
    {"INSERT INTO records VALUES (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17);\n", "dump:1: this INSERT"},
    {"COPY txt (subdomain, value, lastupdate) FROM "
     "stdin;\n1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17\n\\.\n",
     "dump:2: the row has too many"},
    {"--\n-- PostgreSQL database dump\n--\n", "dump:3: the dump does not end"},
};

static void test_refused(void **state)
{
    struct acmedns_data data;
    struct error_detail detail;
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int result = read_text(refused[i].text, &data, &detail);
        if (result != TXTD_EINVAL || strncmp(detail.text, refused[i].says, strlen(refused[i].says)) != 0) {
            fail_msg("%s was answered %d %s", refused[i].text, result, detail.text);
        }
        acmedns_data_free(&data);
    }
}

static void test_long_line(void **state)
{
    struct acmedns_data data;
    struct error_detail detail;
    size_t len = (1u << 20) + 10;
    char *text = malloc(len + 1);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    assert_int_equal(read_text(text, &data, &detail), TXTD_EINVAL);
    assert_string_equal(detail.text, "dump:1: a line of more than 1 MiB");
    acmedns_data_free(&data);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
