/* The log: one bounded line an event, whatever the fields hold; never waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "control/log.h"

struct scene {
    int fds[2];
    struct log *log;
    char text[4 * LOG_LINE_MAX];
};

static int scene_begin(void **state)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    struct log_settings settings = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT};
    if (pipe(scene.fds) != 0 || fcntl(scene.fds[0], F_SETFL, O_NONBLOCK) != 0) {
        return -1;
    }
    scene.log = log_new(scene.fds[1], &settings);
    *state = &scene;
    return scene.log == NULL ? -1 : 0;
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    log_free(scene->log);
    close(scene->fds[0]);
    close(scene->fds[1]);
    return 0;
}

/* What was written since the last call, as a string. */
static const char *written(struct scene *scene)
{
    ssize_t len = read(scene->fds[0], scene->text, sizeof scene->text - 1);
    scene->text[len > 0 ? len : 0] = '\0';
    return scene->text;
}

static const char *after_stamp(const char *line)
{
    const char *rest = strstr(line, "level");
    assert_non_null(rest);
    return rest;
}

static void test_logfmt(void **state)
{
    struct scene *scene = *state;
    log_event(scene->log, LOG_LEVEL_INFO, "zones.loaded", log_uint("zones", 3), log_text("name", "auth.example.org"),
              log_int("delta", -5), log_bool("signed", false), log_text_len("part", "abcdef", 3));
    assert_string_equal(after_stamp(written(scene)),
                        "level=info event=zones.loaded zones=3 name=auth.example.org delta=-5 signed=false part=abc\n");
    log_event(scene->log, LOG_LEVEL_ERROR, "end");
    assert_string_equal(after_stamp(written(scene)), "level=error event=end\n");
}

static void test_values_cannot_forge(void **state)
{
    struct scene *scene = *state;
    log_event(scene->log, LOG_LEVEL_WARNING, "x", log_text("a", "b\nts=1 level=info"), log_text("c", "d\" e=\"f"),
              log_text("g", ""), log_text("h", NULL), log_text("i", "\x01\xff\t\\"));
    assert_string_equal(after_stamp(written(scene)),
                        "level=warning event=x a=\"b\\nts=1 level=info\" c=\"d\\\" e=\\\"f\" g=\"\" h=\"\" "
                        "i=\"\\x01\\xff\\t\\\\\"\n");
}

static void test_json(void **state)
{
    struct scene *scene = *state;
    struct log_settings settings = {LOG_LEVEL_DEBUG, LOG_FORMAT_JSON};
    log_change(scene->log, &settings);
    log_event(scene->log, LOG_LEVEL_DEBUG, "x", log_text("a", "q\"\\\n\x02\xc3\xa9"), log_uint("n", UINT64_MAX >> 1),
              log_bool("b", true));
    json_t *line = json_loads(written(scene), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "a")), "q\"\\\n\\x02\\xc3\\xa9");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), INT64_MAX);
    assert_true(json_is_true(json_object_get(line, "b")));
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    json_decref(line);
}

static void test_level(void **state)
{
    struct scene *scene = *state;
    log_event(scene->log, LOG_LEVEL_DEBUG, "quiet");
    assert_string_equal(written(scene), "");
    assert_false(log_enabled(scene->log, LOG_LEVEL_DEBUG));
    assert_true(log_enabled(scene->log, LOG_LEVEL_INFO));
    assert_false(log_enabled(NULL, LOG_LEVEL_ERROR));
    log_event(NULL, LOG_LEVEL_ERROR, "nobody");
}

/* Every length of a value that needs escaping, around the end of the line, in both formats. */
static void test_line_is_bounded(void **state)
{
    struct scene *scene = *state;
    static char value[2 * LOG_LINE_MAX];
    for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
        struct log_settings settings = {LOG_LEVEL_INFO, (enum log_format)format};
        log_change(scene->log, &settings);
        for (unsigned len = LOG_LINE_MAX / 4 - 60; len < LOG_LINE_MAX; len++) {
            memset(value, len % 3 == 0 ? 'a' : 0x01, len);
            log_event(scene->log, LOG_LEVEL_INFO, "long", log_text_len("value", value, len), log_uint("last", 7));
            const char *line = written(scene);
            size_t line_len = strlen(line);
            assert_true(line_len <= LOG_LINE_MAX);
            assert_int_equal(line[line_len - 1], '\n');
            assert_true((strstr(line, "cut") != NULL) != (strstr(line, "last") != NULL));
            if (format == LOG_FORMAT_JSON) {
                json_t *object = json_loads(line, 0, NULL);
                assert_non_null(object);
                json_decref(object);
            }
        }
    }
}

static void test_full_pipe_drops(void **state)
{
    struct scene *scene = *state;
    assert_true(fcntl(scene->fds[1], F_SETPIPE_SZ, 4096) >= 4096);
    for (int i = 0; i < 1000; i++) {
        log_event(scene->log, LOG_LEVEL_INFO, "flood", log_int("i", i));
    }
    while (written(scene)[0] != '\0') {
    }
    log_event(scene->log, LOG_LEVEL_INFO, "after");
    assert_non_null(strstr(written(scene), " event=after lost="));
    log_event(scene->log, LOG_LEVEL_INFO, "again");
    assert_null(strstr(written(scene), "lost="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_logfmt, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_values_cannot_forge, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_json, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_level, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_line_is_bounded, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_full_pipe_drops, scene_begin, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
