#include "control/txtctl/api_call.h"

#include <stdio.h>

#include "control/txtctl/output.h"

struct api_client api_call_client(const struct options *options, const char *url)
{
    return (struct api_client){.url = url,
                               .ca = options->text[OPTION_CA],
                               .insecure = options->text[OPTION_INSECURE] != NULL,
                               .timeout_s = options->timeout_s};
}

/* Says what the server answered and what may be done about it. */
static enum txtctl_status refused(const struct api_client_reply *reply)
{
    const char *hint = "";
    switch (reply->status) {
    case 401:
        hint = " (a wrong key or token, an address outside allowfrom, or a registration token is needed: --url "
               ".../t/TOKEN)";
        break;
    case 404: hint = " (is the URL right, and registration on?)"; break;
    case 429: hint = " (too often; try again later)"; break;
    case 503: hint = " (the server takes no changes now; try again later)"; break;
    default: break;
    }
    const char *detail = output_member(reply->json, "detail"); /* what the native API says, better than a guess */
    (void)fprintf(stderr, "txtctl: the server answered %ld %s%s%s\n", reply->status,
                  output_member(reply->json, "error"), *detail == '\0' ? "" : ": ", *detail == '\0' ? hint : detail);
    return TXTCTL_REFUSED;
}

enum txtctl_status api_call(const struct options *options, const char *url, const struct api_client_request *request,
                            json_t **json)
{
    struct error_detail detail = {""};
    struct api_client_reply reply;
    struct api_client client = api_call_client(options, url);
    *json = NULL;
    if (api_client_call(&client, request, &reply, &detail) != 0) {
        return output_failed(&detail);
    }
    if (reply.status != 204 && (reply.status / 100 != 2 || !json_is_object(reply.json))) {
        enum txtctl_status status = refused(&reply);
        json_decref(reply.json);
        return status;
    }
    *json = reply.json;
    return TXTCTL_DONE;
}
