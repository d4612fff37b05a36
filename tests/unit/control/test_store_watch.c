/* What becomes of the store, and what the log says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "control/log.h"
#include "control/store_watch.h"
#include "storage/store.h"

static struct {
    int writable;
    struct store_trouble trouble;
} fake;

int store_writable(const struct store *store)
{
    (void)store;
    return fake.writable;
}

void store_trouble(const struct store *store, struct store_trouble *trouble)
{
    (void)store;
    *trouble = fake.trouble;
}

void store_disk(const struct store *store, struct store_disk *disk)
{
    (void)store;
    *disk = (struct store_disk){.available = 1000, .reserve = 2000};
}

struct scene {
    int ends[2];
    struct log *log;
    struct store_watch watch;
};

static struct scene begin(void)
{
    const struct log_settings settings = {.level = LOG_LEVEL_INFO};
    struct scene scene;
    memset(&fake, 0, sizeof fake);
    assert_int_equal(pipe2(scene.ends, O_NONBLOCK), 0);
    scene.log = log_new(scene.ends[1], &settings);
    assert_non_null(scene.log);
    scene.watch = (struct store_watch){.log = scene.log};
    return scene;
}

static void end(struct scene *scene)
{
    log_free(scene->log);
    close(scene->ends[0]);
    close(scene->ends[1]);
}

/* What one look at this time says, behind the time of day; "" for nothing. */
static const char *look(struct scene *scene, int64_t now_s)
{
    static char said[8192];
    (void)store_watch_look(&scene->watch, now_s);
    ssize_t len = read(scene->ends[0], said, sizeof said - 1);
    said[len < 0 ? 0 : len] = '\0';
    return said;
}

static void assert_says(const char *said, const char *words)
{
    if (strstr(said, words) == NULL) {
        fail_msg("'%s' does not say '%s'", said, words);
    }
}

static void a_refusal_is_told_once_and_its_end(void **state)
{
    (void)state;
    struct scene scene = begin();
    assert_string_equal(look(&scene, 0), "");
    fake.writable = TXTD_ENOSPC;
    const char *said = look(&scene, 10);
    assert_says(said, "level=error event=store.refuses reason=space");
    assert_says(said, "available=1000 reserve=2000");
    assert_string_equal(look(&scene, 11), "");
    fake.writable = 0;
    assert_says(look(&scene, 25), "event=store.writable after_s=15");
    assert_string_equal(look(&scene, 26), "");
    fake.writable = TXTD_ECLOSED; /* a take-over tells its own story */
    assert_string_equal(look(&scene, 27), "");
    end(&scene);
}

/* The disk was full, and room was made: but it is broken as well. */
static void another_reason_is_told_too(void **state)
{
    (void)state;
    static const struct {
        int writable;
        const char *says; /* "": nothing */
    } rows[] = {{TXTD_ENOSPC, "event=store.refuses reason=space"},
                {TXTD_EIO, "event=store.refuses reason=io"},
                {TXTD_EIO, ""},
                {TXTD_ENOSPC, "event=store.refuses reason=space"},
                {0, "event=store.writable after_s=4"}};
    struct scene scene = begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.writable = rows[i].writable;
        const char *said = look(&scene, 10 + (int64_t)i);
        assert_says(said, rows[i].says);
        assert_int_equal(said[0] == '\0', rows[i].says[0] == '\0');
    }
    end(&scene);
}

static void an_error_is_told_even_when_it_is_over(void **state)
{
    (void)state;
    struct scene scene = begin();
    fake.trouble.failed_writes = 1;
    strcpy(fake.trouble.failure.text, "IO error: While fdatasync: 000007.log");
    const char *said = look(&scene, 5);
    assert_says(said, "event=store.refuses reason=io error=\"IO error: While fdatasync: 000007.log\"");
    assert_says(said, "event=store.writable after_s=0");
    assert_string_equal(look(&scene, 6), "");
    end(&scene);
}

static void damage_is_told_now_and_then(void **state)
{
    (void)state;
    struct scene scene = begin();
    assert_false(store_watch_is_damaged(&scene.watch));
    for (int64_t now_s = 1; now_s <= 3 * STORE_WATCH_REPEAT_S; now_s++) {
        fake.trouble.damaged_reads += 7;
        strcpy(fake.trouble.damage.text, "Corruption: in 000012.sst");
        const char *said = look(&scene, now_s);
        if (now_s % STORE_WATCH_REPEAT_S == 1) {
            assert_says(said, "event=store.corrupt error=\"Corruption: in 000012.sst\"");
            assert_says(said, "txtctl restore");
        } else {
            assert_string_equal(said, "");
        }
        assert_true(store_watch_is_damaged(&scene.watch));
    }
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_told_once_and_its_end),
        cmocka_unit_test(another_reason_is_told_too),
        cmocka_unit_test(an_error_is_told_even_when_it_is_over),
        cmocka_unit_test(damage_is_told_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
