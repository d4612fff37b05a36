#include "tests/unit/storage/scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storage/database_files.h"
#include "storage/store_directory.h"

/* Opens, expecting a refusal that says `text`. */
static void assert_refused(const char *path, int expected, const char *text)
{
    struct store_options options = {.directory = path, .block_cache = (size_t)1 << 20, .sync = true};
    struct store *store = NULL;
    struct error_detail detail = {""};
    int code = store_open(&options, &store, &detail);
    if (code != expected || strstr(detail.text, text) == NULL || strstr(detail.text, path) == NULL) {
        fail_msg("code %d (expected %d), detail '%s' (expected '%s' and the path)", code, expected, detail.text, text);
    }
    assert_null(store);
    assert_null(strchr(detail.text, '\n'));
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Names, sizes and times of change of all files: two equal answers mean that nothing was touched. */
static void list_files(const char *directory, char *list, size_t capacity)
{
    struct dirent **names = NULL;
    int count = scandir(directory, &names, NULL, alphasort);
    assert_true(count >= 0);
    size_t used = 0;
    list[0] = '\0';
    for (int i = 0; i < count; i++) {
        char path[512];
        struct stat status;
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
        if (strcmp(names[i]->d_name, "..") != 0 && stat(path, &status) == 0) {
            used +=
                (size_t)snprintf(list + used, capacity - used, "%s %lld %lld.%09ld\n", names[i]->d_name,
                                 (long long)status.st_size, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
            assert_true(used < capacity);
        }
        free(names[i]);
    }
    free(names);
}

static void a_new_store_is_made_and_found_again(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct stat status;
    assert_int_equal(stat(scene.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_true(store_revision(store) == 0);
    assert_true(store_delegates_estimate(store) == 0);
    assert_int_equal(store_writable(store), 0);
    store_close(store);
    store = scene_open(&scene);
    store_close(store);
    scene_end(&scene);
}

static void an_empty_directory_is_taken(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    assert_int_equal(mkdir(scene.path, 0700), 0);
    char path[128];
    snprintf(path, sizeof(path), "%s/lost+found", scene.path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(scene.path, "TXTD-STORE.new", "a start was cut short here");
    store_close(scene_open(&scene));
    scene_end(&scene);
}

static void a_foreign_directory_is_not_touched(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    char before[4096];
    char after[4096];
    assert_int_equal(mkdir(scene.path, 0700), 0);
    write_file(scene.path, "thesis.tex", "years of work");
    list_files(scene.path, before, sizeof(before));
    assert_refused(scene.path, TXTD_EINVAL, "thesis.tex");
    list_files(scene.path, after, sizeof(after));
    assert_string_equal(before, after);
    scene_end(&scene);
}

static void another_rocksdb_is_not_touched(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    char before[4096];
    char after[4096];
    char *error = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_t *db = rocksdb_open(options, scene.path, &error);
    assert_null(error);
    rocksdb_close(db);
    rocksdb_options_destroy(options);
    list_files(scene.path, before, sizeof(before));
    assert_refused(scene.path, TXTD_EINVAL, "TXTD-STORE");
    list_files(scene.path, after, sizeof(after));
    assert_string_equal(before, after);
    scene_end(&scene);
}

static void a_newer_layout_is_not_touched(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    char before[4096];
    char after[4096];
    store_close(scene_open(&scene));
    write_file(scene.path, "TXTD-STORE", "txtd store, layout 99\n");
    list_files(scene.path, before, sizeof(before));
    assert_refused(scene.path, TXTD_EUNSUPPORTED, "99");
    list_files(scene.path, after, sizeof(after));
    assert_string_equal(before, after);
    scene_end(&scene);
}

static const char *const damaged_markers[] = {"",
                                              "txtd store, layout ",
                                              "txtd store, layout 1",
                                              "txtd store, layout x\n",
                                              "txtd store, layout 0\n",
                                              "something else\n",
                                              "txtd store, layout 1\nmore"};

static void a_damaged_marker_is_refused(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    store_close(scene_open(&scene));
    for (size_t i = 0; i < sizeof(damaged_markers) / sizeof(damaged_markers[0]); i++) {
        write_file(scene.path, "TXTD-STORE", damaged_markers[i]);
        assert_refused(scene.path, TXTD_ECORRUPT, "TXTD-STORE");
    }
    scene_end(&scene);
}

/* Opens the bare RocksDB of a store, as a newer or a broken txtd would. */
static void put_meta(const char *path, const char *key, const char *value, size_t len)
{
    const char *names[] = {"default", "delegates", "accounts", "meta", "history"};
    rocksdb_column_family_handle_t *families[5];
    rocksdb_options_t *options = rocksdb_options_create();
    const rocksdb_options_t *family_options[] = {options, options, options, options, options};
    char *error = NULL;
    rocksdb_t *db = rocksdb_open_column_families(options, path, 5, names, family_options, families, &error);
    assert_null(error);
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_put_cf(db, write, families[3], key, strlen(key), value, len, &error);
    assert_null(error);
    rocksdb_writeoptions_destroy(write);
    for (int i = 0; i < 5; i++) {
        rocksdb_column_family_handle_destroy(families[i]);
    }
    rocksdb_close(db);
    rocksdb_options_destroy(options);
}

static void a_newer_schema_is_refused(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    store_close(scene_open(&scene));
    put_meta(scene.path, "schema", "\x02", 1);
    assert_refused(scene.path, TXTD_EUNSUPPORTED, "layout 2");
    put_meta(scene.path, "schema", "\x01", 1);
    put_meta(scene.path, "state", "", 0);
    assert_refused(scene.path, TXTD_ECORRUPT, "'state'");
    scene_end(&scene);
}

static void what_is_no_directory_is_refused(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    char path[128];
    snprintf(path, sizeof(path), "%s/missing/store", scene.directory);
    assert_refused(path, TXTD_ESYS, "parent");
    write_file(scene.directory, "store", "a file");
    assert_refused(scene.path, TXTD_ESYS, "Not a directory");
    scene_end(&scene);
}

static void a_store_is_open_once(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    assert_refused(scene.path, TXTD_EEXISTS, "in use");
    assert_int_equal(store_writable(store), 0);
    store_close(store);
    store_close(scene_open(&scene));
    scene_end(&scene);
}

/* A process that opens the store at its start and says so on `ready`. */
static int holder(const char *path, int ready, int until)
{
    struct store_options options = {.directory = path, .block_cache = (size_t)1 << 20, .sync = true};
    struct store *store = NULL;
    char octet = 'x';
    if (store_open(&options, &store, NULL) != 0 || write(ready, &octet, 1) != 1) {
        return 1;
    }
    (void)!read(until, &octet, 1);
    store_close(store);
    return 0;
}

static void another_process_is_named_as_the_reason(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    int ready[2];
    int until[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(until), 0);
    pid_t child = fork();
    if (child == 0) {
        close(until[1]);
        _exit(holder(scene.path, ready[1], until[0]));
    }
    close(ready[1]); /* the child's end is the only one: its death ends the wait */
    char octet;
    assert_int_equal(read(ready[0], &octet, 1), 1);
    assert_refused(scene.path, TXTD_EEXISTS, "another process");
    close(until[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_close(scene_open(&scene));
    close(until[0]);
    close(ready[0]);
    scene_end(&scene);
}

/* The file of the directory whose name ends so. */
static void find_file(const char *directory, const char *ending, char *path, size_t capacity)
{
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    path[0] = '\0';
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len > strlen(ending) && strcmp(entry->d_name + len - strlen(ending), ending) == 0) {
            snprintf(path, capacity, "%s/%s", directory, entry->d_name);
        }
    }
    closedir(entries);
    assert_true(path[0] != '\0');
}

static void a_lost_file_is_named(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    store_close(scene_open(&scene));
    char path[512];
    find_file(scene.path, ".sst", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    assert_refused(scene.path, TXTD_ECORRUPT, strrchr(path, '/'));
    scene_end(&scene);
}

static int count_nothing(void *context, unsigned part, const struct delegate_state *state)
{
    (void)part;
    (void)state;
    ++*(int *)context;
    return 0;
}

/* A store with some delegates, closed. */
static void make_filled(const struct scene *scene)
{
    struct store *store = scene_open(scene);
    uint16_t zone = 0;
    assert_int_equal(store_zone_number(store, "example.org", &zone, NULL), 0);
    for (uint64_t i = 0; i < 10; i++) {
        struct delegate_state delegate = {.zone = zone, .id = scene_id(i), .version = 1};
        struct store_change change = {.delegate = &delegate};
        uint64_t revision = 0;
        assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    }
    store_close(store);
}

/* A flipped bit in a table is found when it is read, and the file named. */
static void a_damaged_table_is_named(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    make_filled(&scene);
    /* The delegates' table is the one that holds one of their ids. */
    DIR *entries = opendir(scene.path);
    struct delegate_id id = scene_id(3);
    int damaged = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char path[512];
        uint8_t octets[8192];
        snprintf(path, sizeof(path), "%s/%s", scene.path, entry->d_name);
        int fd = strstr(entry->d_name, ".sst") != NULL ? open(path, O_RDWR) : -1;
        if (fd < 0) {
            continue;
        }
        ssize_t len = read(fd, octets, sizeof(octets));
        uint8_t *at = memmem(octets, (size_t)len, id.octets + 4, 8);
        if (at != NULL) {
            *at ^= 1;
            assert_int_equal(pwrite(fd, octets, (size_t)len, 0), len);
            damaged++;
        }
        close(fd);
    }
    closedir(entries);
    assert_int_equal(damaged, 1);
    struct error_detail detail = {""};
    int seen = 0;
    struct store *store = scene_open(&scene);
    assert_int_equal(store_scan(store, 2, count_nothing, &seen, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, ".sst"));
    store_close(store);
    scene_end(&scene);
}

static void a_reader_sees_an_open_store_and_changes_nothing(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store_options options = scene_options(&scene);
    struct store *store = NULL, *reader = NULL;
    struct error_detail detail = {""};
    struct delegate_id id = scene_id(1);
    struct delegate_state delegate = {.id = id, .zone = 1, .version = 1}, read;
    struct store_change change = {.delegate = &delegate};
    uint64_t revision = 0;
    uint16_t zone = 0;
    assert_int_equal(store_open_reader(&options, &reader, &detail), TXTD_ENOTFOUND);
    assert_int_not_equal(access(scene.path, F_OK), 0);

    store = scene_open(&scene);
    assert_int_equal(store_zone_number(store, "auth.example.org", &zone, NULL), 0);
    scene_add_value(&delegate, "one", 1);
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_int_equal(store_open_reader(&options, &reader, &detail), 0);
    delegate.version = 2;
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_int_equal(store_read_delegate(reader, 1, &id, &read), 0);
    assert_true(read.version == 1); /* as it was when the reader came */
    zone = 0;
    assert_int_equal(store_zone_find(reader, "auth.example.org", &zone, NULL), 0);
    assert_int_equal(zone, 1);
    assert_int_equal(store_zone_find(reader, "other.example", &zone, NULL), TXTD_ENOTFOUND);
    store_close(reader);
    assert_int_equal(store_read_delegate(store, 1, &id, &read), 0);
    assert_true(read.version == 2);
    store_close(store);

    assert_int_equal(store_open_reader(&options, &reader, &detail), 0); /* nobody has it */
    assert_int_equal(store_read_delegate(reader, 1, &id, &read), 0);
    assert_true(read.version == 2);
    store_close(reader);
    scene_end(&scene);
}

/* Removes all files with this ending; returns how many. */
static int remove_files(const char *directory, const char *ending)
{
    DIR *entries = opendir(directory);
    int removed = 0;
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        const char *at = strrchr(entry->d_name, '.');
        if (at != NULL && strcmp(at, ending) == 0) {
            assert_int_equal(unlinkat(dirfd(entries), entry->d_name, 0), 0);
            removed++;
        }
    }
    closedir(entries);
    return removed;
}

static void a_strict_reader_takes_no_older_store(void **state)
{
    (void)state;
    static const char *const endings[] = {".sst", ".log"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct scene scene = scene_begin();
        struct store_options options = scene_options(&scene);
        struct store *reader = NULL;
        struct error_detail detail = {""};
        struct delegate_id id = scene_id(1);
        struct delegate_state delegate = {.id = id, .zone = 1, .version = 1}, read;
        struct store_change change = {.delegate = &delegate};
        uint64_t revision = 0;
        uint16_t zone = 0;
        char before[4096], after[4096];
        assert_int_equal(store_open_whole_reader(&options, &reader, &detail), TXTD_ENOTFOUND);
        struct store *store = scene_open(&scene);
        assert_int_equal(store_zone_number(store, "auth.example.org", &zone, NULL), 0);
        assert_int_equal(store_commit(store, &change, 1, &revision), 0);
        assert_int_equal(store_open_whole_reader(&options, &reader, &detail), 0); /* of the open one */
        store_close(reader);
        store_close(store);
        list_files(scene.path, before, sizeof before);
        assert_int_equal(store_open_whole_reader(&options, &reader, &detail), 0);
        assert_int_equal(store_read_delegate(reader, 1, &id, &read), 0);
        store_close(reader);
        list_files(scene.path, after, sizeof after);
        assert_string_equal(before, after);

        assert_true(remove_files(scene.path, endings[i]) > 0);
        assert_int_not_equal(store_open_whole_reader(&options, &reader, &detail), 0);
        assert_null(reader);
        assert_non_null(strstr(detail.text, endings[i]));
        scene_end(&scene);
    }
}

static void a_secret_is_the_store_s_own_and_stays(void **state)
{
    (void)state;
    uint8_t first[STORE_SECRET_LEN], again[STORE_SECRET_LEN], other[STORE_SECRET_LEN];
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    assert_int_equal(store_secret(store, first, NULL), 0);
    assert_int_equal(store_secret(store, again, NULL), 0);
    assert_memory_equal(first, again, sizeof first);
    store_close(store);
    store = scene_open(&scene);
    assert_int_equal(store_secret(store, again, NULL), 0);
    assert_memory_equal(first, again, sizeof first);
    store_close(store);
    scene_end(&scene);

    scene = scene_begin();
    store = scene_open(&scene);
    assert_int_equal(store_secret(store, other, NULL), 0);
    assert_memory_not_equal(first, other, sizeof first);
    store_close(store);
    scene_end(&scene);
}

static void remove_file(const char *directory, const char *ending, bool all_but)
{
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t len = strlen(entry->d_name), ending_len = strlen(ending);
        bool ends = len >= ending_len && strcmp(entry->d_name + len - ending_len, ending) == 0;
        if (entry->d_name[0] != '.' && ends != all_but) {
            assert_int_equal(unlinkat(dirfd(entries), entry->d_name, 0), 0);
        }
    }
    closedir(entries);
}

/* Refused, and once more; what is left is not touched: RocksDB would begin anew, and then delete the tables. */
static void assert_left_alone(const char *path, const char *text)
{
    char before[4096];
    char after[4096];
    list_files(path, before, sizeof(before));
    assert_refused(path, TXTD_ECORRUPT, text);
    assert_refused(path, TXTD_ECORRUPT, text);
    list_files(path, after, sizeof(after));
    assert_string_equal(before, after);
}

static void a_store_that_lost_current_is_not_made_anew(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct scene scene = scene_begin();
        make_filled(&scene);
        if (round == 0) {
            remove_file(scene.path, "CURRENT", false);
            assert_left_alone(scene.path, "/CURRENT: is missing");
        } else if (round == 1) {
            write_file(scene.path, "CURRENT", "MANIFEST-999999\n");
            assert_left_alone(scene.path, "/CURRENT: names MANIFEST-999999, which is missing");
        } else if (round == 2) {
            write_file(scene.path, "CURRENT", "");
            assert_left_alone(scene.path, "/CURRENT: is damaged");
            write_file(scene.path, "CURRENT", "MANIFEST-/../elsewhere\n");
            assert_left_alone(scene.path, "/CURRENT: is damaged");
        } else if (round == 3) {
            remove_file(scene.path, "TXTD-STORE", true);
            assert_left_alone(scene.path, "/CURRENT: is missing");
        } else if (round == 4) {
            remove_file(scene.path, ".log", false);
            assert_left_alone(scene.path, ".log");
        } else { /* a mark of an earlier build is the same as ours */
            write_file(scene.path, "TXTD-STORE", "txtd store, layout 1\n");
            store_close(scene_open(&scene));
        }
        scene_end(&scene);
    }
}

/* That its manifest cannot be looked at does not make a store damaged. */
static void a_manifest_out_of_reach_is_not_missing(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct error_detail detail = {""};
    char path[160];
    make_filled(&scene);
    snprintf(path, sizeof(path), "%s/MANIFEST-999999", scene.path);
    assert_int_equal(symlink("MANIFEST-999999", path), 0);
    write_file(scene.path, "CURRENT", "MANIFEST-999999\n");
    assert_int_equal(database_files_check(scene.path, true, &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "/MANIFEST-999999: cannot be looked at"));
    scene_end(&scene);
}

static void file_text(const char *directory, const char *name, char text[128])
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t len = read(fd, text, 127);
    assert_true(len >= 0);
    text[len] = '\0';
    close(fd);
}

/* The first start died on its way: the mark says so, and the next one begins again from whatever there is. */
static void a_first_start_that_died_is_made_up_for(void **state)
{
    (void)state;
    static const char *const left[] = {"TXTD-STORE", "LOCK", "IDENTITY", "MANIFEST-000001"};
    char text[128];
    for (size_t i = 0; i <= sizeof(left) / sizeof(left[0]); i++) {
        struct scene scene = scene_begin();
        store_close(scene_open(&scene));
        file_text(scene.path, "TXTD-STORE", text);
        assert_string_equal(text, "txtd store, layout 1\n");
        write_file(scene.path, "TXTD-STORE", "txtd store, layout 1\nbeing made\n");
        if (i < sizeof(left) / sizeof(left[0])) { /* else: everything but the note's end */
            remove_file(scene.path, "TXTD-STORE", true);
            if (i > 0) {
                write_file(scene.path, left[i], "");
            }
        }
        struct store *store = scene_open(&scene);
        file_text(scene.path, "TXTD-STORE", text);
        assert_string_equal(text, "txtd store, layout 1\n");
        assert_true(store_revision(store) == 0);
        store_close(store);
        scene_end(&scene);
    }
}

/* What root left behind in the store of another user. As root: the open is tried as a user that may not. */
static void a_file_of_another_user_is_named_with_its_owner(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    struct scene scene = scene_begin();
    char path[512], words[64];
    make_filled(&scene);
    assert_int_equal(chmod(scene.directory, 0755), 0);
    assert_int_equal(chown(scene.path, 65534, 65534), 0);
    find_file(scene.path, ".sst", path, sizeof(path));
    DIR *entries = opendir(scene.path);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        assert_int_equal(fchownat(dirfd(entries), entry->d_name, 65534, 65534, 0), 0);
    }
    closedir(entries);
    assert_int_equal(chown(scene.directory, 0, 0), 0);
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(seteuid(65534), 0);
    assert_refused(scene.path, TXTD_ESYS, "belongs to user 0 (mode 0600)");
    snprintf(words, sizeof(words), "chown -R 65534 %.32s", scene.path);
    assert_refused(scene.path, TXTD_ESYS, words);
    assert_refused(scene.path, TXTD_ESYS, strrchr(path, '/'));
    assert_int_equal(seteuid(0), 0);
    scene_end(&scene);
}

struct watcher {
    const char *path;
    _Atomic bool ending;
    unsigned missed;
};

static void *watch(void *argument)
{
    struct watcher *watcher = argument;
    while (!watcher->ending) {
        watcher->missed += access(watcher->path, F_OK) != 0;
    }
    return NULL;
}

/* A txtd that starts meanwhile finds one store or the other, never none. */
static void stores_change_places_at_once(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    char made[112], marked[160];
    struct error_detail detail = {""};
    snprintf(made, sizeof(made), "%s.made", scene.path);
    snprintf(marked, sizeof(marked), "%s/TXTD-STORE", made);
    store_close(scene_open(&scene));
    assert_int_equal(mkdir(made, 0700), 0);
    struct watcher watcher = {.path = scene.path};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    for (int i = 0; i < 501; i++) {
        assert_int_equal(store_directory_exchange(made, scene.path, &detail), 0);
    }
    watcher.ending = true;
    pthread_join(thread, NULL);
    assert_int_equal(watcher.missed, 0);
    assert_int_equal(access(marked, F_OK), 0);
    assert_int_equal(store_directory_exchange(marked, "/nowhere/at/all", &detail), TXTD_ESYS);
    scene_end(&scene);
}

/* Known before a copy is made, not after it. */
static void what_cannot_be_replaced_is_known(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct error_detail detail = {""};
    char before[1024], after[1024];
    store_close(scene_open(&scene));
    list_files(scene.directory, before, sizeof before);
    assert_int_equal(store_directory_can_exchange(scene.path, &detail), 0);
    list_files(scene.directory, after, sizeof after);
    assert_int_equal(strlen(before), strlen(after)); /* but for the time of the directory */
    assert_int_equal(store_directory_can_exchange("/proc", &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "is a mount point"));
    assert_int_equal(store_directory_can_exchange("/nowhere/at/all", &detail), TXTD_ESYS);
    scene_end(&scene);
}

static void what_is_to_be_replaced_is_locked(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct error_detail detail = {""};
    int fd = -1;
    assert_int_equal(store_directory_lock(scene.path, &fd, &detail), TXTD_ENOTFOUND);
    assert_int_equal(store_directory_lock(scene.directory, &fd, &detail), TXTD_ENOTFOUND); /* empty */
    struct store *store = scene_open(&scene);
    assert_int_equal(store_directory_lock(scene.directory, &fd, &detail), TXTD_EINVAL); /* not a store */
    assert_int_equal(store_directory_lock(scene.path, &fd, &detail), TXTD_EEXISTS);
    store_close(store);
    write_file(scene.path, "TXTD-STORE", "txtd store, layout 99\n"); /* whatever it is */
    assert_int_equal(store_directory_lock(scene.path, &fd, &detail), 0);
    write_file(scene.path, "TXTD-STORE", "txtd sto"); /* whoever has it may be writing the mark */
    assert_refused(scene.path, TXTD_EEXISTS, "in use");
    write_file(scene.path, "TXTD-STORE", "txtd store, layout 1\n");
    assert_refused(scene.path, TXTD_EEXISTS, "in use");
    close(fd);
    store_close(scene_open(&scene));
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_is_named_as_the_reason), /* first: it forks before any store is open */
        cmocka_unit_test(a_new_store_is_made_and_found_again),
        cmocka_unit_test(an_empty_directory_is_taken),
        cmocka_unit_test(a_foreign_directory_is_not_touched),
        cmocka_unit_test(another_rocksdb_is_not_touched),
        cmocka_unit_test(a_newer_layout_is_not_touched),
        cmocka_unit_test(a_damaged_marker_is_refused),
        cmocka_unit_test(a_newer_schema_is_refused),
        cmocka_unit_test(what_is_no_directory_is_refused),
        cmocka_unit_test(a_store_is_open_once),
        cmocka_unit_test(a_lost_file_is_named),
        cmocka_unit_test(a_damaged_table_is_named),
        cmocka_unit_test(a_store_that_lost_current_is_not_made_anew),
        cmocka_unit_test(a_first_start_that_died_is_made_up_for),
        cmocka_unit_test(a_file_of_another_user_is_named_with_its_owner),
        cmocka_unit_test(stores_change_places_at_once),
        cmocka_unit_test(what_cannot_be_replaced_is_known),
        cmocka_unit_test(what_is_to_be_replaced_is_locked),
        cmocka_unit_test(a_reader_sees_an_open_store_and_changes_nothing),
        cmocka_unit_test(a_strict_reader_takes_no_older_store),
        cmocka_unit_test(a_secret_is_the_store_s_own_and_stays),
        cmocka_unit_test(a_manifest_out_of_reach_is_not_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
