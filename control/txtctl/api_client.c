#include "control/txtctl/api_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX    2048
#define HEADER_MAX 256

struct received {
    char text[API_CLIENT_REPLY_MAX];
    size_t len;
};

/* What is one transfer's. */
struct transfer {
    CURL *curl;
    struct curl_slist *headers;
    char *body;
    struct received *received;
    char error[CURL_ERROR_SIZE];
};

/* Taking less than was given ends the transfer. */
static size_t receive(char *octets, size_t size, size_t count, void *context)
{
    struct received *received = context;
    size_t len = size * count;
    if (len > sizeof received->text - received->len) {
        return 0;
    }
    memcpy(received->text + received->len, octets, len);
    received->len += len;
    return len;
}

static int add_header(struct transfer *transfer, const char *name, const char *value)
{
    char line[HEADER_MAX];
    if (snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line) {
        return TXTD_EINVAL;
    }
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer == NULL) {
        return TXTD_ENOMEM;
    }
    transfer->headers = longer;
    return 0;
}

static int set_request(struct transfer *transfer, const struct api_client *client,
                       const struct api_client_request *request)
{
    char url[URL_MAX];
    size_t base_len = strlen(client->url);
    while (base_len > 0 && client->url[base_len - 1] == '/') {
        base_len--;
    }
    if (snprintf(url, sizeof url, "%.*s%s", (int)base_len, client->url, request->path) >= (int)sizeof url) {
        return TXTD_EINVAL;
    }
    curl_easy_setopt(transfer->curl, CURLOPT_URL, url); /* copied */
    int result = 0;
    if (request->username != NULL) {
        result = add_header(transfer, "X-Api-User", request->username);
    }
    if (result == 0 && request->key != NULL) {
        result = add_header(transfer, "X-Api-Key", request->key);
    }
    if (result == 0 && request->token != NULL) {
        char value[HEADER_MAX];
        result = snprintf(value, sizeof value, "Bearer %s", request->token) >= (int)sizeof value
                     ? TXTD_EINVAL
                     : add_header(transfer, "Authorization", value);
        explicit_bzero(value, sizeof value);
    }
    if (result == 0 && request->body != NULL) {
        transfer->body = json_dumps(request->body, JSON_COMPACT);
        result = transfer->body == NULL ? TXTD_ENOMEM : add_header(transfer, "Content-Type", "application/json");
        curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDS, transfer->body);
    }
    if (request->method != NULL) {
        curl_easy_setopt(transfer->curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
    curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->headers);
    return result;
}

static void set_transport(struct transfer *transfer, const struct api_client *client)
{
    CURL *curl = transfer->curl;
    /* Redirects are not followed: they would carry the key to wherever they point. */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, client->plain ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, client->insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, client->insecure ? 0L : 2L);
    if (client->ca != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca);
    }
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)client->timeout_s);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "txtctl/" TXTD_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer->received);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
}

/* The URL as it may be shown: with "..." for a registration token, behind /t/ or as a user's password. */
static void conceal(const char *url, char shown[URL_MAX])
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + strlen("://");
    const char *at = host + strcspn(host, "@/");
    const char *begin = *at == '@' ? at + 1 : host;
    const char *path = strstr(begin, "/t/");
    int len = path == NULL ? (int)strlen(begin) : (int)(path - begin) + (int)strlen("/t/");
    (void)snprintf(shown, URL_MAX, "%.*s%s%.*s%s", (int)(host - url), url, begin == host ? "" : "...@", len, begin,
                   path == NULL ? "" : "...");
}

static int perform(struct transfer *transfer, const struct api_client *client, struct api_client_reply *reply,
                   struct error_detail *detail)
{
    CURLcode code = curl_easy_perform(transfer->curl);
    if (code != CURLE_OK) {
        const char *hint = code == CURLE_PEER_FAILED_VERIFICATION ? " (give --ca FILE, or --insecure to go on)" : "";
        char shown[URL_MAX];
        conceal(client->url, shown);
        return error_describe(detail, TXTD_ESYS, "%s: %s%s", shown,
                              transfer->error[0] == '\0' ? curl_easy_strerror(code) : transfer->error, hint);
    }
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    reply->json = json_loadb(transfer->received->text, transfer->received->len, 0, NULL);
    return 0;
}

int api_client_call(const struct api_client *client, const struct api_client_request *request,
                    struct api_client_reply *reply, struct error_detail *detail)
{
    struct transfer transfer = {.curl = curl_easy_init(), .received = calloc(1, sizeof *transfer.received)};
    *reply = (struct api_client_reply){0, NULL};
    int result = transfer.curl == NULL || transfer.received == NULL ? TXTD_ENOMEM : 0;
    if (result == 0) {
        result = set_request(&transfer, client, request);
    }
    if (result == 0) {
        set_transport(&transfer, client);
        result = perform(&transfer, client, reply, detail);
    } else {
        char shown[URL_MAX];
        conceal(client->url, shown);
        (void)error_describe(detail, result, "%s: the request cannot be made: %s", shown, txtd_error_text(result));
    }
    curl_slist_free_all(transfer.headers);
    curl_easy_cleanup(transfer.curl);
    free(transfer.body);
    free(transfer.received);
    return result;
}
