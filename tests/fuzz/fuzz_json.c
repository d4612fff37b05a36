/* Any octets as the body of /register and /update, as a path, and as an Authorization header: nothing is read or written beyond
 * its bounds, and what is taken keeps its promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/acmedns_json.h"
#include "control/allowfrom.h"
#include "control/api_credentials.h"
#include "control/api_path.h"

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void fuzz_register(const char *body, size_t len)
{
    struct service_registration registration;
    const char *error = NULL;
    if (acmedns_json_register(body, len, &registration, &error) != 0) {
        REQUIRE(error != NULL);
        return;
    }
    REQUIRE(registration.allowfrom_count <= STORE_ALLOWFROM_MAX);
    for (unsigned i = 0; i < registration.allowfrom_count; i++) {
        /* What was read is written, read again, and the same. */
        char text[ALLOWFROM_TEXT_MAX];
        struct store_cidr again;
        allowfrom_format(&registration.allowfrom[i], text);
        REQUIRE(allowfrom_parse(text, strlen(text), &again) == 0);
        REQUIRE(memcmp(again.address, registration.allowfrom[i].address, sizeof again.address) == 0);
        REQUIRE(again.len == registration.allowfrom[i].len);
        REQUIRE(allowfrom_match(&again, 1, again.address) || again.len < 96);
    }
}

static void fuzz_update(const char *body, size_t len)
{
    static const struct delegate_id id = {{0}};
    struct acmedns_update update;
    if (acmedns_json_update(body, len, &update) != 0) {
        return;
    }
    REQUIRE(update.subdomain_len <= ACMEDNS_SUBDOMAIN_MAX);
    REQUIRE(update.subdomain[update.subdomain_len] == '\0');
    REQUIRE(strlen(update.value) == (update.value_valid ? ACMEDNS_VALUE_LEN : 0u));
    (void)acmedns_subdomain_names(update.subdomain, update.subdomain_len, &id, "auth.example.org");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of just this length, so that reading beyond it is seen. */
    char *octets = malloc(size == 0 ? 1 : size);
    REQUIRE(octets != NULL);
    memcpy(octets, data, size);
    const struct http_text text = {octets, size};

    fuzz_register(octets, size);
    fuzz_update(octets, size);

    struct api_path path;
    if (api_path_cut(text, &path) == 0) {
        REQUIRE(path.count <= API_PATH_SEGMENTS_MAX);
        for (struct http_text segment; (segment = api_path_take_any(&path)).data != NULL;) {
            REQUIRE(segment.len > 0 && memchr(segment.data, '/', segment.len) == NULL);
        }
    }
    struct api_credentials credentials = {{NULL, 0}, {NULL, 0}, ""};
    if (api_credentials_decode_basic(text, &credentials) == 0) {
        REQUIRE(credentials.username.len + 1 + credentials.key.len <= API_CREDENTIALS_BASIC_MAX);
    }
    free(octets);
    return 0;
}
