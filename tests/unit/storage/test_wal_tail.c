#include "tests/unit/storage/scene.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "storage/store_internal.h"
#include "storage/wal_tail.h"

/* The C library's, but for a sector that cannot be read. */
static off_t bad_sector = -1;

static ssize_t read_or_fail(int fd, void *octets, size_t len, off_t at)
{
    if (bad_sector >= at && bad_sector < at + (off_t)len) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, octets, len, at);
}

#undef pread
#undef pread64
ssize_t pread_here(int fd, void *octets, size_t len, off_t at) __asm__("pread");
ssize_t pread64_here(int fd, void *octets, size_t len, off_t at) __asm__("pread64");
ssize_t pread_checked_here(int fd, void *octets, size_t len, off_t at, size_t room) __asm__("__pread_chk");
ssize_t pread64_checked_here(int fd, void *octets, size_t len, off_t at, size_t room) __asm__("__pread64_chk");

ssize_t pread_here(int fd, void *octets, size_t len, off_t at)
{
    return read_or_fail(fd, octets, len, at);
}

ssize_t pread64_here(int fd, void *octets, size_t len, off_t at)
{
    return read_or_fail(fd, octets, len, at);
}

ssize_t pread_checked_here(int fd, void *octets, size_t len, off_t at, size_t room)
{
    return len > room ? -1 : read_or_fail(fd, octets, len, at);
}

ssize_t pread64_checked_here(int fd, void *octets, size_t len, off_t at, size_t room)
{
    return len > room ? -1 : read_or_fail(fd, octets, len, at);
}

/* A store as a kill would leave it: three small commits and a large one, of many blocks, all of them in the log only. */
enum { SMALL = 3, LARGE = 150 };

struct image {
    struct scene scene;
    char log[192]; /* the log's path */
    uint8_t *octets;
    size_t len;
    size_t ends[SMALL + 2]; /* of the log: before, and behind each commit */
};

static size_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static void find_log(struct image *image)
{
    DIR *entries = opendir(image->scene.path);
    assert_non_null(entries);
    image->log[0] = '\0';
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char path[sizeof(image->log)];
        snprintf(path, sizeof(path), "%s/%.40s", image->scene.path, entry->d_name);
        if (strstr(entry->d_name, ".log") != NULL && size_of(path) != 0) {
            strcpy(image->log, path);
        }
    }
    closedir(entries);
    assert_true(image->log[0] != '\0');
}

static void commit_some(struct store *store, uint64_t first, size_t count, uint8_t values)
{
    struct delegate_state *delegates = calloc(count, sizeof(*delegates));
    struct store_change *changes = calloc(count, sizeof(*changes));
    for (size_t i = 0; i < count; i++) {
        delegates[i] =
            (struct delegate_state){.id = scene_id(first + i), .zone = 1, .version = 1, .values_count = values};
        for (uint8_t j = 0; j < values; j++) {
            delegates[i].values[j].len = DELEGATE_VALUE_LEN_MAX;
            memset(delegates[i].values[j].text, 'a' + j, DELEGATE_VALUE_LEN_MAX);
        }
        changes[i].delegate = &delegates[i];
    }
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, changes, count, &revision), 0);
    free(changes);
    free(delegates);
}

/* All files of the open store, copied: what another process would find after a kill. */
static void copy_store(const char *from, const char *to)
{
    DIR *entries = opendir(from);
    assert_non_null(entries);
    assert_int_equal(mkdir(to, 0700), 0);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char source[512];
        char target[512];
        static uint8_t octets[4 << 20];
        snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
        snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
        int in = open(source, O_RDONLY);
        int out = open(target, O_WRONLY | O_CREAT | O_EXCL, 0600);
        ssize_t len = read(in, octets, sizeof(octets));
        assert_true(in >= 0 && out >= 0 && len < (ssize_t)sizeof(octets));
        assert_int_equal(write(out, octets, (size_t)len), len);
        close(in);
        close(out);
    }
    closedir(entries);
}

static struct image image_begin(void)
{
    struct scene original = scene_begin();
    struct image image = {.scene = scene_begin()};
    struct store *store = scene_open(&original);
    struct image live = {.scene = original};
    find_log(&live);
    image.ends[0] = size_of(live.log);
    for (uint64_t i = 0; i < SMALL; i++) {
        commit_some(store, i, 1, 1);
        image.ends[1 + i] = size_of(live.log);
    }
    commit_some(store, SMALL, LARGE, DELEGATE_VALUES_MAX);
    image.ends[1 + SMALL] = size_of(live.log);
    copy_store(original.path, image.scene.path);
    store_close(store);
    scene_end(&original);
    find_log(&image);
    image.len = size_of(image.log);
    assert_int_equal(image.len, image.ends[1 + SMALL]);
    assert_true(image.len > image.ends[SMALL] + 5 * 32768);
    image.octets = malloc(image.len);
    int fd = open(image.log, O_RDONLY);
    assert_int_equal(read(fd, image.octets, image.len), image.len);
    close(fd);
    return image;
}

static void image_end(struct image *image)
{
    free(image->octets);
    scene_end(&image->scene);
}

static void put_log(const struct image *image, const uint8_t *octets, size_t len)
{
    int fd = open(image->log, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, octets, len), len);
    close(fd);
}

/* What `log` of `len` octets is mended to; it must succeed. */
static size_t mended(const struct image *image, const uint8_t *octets, size_t len)
{
    struct error_detail detail = {""};
    put_log(image, octets, len);
    int code = wal_tail_mend(image->scene.path, &detail);
    if (code != 0) {
        fail_msg("%d: %s", code, detail.text);
    }
    return size_of(image->log);
}

static void assert_damaged(const struct image *image, const uint8_t *octets, size_t len)
{
    struct error_detail detail = {""};
    put_log(image, octets, len);
    assert_int_equal(wal_tail_mend(image->scene.path, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, image->log));
    assert_int_equal(size_of(image->log), len);
}

static void a_whole_log_is_left_alone(void **state)
{
    (void)state;
    struct image image = image_begin();
    assert_int_equal(mended(&image, image.octets, image.len), image.len);
    for (size_t i = 0; i <= SMALL; i++) {
        assert_int_equal(mended(&image, image.octets, image.ends[i]), image.ends[i]);
    }
    struct store *store = scene_open(&image.scene);
    assert_true(store_revision(store) == SMALL);
    store_close(store);
    image_end(&image);
}

/* Cut anywhere, the log ends behind the last whole commit; the store opens with it. */
static void a_log_that_was_cut_keeps_its_whole_commits(void **state)
{
    (void)state;
    struct image image = image_begin();
    for (size_t at = image.ends[0]; at < image.ends[SMALL] + 70000; at += at < image.ends[SMALL] ? 1 : 997) {
        size_t whole = 0;
        for (size_t i = 0; i <= SMALL && image.ends[i] <= at; i++) {
            whole = image.ends[i];
        }
        assert_int_equal(mended(&image, image.octets, at), whole);
    }
    struct store *store = scene_open(&image.scene);
    assert_true(store_revision(store) == SMALL);
    assert_true(store_delegates_estimate(store) == SMALL);
    store_close(store);
    image_end(&image);
}

/* Pages of the last commit that never reached the disk: zeros in the file. */
static void a_torn_last_commit_is_cut_off(void **state)
{
    (void)state;
    struct image image = image_begin();
    uint8_t *torn = malloc(image.len);
    unsigned seed = 1;
    for (int round = 0; round < 40; round++) {
        memcpy(torn, image.octets, image.len);
        bool is_torn = false;
        for (size_t page = image.ends[SMALL] / 4096; page < image.len / 4096; page++) {
            size_t from = page * 4096 < image.ends[SMALL] ? image.ends[SMALL] : page * 4096;
            if (rand_r(&seed) / 7 % (round < 20 ? 2 : 50) == 0) {
                memset(torn + from, 0, (page + 1) * 4096 - from);
                is_torn = true;
            }
        }
        assert_int_equal(mended(&image, torn, image.len), is_torn ? image.ends[SMALL] : image.len);
    }
    memcpy(torn, image.octets, image.len);
    memset(torn + image.ends[SMALL], 0, image.len - image.ends[SMALL]);
    assert_int_equal(mended(&image, torn, image.len), image.ends[SMALL]);
    struct store *store = scene_open(&image.scene);
    assert_true(store_revision(store) == SMALL);
    store_close(store);
    free(torn);
    image_end(&image);
}

/* One flipped bit anywhere in a commit that others follow: nothing is opened, nothing is touched. */
static void damage_before_the_last_commit_is_corruption(void **state)
{
    (void)state;
    struct image image = image_begin();
    for (size_t at = 0; at < image.ends[SMALL]; at++) {
        /* What follows: another small commit, or as much as says that the large one began. */
        size_t len = image.ends[SMALL] + (at < image.ends[SMALL - 1] ? 0 : 40000);
        image.octets[at] ^= 0x10;
        assert_damaged(&image, image.octets, len);
        image.octets[at] ^= 0x10;
    }
    image.octets[image.ends[0] + 20] ^= 1;
    put_log(&image, image.octets, image.len);
    struct store_options options = scene_options(&image.scene);
    struct store *store = NULL;
    struct error_detail detail = {""};
    assert_int_equal(store_open(&options, &store, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, image.log));
    assert_int_equal(size_of(image.log), image.len);
    image_end(&image);
}

/* A log that is behind another one was synced whole: whatever it lacks was acknowledged. The flush of one family begins a new log
 * and leaves the old one, which the others need. */
static void an_older_log_must_be_whole(void **state)
{
    (void)state;
    struct scene original = scene_begin(), copy = scene_begin();
    struct store *store = scene_open(&original);
    struct image image = {.scene = copy}, live = {.scene = original};
    uint16_t zone = 0;
    assert_int_equal(store_zone_number(store, "example.org", &zone, NULL), 0);
    find_log(&live);
    commit_some(store, 0, SMALL, 1);
    rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
    char *error = NULL;
    rocksdb_flush_cf(store->database.db, flush, store->database.families[FAMILY_DELEGATES], &error);
    assert_null(error);
    rocksdb_flushoptions_destroy(flush);
    commit_some(store, SMALL, SMALL, 1);
    copy_store(original.path, copy.path);
    store_close(store);

    struct store_options options = scene_options(&copy);
    struct error_detail detail = {""};
    char *name = strrchr(live.log, '/');
    snprintf(image.log, sizeof(image.log), "%s%s", copy.path, name);
    image.len = size_of(image.log);
    assert_true(image.len > 0);
    image.octets = malloc(image.len);
    int fd = open(image.log, O_RDONLY);
    assert_int_equal(read(fd, image.octets, image.len), image.len);
    close(fd);
    for (size_t at = 0; at < image.len; at++) {
        image.octets[at] ^= 0x10;
        assert_damaged(&image, image.octets, image.len);
        image.octets[at] ^= 0x10;
    }
    for (size_t len = image.len - 1; len > image.len - 10; len--) {
        assert_damaged(&image, image.octets, len);
    }
    put_log(&image, image.octets, 0); /* RocksDB's manifest knows better */
    assert_int_equal(store_open(&options, &store, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, "restore"));
    assert_int_equal(unlink(image.log), 0);
    assert_int_equal(store_open(&options, &store, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, "restore"));
    fd = open(image.log, O_WRONLY | O_CREAT, 0600);
    close(fd);
    put_log(&image, image.octets, image.len);
    store = scene_open(&copy);
    assert_true(store_revision(store) == 2 * SMALL);
    store_close(store);
    free(image.octets);
    scene_end(&original);
    scene_end(&copy);
}

/* A sector that the disk does not give back is neither a torn end nor damage: nothing is touched, and nothing dies. */
static void a_sector_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct image image = image_begin();
    const size_t places[] = {0, image.ends[SMALL], 3 * (size_t)32768 + 5, image.len - 1};
    for (size_t i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
        struct error_detail detail = {""};
        uint8_t torn = (uint8_t)(i % 2); /* behind a torn record, too */
        image.octets[image.ends[SMALL] + 9] ^= torn;
        put_log(&image, image.octets, image.len);
        bad_sector = (off_t)places[i / 2];
        int code = wal_tail_mend(image.scene.path, &detail);
        bad_sector = -1;
        assert_int_equal(code, TXTD_ESYS);
        assert_non_null(strstr(detail.text, image.log));
        assert_non_null(strstr(detail.text, strerror(EIO)));
        assert_int_equal(size_of(image.log), image.len);
        image.octets[image.ends[SMALL] + 9] ^= torn;
    }
    put_log(&image, image.octets, image.len);
    store_close(scene_open(&image.scene));
    image_end(&image);
}

static void no_log_is_no_trouble(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct error_detail detail = {""};
    assert_int_equal(wal_tail_mend(scene.directory, &detail), 0);
    assert_int_equal(wal_tail_mend(scene.path, &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, scene.path));
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_log_is_left_alone),
        cmocka_unit_test(a_log_that_was_cut_keeps_its_whole_commits),
        cmocka_unit_test(a_torn_last_commit_is_cut_off),
        cmocka_unit_test(damage_before_the_last_commit_is_corruption),
        cmocka_unit_test(an_older_log_must_be_whole),
        cmocka_unit_test(no_log_is_no_trouble),
        cmocka_unit_test(a_sector_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
