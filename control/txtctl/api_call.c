#include "control/txtctl/api_call.h"

#include <stdio.h>
#include <string.h>

#include "control/txtctl/output.h"

struct api_client api_call_client(const struct options *options, const char *url)
{
    return (struct api_client){.url = url,
                               .ca = options->text[OPTION_CA],
                               .insecure = options->text[OPTION_INSECURE] != NULL,
                               .timeout_s = options->timeout_s};
}

/* What may be done about an answer of the acme-dns API, which has a word and no sentence. */
static const char *hint_of(const struct api_client_reply *reply)
{
    static const struct {
        const char *error, *hint;
    } words[] = {
        {"bad_txt", " (update takes a dns-01 value, 43 characters of base64url; set takes others)"},
        {"invalid_allowfrom_cidr",
         " (a prefix is needed, as 192.0.2.0/24; of one address 192.0.2.1/32 or 2001:db8::1/128)"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(output_member(reply->json, "error"), words[i].error) == 0) {
            return words[i].hint;
        }
    }
    switch (reply->status) {
    case 401:
        return " (a wrong key or token, an address outside allowfrom, or a registration token is needed: --url "
               ".../t/TOKEN)";
    case 404: return " (is the URL right, and registration on?)";
    case 429: return " (too often; try again later)";
    case 503: return " (the server takes no changes now; try again later)";
    default: return "";
    }
}

static enum txtctl_status refused(const struct api_client_reply *reply)
{
    const char *detail = output_member(reply->json, "detail"); /* what the native API says, better than a guess */
    (void)fprintf(stderr, "txtctl: the server answered %ld %s%s%s\n", reply->status,
                  output_member(reply->json, "error"), *detail == '\0' ? "" : ": ",
                  *detail == '\0' ? hint_of(reply) : detail);
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
