/* An acme-dns's accounts into a store: what is there already, what was deleted, an import that is started again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/acmedns_import.h"

#define HASH "$2a$10$abcdefghijklmnopqrstuu6/GFpg47cUveaGG/k1dHl3j.GfFb9cm"

enum { NOW_S = 1800000000, DAY_S = 86400, ACCOUNTS = 5000 };

struct scene {
    char directory[64];
    struct store *store;
    struct acmedns_data data;
    struct acmedns_import import;
};

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

static int begin(void **state)
{
    static struct scene scene;
    struct error_detail detail;
    scene = (struct scene){.directory = "/tmp/txtd-import-XXXXXX"};
    if (mkdtemp(scene.directory) == NULL) {
        return -1;
    }
    const struct store_options options = {.directory = scene.directory, .block_cache = 8u << 20, .sync = true};
    if (store_open(&options, &scene.store, &detail) != 0) {
        return -1;
    }
    scene.import =
        (struct acmedns_import){.store = scene.store, .slots = 2, .value_expiry_s = 30LL * DAY_S, .now_s = NOW_S};
    *state = &scene;
    return store_zone_number(scene.store, "auth.example.org", &scene.import.zone, &detail);
}

static int end(void **state)
{
    struct scene *scene = *state;
    acmedns_data_free(&scene->data);
    store_close(scene->store);
    return nftw(scene->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static struct acmedns_field field(const char *text)
{
    return (struct acmedns_field){text, text == NULL ? 0 : strlen(text)};
}

static void id_text(unsigned number, unsigned kind, char text[DELEGATE_ID_TEXT_LEN + 1])
{
    (void)snprintf(text, DELEGATE_ID_TEXT_LEN + 1, "%08x-0000-4000-8000-%012x", number * 7919U, kind);
}

static void add_account(struct scene *scene, unsigned number, unsigned delegate)
{
    char username[DELEGATE_ID_TEXT_LEN + 1], subdomain[DELEGATE_ID_TEXT_LEN + 1];
    id_text(number, 1, username);
    id_text(delegate, 2, subdomain);
    assert_int_equal(acmedns_data_add_record(&scene->data, field(username), field(HASH), field(subdomain), field("[]")),
                     0);
}

static void add_value(struct scene *scene, unsigned delegate, char letter, int64_t set_at_s)
{
    char subdomain[DELEGATE_ID_TEXT_LEN + 1], value[ACMEDNS_DATA_VALUE_LEN + 1] = "", when[24];
    id_text(delegate, 2, subdomain);
    memset(value, letter, ACMEDNS_DATA_VALUE_LEN);
    (void)snprintf(when, sizeof when, "%lld", (long long)set_at_s);
    assert_int_equal(acmedns_data_add_txt(&scene->data, field(subdomain), field(value), field(when)), 0);
}

/* Reads it as the next command would: data of its own, counts from 0. */
static void run(struct scene *scene)
{
    struct error_detail detail;
    assert_int_equal(acmedns_data_add_setting(&scene->data, field("db_version"), field("1")), 0);
    assert_int_equal(acmedns_data_settle(&scene->data, &detail), 0);
    scene->import.counts = (struct acmedns_import_counts){.imported = 0};
    assert_int_equal(acmedns_import_run(&scene->import, &scene->data, &detail), 0);
}

static void start_again(struct scene *scene)
{
    acmedns_data_free(&scene->data);
}

static void read_delegate(struct scene *scene, unsigned number, struct delegate_state *state)
{
    char text[DELEGATE_ID_TEXT_LEN + 1];
    struct delegate_id id;
    id_text(number, 2, text);
    assert_int_equal(delegate_id_parse(text, DELEGATE_ID_TEXT_LEN, &id), 0);
    assert_int_equal(store_read_delegate(scene->store, scene->import.zone, &id, state), 0);
}

static void read_account(struct scene *scene, unsigned number, struct store_account *account)
{
    char text[DELEGATE_ID_TEXT_LEN + 1];
    struct delegate_id id;
    id_text(number, 1, text);
    assert_int_equal(delegate_id_parse(text, DELEGATE_ID_TEXT_LEN, &id), 0);
    assert_int_equal(store_read_account(scene->store, &id, account), 0);
}

static void test_values(void **state)
{
    struct scene *scene = *state;
    struct delegate_state delegate;
    struct store_account account;
    add_account(scene, 1, 1);
    add_account(scene, 2, 2);
    add_account(scene, 3, 3);
    add_value(scene, 1, 'b', NOW_S - DAY_S);
    add_value(scene, 1, 'a', NOW_S - 2 * DAY_S);
    add_value(scene, 2, 'c', NOW_S - 31 * DAY_S);
    add_value(scene, 2, 'd', NOW_S + DAY_S); /* another machine's clock */
    add_value(scene, 4, 'e', NOW_S);         /* nobody's */
    add_value(scene, 3, 'f', NOW_S - 3);
    add_value(scene, 3, 'g', NOW_S - 2); /* one more than there are slots */
    add_value(scene, 3, 'h', NOW_S - 1);
    run(scene);
    assert_int_equal(scene->data.refusals_count, 1);
    assert_string_equal(scene->data.refusals[0].reason, "a value of it: no account here has this subdomain");
    assert_int_equal(scene->import.counts.values_rotated, 1);
    assert_int_equal(scene->import.counts.imported, 3);
    assert_int_equal(scene->import.counts.values, 5);
    assert_int_equal(scene->import.counts.values_expired, 1);

    read_delegate(scene, 1, &delegate);
    assert_int_equal(delegate.values_count, 2);
    assert_int_equal(delegate.values[0].text[0], 'a');
    assert_int_equal(delegate.values[1].text[0], 'b');
    assert_int_equal(delegate.values[1].set_at_s, NOW_S - DAY_S);
    assert_int_equal(delegate.expires_at_s, NOW_S + 29 * DAY_S);
    read_delegate(scene, 2, &delegate);
    assert_int_equal(delegate.values_count, 1);
    assert_int_equal(delegate.values[0].set_at_s, NOW_S);
    read_delegate(scene, 3, &delegate);
    assert_int_equal(delegate.values_count, 2);
    assert_int_equal(delegate.values[1].text[0], 'h');
    read_account(scene, 3, &account);
    assert_int_equal(account.keys_count, 1);
    assert_int_equal(account.keys[0].scheme, STORE_KEY_BCRYPT);
    assert_memory_equal(account.keys[0].hash, HASH, strlen(HASH));
}

/* More than one batch; then the same with more accounts, as after an interruption. */
static void test_again(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        add_account(scene, i, i);
    }
    run(scene);
    assert_int_equal(scene->import.counts.imported, ACCOUNTS);
    assert_int_equal(store_delegates_estimate(scene->store), ACCOUNTS);
    uint64_t revision = store_revision(scene->store);

    start_again(scene);
    for (unsigned i = 0; i < ACCOUNTS + 10; i++) {
        add_account(scene, i, i);
        add_value(scene, i, 'x', NOW_S);
    }
    scene->import.dry_run = true;
    run(scene);
    assert_int_equal(scene->import.counts.imported, 10);
    assert_int_equal(store_revision(scene->store), revision);
    scene->import.dry_run = false;
    run(scene);
    assert_int_equal(scene->import.counts.imported, 10);
    assert_int_equal(scene->import.counts.present, ACCOUNTS);
    assert_int_equal(scene->import.counts.values, 10); /* what is there stays as it is */
    assert_int_equal(scene->data.refusals_count, 0);
    assert_int_equal(store_revision(scene->store), revision + 10);
}

static void change(struct scene *scene, struct store_account *account, struct delegate_state *delegate)
{
    uint64_t revision;
    struct store_change made = {.account = account, .delegate = delegate};
    if (account != NULL) {
        account->version++;
    }
    if (delegate != NULL) {
        delegate->version++;
    }
    assert_int_equal(store_commit(scene->store, &made, 1, &revision), 0);
    assert_int_equal(made.result, 0);
}

static void expect_reason(const struct scene *scene, unsigned number, const char *reason)
{
    char username[DELEGATE_ID_TEXT_LEN + 1];
    id_text(number, 1, username);
    for (size_t i = 0; i < scene->data.refusals_count; i++) {
        if (strcmp(scene->data.refusals[i].subject, username) == 0) {
            assert_string_equal(scene->data.refusals[i].reason, reason);
            return;
        }
    }
    fail_msg("%s was not refused", username);
}

/* Tombstones are honoured, and nobody gets what another has. */
static void test_conflicts(void **state)
{
    struct scene *scene = *state;
    struct delegate_state delegate;
    struct store_account account;
    add_account(scene, 1, 1);
    add_account(scene, 2, 2);
    add_account(scene, 3, 3);
    run(scene);
    read_account(scene, 1, &account);
    read_delegate(scene, 1, &delegate);
    account.deleted = true;
    account.keys_count = 0;
    delegate.deleted = true;
    change(scene, &account, &delegate);

    start_again(scene);
    add_account(scene, 1, 1);
    add_account(scene, 2, 4);
    add_account(scene, 6, 3);
    add_account(scene, 7, 7);
    add_account(scene, 7, 8);
    run(scene);
    assert_int_equal(scene->import.counts.imported, 0);
    assert_int_equal(scene->data.refusals_count, 5);
    expect_reason(scene, 1, "it was deleted here");
    expect_reason(scene, 2, "its username belongs to another delegate here");
    expect_reason(scene, 6, "its delegate belongs to another account here");
    expect_reason(scene, 7, "its username or its subdomain occurs more than once");

    start_again(scene);
    add_account(scene, 5, 1);
    run(scene);
    assert_int_equal(scene->import.counts.imported, 0);
    expect_reason(scene, 5, "its delegate was deleted here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, begin, end),
        cmocka_unit_test_setup_teardown(test_again, begin, end),
        cmocka_unit_test_setup_teardown(test_conflicts, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
