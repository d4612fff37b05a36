#include "control/txtctl/acme_hook.h"

#include <stddef.h>
#include <string.h>

#include "dataplane/error.h"

static int understand_uacme(int count, char *const arguments[], struct acme_hook_call *call)
{
    if (count != 5) {
        return TXTD_EINVAL;
    }
    call->publishes = strcmp(arguments[0], "begin") == 0;
    call->declined = call->publishes && strcmp(arguments[1], "dns-01") != 0;
    if (strcmp(arguments[1], "dns-01") == 0) {
        call->values[call->values_count++] = arguments[4];
    }
    return 0;
}

static int understand_dehydrated(int count, char *const arguments[], struct acme_hook_call *call)
{
    call->publishes = strcmp(arguments[0], "deploy_challenge") == 0;
    if (count % 3 != 1 || count / 3 > ACME_HOOK_VALUES_MAX) {
        return TXTD_EINVAL;
    }
    for (int i = 3; i < count; i += 3) {
        call->values[call->values_count++] = arguments[i];
    }
    return 0;
}

int acme_hook_understand(int count, char *const arguments[], const char *certbot_validation,
                         const char *certbot_auth_output, struct acme_hook_call *call)
{
    *call = (struct acme_hook_call){.publishes = false};
    if (count == 0) {
        if (certbot_validation == NULL || certbot_validation[0] == '\0') {
            return TXTD_EINVAL;
        }
        call->publishes = certbot_auth_output == NULL;
        call->values[call->values_count++] = certbot_validation;
        return 0;
    }
    const char *event = arguments[0];
    if (strcmp(event, "begin") == 0 || strcmp(event, "done") == 0 || strcmp(event, "failed") == 0) {
        return understand_uacme(count, arguments, call);
    }
    if (strcmp(event, "deploy_challenge") == 0 || strcmp(event, "clean_challenge") == 0) {
        return understand_dehydrated(count, arguments, call);
    }
    return 0; /* dehydrated has many more events, and says that hooks must ignore those they do not know */
}
