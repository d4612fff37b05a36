/* Backups: made while the store is open, refused when damaged, and a store again with everything in it. */
#include "tests/unit/storage/scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "storage/backup.h"
#include "storage/store_tombstones.h"

enum { DELEGATES = 300, MANY = 1500, ZONE = 1 };

struct place {
    struct scene scene;
    char backups[96], restored[96];
};

static struct place place_begin(void)
{
    struct place place = {.scene = scene_begin()};
    snprintf(place.backups, sizeof(place.backups), "%s/backups", place.scene.directory);
    snprintf(place.restored, sizeof(place.restored), "%s/restored", place.scene.directory);
    return place;
}

static void commit(struct store *store, struct store_account *account, struct delegate_state *delegate,
                   const struct store_key *revoked)
{
    struct store_change change = {.account = account, .delegate = delegate, .revoked = revoked};
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_int_equal(change.result, 0);
}

/* Delegates from `first` on, each with an account of the same number, a value and two keys. */
static void fill(struct store *store, uint64_t first, uint64_t count)
{
    uint16_t zone = 0;
    assert_int_equal(store_zone_number(store, "auth.example.org", &zone, NULL), 0);
    assert_int_equal(zone, ZONE);
    for (uint64_t i = first; i < first + count; i++) {
        struct delegate_state delegate = {.id = scene_id(i), .zone = ZONE, .version = 1};
        struct store_account account = {
            .username = scene_id(i), .delegate = scene_id(i), .zone = ZONE, .version = 1, .keys_count = 2};
        for (uint32_t k = 0; k < 2; k++) {
            account.keys[k] = (struct store_key){.scheme = STORE_KEY_SHA256, .hash_len = 32, .key_id = k + 1};
            account.keys[k].hash[0] = (uint8_t)i;
            account.keys[k].hash[1] = (uint8_t)k;
        }
        scene_add_value(&delegate, "value", 1700000000);
        commit(store, &account, &delegate, NULL);
    }
}

static struct backup_report make(struct store *store, const struct place *place, unsigned keep)
{
    struct backup_report report;
    struct error_detail detail = {""};
    int code = store_backup(store, place->backups, keep, NULL, &report, &detail);
    if (code != 0) {
        fail_msg("store_backup: %d: %s", code, detail.text);
    }
    assert_true(report.files > 3 && report.octets > 0 && report.made_at_s > 1700000000);
    return report;
}

static int restore(const struct place *place, uint32_t number, struct backup_report *report,
                   struct error_detail *detail)
{
    struct store_options options = scene_options(&place->scene);
    options.directory = place->restored;
    return backup_restore(place->backups, number, &options, report, detail);
}

static struct store *open_restored(const struct place *place)
{
    struct scene scene = place->scene;
    memcpy(scene.path, place->restored, sizeof(scene.path));
    return scene_open(&scene);
}

static void what_was_backed_up_comes_back(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    fill(store, 0, DELEGATES);
    assert_int_equal(make(store, &place, 0).number, 1);
    fill(store, DELEGATES, 10);
    assert_int_equal(make(store, &place, 0).number, 2);
    fill(store, DELEGATES + 10, 10); /* not in any */
    assert_int_equal(make(store, &place, 2).kept, 2);
    store_close(store);

    assert_int_equal(restore(&place, 1, &report, &detail), TXTD_ENOTFOUND);
    assert_int_not_equal(access(place.restored, F_OK), 0);
    assert_int_equal(restore(&place, 2, &report, &detail), 0);
    assert_true(report.delegates == DELEGATES + 10);
    assert_int_equal(restore(&place, 2, &report, &detail), TXTD_EEXISTS);

    store = open_restored(&place);
    struct delegate_state delegate;
    struct store_account account;
    struct delegate_id id = scene_id(DELEGATES + 9);
    assert_int_equal(store_read_delegate(store, ZONE, &id, &delegate), 0);
    assert_int_equal(delegate.values_count, 1);
    assert_int_equal(store_read_account(store, &id, &account), 0);
    assert_int_equal(account.keys_count, 2);
    id = scene_id(DELEGATES + 10);
    assert_int_equal(store_read_account(store, &id, &account), TXTD_ENOTFOUND);
    assert_true(store_delegates_estimate(store) == DELEGATES + 10);
    fill(store, 5000, 1); /* it takes changes */
    store_close(store);
    scene_end(&place.scene);
}

/* Changes one octet in the middle of the largest file below the directory. */
static char largest[512];
static off_t largest_size;

static int find_largest(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)walk;
    if (type == FTW_F && status->st_size > largest_size) {
        largest_size = status->st_size;
        snprintf(largest, sizeof(largest), "%s", path);
    }
    return 0;
}

static void damage_is_found(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    char octet = 0;
    fill(store, 0, DELEGATES);
    make(store, &place, 0);
    largest_size = 0;
    assert_int_equal(nftw(place.backups, find_largest, 16, FTW_PHYS), 0);
    int fd = open(largest, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, largest_size / 2), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, largest_size / 2), 1);
    assert_int_equal(backup_check(place.backups, 1, NULL, &report, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, largest));
    assert_non_null(strstr(detail.text, "is damaged"));
    assert_int_equal(restore(&place, 0, &report, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, "is damaged"));
    assert_int_not_equal(access(place.restored, F_OK), 0);

    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, largest_size / 2), 1);
    close(fd);
    assert_int_equal(backup_check(place.backups, 1, NULL, &report, &detail), 0);
    assert_int_equal(unlink(largest), 0);
    assert_int_equal(backup_check(place.backups, 1, NULL, &report, &detail), TXTD_ECORRUPT);
    assert_int_not_equal(restore(&place, 0, &report, &detail), 0);
    assert_int_not_equal(access(place.restored, F_OK), 0);
    store_close(store);
    scene_end(&place.scene);
}

static void other_directories_are_left_alone(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    fill(store, 0, 1);
    assert_int_equal(store_backup(store, place.scene.directory, 0, NULL, &report, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "name an empty directory"));
    assert_int_equal(store_backup(store, "/nowhere/at/all", 0, NULL, &report, &detail), TXTD_ESYS);
    assert_int_equal(restore(&place, 0, &report, &detail), TXTD_ESYS);
    assert_int_equal(mkdir(place.backups, 0700), 0);
    assert_int_equal(restore(&place, 0, &report, &detail), TXTD_EINVAL);
    int lock_fd = -1;
    assert_int_equal(backup_directory_claim(place.backups, true, &lock_fd, &detail), 0);
    assert_int_equal(store_backup(store, place.backups, 0, NULL, &report, &detail), TXTD_EEXISTS);
    close(lock_fd);
    assert_int_equal(restore(&place, 0, &report, &detail), TXTD_ENOTFOUND); /* marked, but empty */
    make(store, &place, 0);
    store_close(store);
    scene_end(&place.scene);
}

/* Backup directories may lie in one another, before or after, but not among the files of a backup. */
static void one_beside_another(void **state)
{
    (void)state;
    static const char *const inside[] = {"meta/99", "private/77", "meta", "shared_checksum/x", "link/3"};
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    char below[128], odd[160];
    fill(store, 0, 1);
    assert_int_equal(mkdir(place.backups, 0700), 0);
    snprintf(below, sizeof below, "%s/daily", place.backups);
    assert_int_equal(store_backup(store, below, 0, NULL, &report, &detail), 0);
    make(store, &place, 0);
    snprintf(below, sizeof below, "%s/weekly/", place.backups);
    assert_int_equal(store_backup(store, below, 0, NULL, &report, &detail), 0);
    snprintf(odd, sizeof odd, "%s/link", place.backups);
    assert_int_equal(symlink("meta", odd), 0);
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        snprintf(odd, sizeof odd, "%s/%s", place.backups, inside[i]);
        assert_int_equal(store_backup(store, odd, 0, NULL, &report, &detail), TXTD_EINVAL);
        assert_non_null(strstr(detail.text, "inside of another backup"));
        assert_true(strchr(inside[i], '/') == NULL || access(odd, F_OK) != 0);
    }
    snprintf(odd, sizeof odd, "%s/dangling", place.backups);
    assert_int_equal(symlink("none", odd), 0);
    assert_int_equal(store_backup(store, odd, 0, NULL, &report, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "a link to what does not exist"));
    /* What an older txtd let happen costs no backup. */
    snprintf(odd, sizeof odd, "%s/private/77", place.backups);
    assert_int_equal(mkdir(odd, 0700), 0);
    strcat(odd, "/" BACKUP_MARKER);
    close(open(odd, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(restore(&place, 0, &report, &detail), 0);
    assert_int_equal(report.number, 1);
    store_close(store);
    scene_end(&place.scene);
}

/* What is deleted or revoked after the backup stays so. */
/* Gives it all that an account and a delegate can have. */
static void furnish(struct store *store, const struct delegate_id *id)
{
    struct store_account account;
    struct delegate_state delegate;
    assert_int_equal(store_read_account(store, id, &account), 0);
    assert_int_equal(store_read_delegate(store, ZONE, id, &delegate), 0);
    account.note_len = 4;
    memcpy(account.note, "note", 4);
    account.allowfrom_count = 1;
    account.allowfrom[0] = (struct store_cidr){.len = 128};
    account.slots = 2;
    account.value_expiry_s = 3600;
    account.version++;
    delegate.disabled = true;
    delegate.expires_at_s = 1800000000;
    delegate.version++;
    commit(store, &account, &delegate, NULL);
}

static void tombstones_are_carried(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct store_tombstones carried;
    struct error_detail detail = {""};
    struct delegate_id first = scene_id(1), second = scene_id(2), later = scene_id(DELEGATES);
    struct store_account account;
    struct delegate_state delegate;
    fill(store, 0, DELEGATES);
    furnish(store, &first);
    make(store, &place, 0);
    fill(store, DELEGATES, 1);
    const struct delegate_id *gone[] = {&first, &later};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(store_read_account(store, gone[i], &account), 0);
        assert_int_equal(store_read_delegate(store, ZONE, gone[i], &delegate), 0);
        account.deleted = delegate.deleted = true;
        account.keys_count = delegate.values_count = 0;
        account.last_key_id = 2;
        account.version++;
        delegate.version++;
        commit(store, &account, &delegate, NULL);
    }
    assert_int_equal(store_read_account(store, &second, &account), 0);
    struct store_key revoked = account.keys[0];
    account.keys[0] = account.keys[1];
    account.keys_count = 1;
    account.version++;
    commit(store, &account, NULL, &revoked);

    assert_int_equal(restore(&place, 0, &report, &detail), 0);
    struct store *restored = open_restored(&place);
    for (size_t round = 0; round < 2; round++) {
        assert_int_equal(store_tombstones_carry(store, restored, &carried, &detail), 0);
        assert_int_equal(carried.deleted, round == 0 ? 1 : 0);
        assert_int_equal(carried.revoked, round == 0 ? 1 : 0);
    }
    assert_int_equal(store_read_account(restored, &first, &account), 0);
    assert_true(account.deleted);
    assert_int_equal(account.keys_count, 0);
    assert_int_equal(account.note_len + account.allowfrom_count + account.slots,
                     0); /* nothing that was the customer's */
    assert_true(account.value_expiry_s == 0);
    assert_int_equal(store_read_delegate(restored, ZONE, &first, &delegate), 0);
    assert_true(delegate.deleted);
    assert_false(delegate.disabled);
    assert_int_equal(delegate.values_count + delegate.persistent_count + delegate.persistent_len, 0);
    assert_true(delegate.expires_at_s == 0);
    assert_int_equal(store_read_account(restored, &second, &account), 0);
    assert_int_equal(account.keys_count, 1);
    assert_int_equal(account.keys[0].key_id, 2);
    struct store_revoked found;
    assert_int_equal(store_read_revoked(restored, &revoked, &found), 0);
    store_close(restored);
    store_close(store);
    scene_end(&place.scene);
}

static void delete_account(struct store *store, uint64_t number)
{
    struct delegate_id id = scene_id(number);
    struct store_account account;
    struct delegate_state delegate;
    assert_int_equal(store_read_account(store, &id, &account), 0);
    assert_int_equal(store_read_delegate(store, ZONE, &id, &delegate), 0);
    account.deleted = delegate.deleted = true;
    account.keys_count = delegate.values_count = 0;
    account.last_key_id = 2;
    account.version++;
    delegate.version++;
    commit(store, &account, &delegate, NULL);
}

/* Spoils the block of the accounts' tables that holds this one. */
static void damage_account(const struct place *place, const struct delegate_id *id)
{
    DIR *entries = opendir(place->scene.path);
    int damaged = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        static uint8_t octets[1 << 20];
        char path[512];
        snprintf(path, sizeof path, "%s/%s", place->scene.path, entry->d_name);
        int fd = strstr(entry->d_name, ".sst") != NULL ? open(path, O_RDWR) : -1;
        ssize_t len = fd < 0 ? 0 : read(fd, octets, sizeof octets);
        assert_true(len < (ssize_t)sizeof octets);
        uint8_t *at = len <= 0 ? NULL : memmem(octets, (size_t)len, id->octets + 4, 12);
        if (at != NULL && memmem(octets, (size_t)len, "accounts", 8) != NULL) { /* a table names its family */
            at[0] ^= 1;
            assert_int_equal(pwrite(fd, octets, (size_t)len, 0), len);
            damaged++;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    closedir(entries);
    assert_true(damaged > 0);
}

/* A damaged store is not backed up, and costs no backup. */
static void a_damaged_store_costs_no_backup(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    struct delegate_id damaged = scene_id(3);
    fill(store, 0, 10);
    make(store, &place, 0);
    store_close(store);
    damage_account(&place, &damaged);
    store = scene_open(&place.scene);
    assert_int_equal(store_backup(store, place.backups, 1, NULL, &report, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, ".sst"));
    store_close(store);
    assert_int_equal(restore(&place, 0, &report, &detail), 0);
    assert_int_equal(report.number, 1);
    assert_int_equal(report.delegates, 10);
    scene_end(&place.scene);
}

/* An older backup is not restored unawares, because the newest is not whole; and the next one is made beside it. */
static void a_damaged_list_is_not_passed_over(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    char list[160];
    fill(store, 0, 3);
    make(store, &place, 0);
    fill(store, 3, 3);
    make(store, &place, 0);
    snprintf(list, sizeof list, "%s/meta/2", place.backups);
    assert_int_equal(truncate(list, 20), 0);
    assert_int_equal(restore(&place, 0, &report, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, "--number 1"));
    assert_int_equal(unlink(list), 0);
    assert_int_equal(restore(&place, 0, &report, &detail), TXTD_ECORRUPT);
    assert_int_not_equal(access(place.restored, F_OK), 0);
    fill(store, 6, 3);
    assert_true(make(store, &place, 0).number >= 2);
    store_close(store);
    assert_int_equal(restore(&place, 0, &report, &detail), 0);
    assert_int_equal(report.delegates, 9);
    scene_end(&place.scene);
}

/* The store is replaced because it is damaged: what can be read of its deletions is carried all the same. */
static void tombstones_are_carried_out_of_a_damaged_store(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = NULL;
    struct store_options options = scene_options(&place.scene);
    struct backup_report report;
    struct store_tombstones carried;
    struct error_detail detail = {""};
    struct delegate_id damaged = scene_id(3);
    options.sync = false; /* only to be quick */
    assert_int_equal(store_open(&options, &store, &detail), 0);
    fill(store, 0, MANY);
    make(store, &place, 0);
    for (uint64_t i = 0; i < MANY; i++) {
        delete_account(store, i);
    }
    store_close(store);
    damage_account(&place, &damaged);

    struct store *old = NULL;
    assert_int_equal(restore(&place, 0, &report, &detail), 0);
    assert_int_equal(store_open_reader(&options, &old, &detail), 0);
    options.directory = place.restored;
    struct store *restored = NULL;
    assert_int_equal(store_open(&options, &restored, &detail), 0);
    assert_int_equal(store_tombstones_carry(old, restored, &carried, &detail), 0);
    assert_true(carried.incomplete);
    assert_in_range(carried.deleted, MANY * 3 / 4, MANY - 1);
    store_close(old);
    store_close(restored);
    scene_end(&place.scene);
}

/* Whoever stops need not wait until all was read, or compared. */
static void a_backup_stops_when_told(void **state)
{
    (void)state;
    struct place place = place_begin();
    struct store *store = scene_open(&place.scene);
    struct backup_report report;
    struct error_detail detail = {""};
    atomic_bool stop = true;
    fill(store, 0, 20);
    assert_int_equal(store_backup(store, place.backups, 0, &stop, &report, &detail), TXTD_ECLOSED);
    assert_non_null(strstr(detail.text, "txtd is stopping"));
    assert_int_equal(backup_check(place.backups, 1, NULL, &report, &detail), TXTD_ECORRUPT); /* none was begun */
    atomic_store(&stop, false);
    assert_int_equal(store_backup(store, place.backups, 0, &stop, &report, &detail), 0);
    assert_int_equal(report.number, 1);
    atomic_store(&stop, true);
    assert_int_equal(backup_check(place.backups, 1, &stop, &report, &detail), TXTD_ECLOSED);
    assert_int_equal(backup_check(place.backups, 1, NULL, &report, &detail), 0);
    store_close(store);
    scene_end(&place.scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_backed_up_comes_back),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(other_directories_are_left_alone),
        cmocka_unit_test(one_beside_another),
        cmocka_unit_test(tombstones_are_carried),
        cmocka_unit_test(a_damaged_store_costs_no_backup),
        cmocka_unit_test(a_damaged_list_is_not_passed_over),
        cmocka_unit_test(tombstones_are_carried_out_of_a_damaged_store),
        cmocka_unit_test(a_backup_stops_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
