#include "control/config_document.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct config_document {
    yaml_document_t yaml;
    const char *text; /* while it is loaded */
    size_t len;
};

static int parse(yaml_parser_t *parser, const char *file, yaml_document_t *yaml, struct error_detail *detail)
{
    if (yaml_parser_load(parser, yaml) == 0) {
        const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
        return error_describe(detail, TXTD_EINVAL, "%s:%zu: not valid YAML: %s", file, parser->problem_mark.line + 1,
                              problem);
    }
    return 0;
}

/* The file must end after the first document: a second one would be ignored without a word. */
static int parse_end(yaml_parser_t *parser, const char *file, struct error_detail *detail)
{
    yaml_document_t second;
    int rc = parse(parser, file, &second, detail);
    if (rc != 0) {
        return rc;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    if (root != NULL) {
        rc = error_describe(detail, TXTD_EINVAL, "%s:%zu: a second YAML document begins here; only one is read", file,
                            root->start_mark.line + 1);
    }
    yaml_document_delete(&second);
    return rc;
}

/* The same value must not stand in two places, nor a name for one that nobody uses. */
static int refuse_anchors(const char *file, const char *text, size_t len, struct error_detail *detail)
{
    yaml_parser_t parser;
    yaml_token_t token;
    int rc = 0;
    bool more = true;
    if (yaml_parser_initialize(&parser) == 0) {
        return error_describe(detail, TXTD_ENOMEM, "%s: %s", file, txtd_error_text(TXTD_ENOMEM));
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (rc == 0 && more && yaml_parser_scan(&parser, &token) != 0) { /* what is no YAML has been refused */
        if (token.type == YAML_ANCHOR_TOKEN || token.type == YAML_ALIAS_TOKEN) {
            rc = error_describe(detail, TXTD_EINVAL,
                                "%s:%zu: anchors and aliases (&name, *name) are not read; write it out", file,
                                token.start_mark.line + 1);
        }
        more = token.type != YAML_STREAM_END_TOKEN && token.type != YAML_NO_TOKEN;
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
    return rc;
}

int config_document_new(const char *file, const char *text, size_t len, struct config_document **document,
                        struct error_detail *detail)
{
    yaml_parser_t parser;
    struct config_document *made = calloc(1, sizeof *made);
    if (made == NULL || yaml_parser_initialize(&parser) == 0) {
        free(made);
        return error_describe(detail, TXTD_ENOMEM, "%s: %s", file, txtd_error_text(TXTD_ENOMEM));
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int rc = parse(&parser, file, &made->yaml, detail);
    if (rc != 0) {
        free(made);
    } else {
        made->text = text;
        made->len = len;
        if (yaml_document_get_root_node(&made->yaml) != NULL) {
            rc = parse_end(&parser, file, detail);
        }
        if (rc == 0) {
            rc = refuse_anchors(file, text, len, detail);
        }
        if (rc != 0) {
            config_document_free(made);
        } else {
            *document = made;
        }
    }
    yaml_parser_delete(&parser);
    return rc;
}

void config_document_free(struct config_document *document)
{
    if (document != NULL) {
        yaml_document_delete(&document->yaml);
        free(document);
    }
}

/* A step of a path: a key, or an index when `key_len` is 0. Moves *path behind it. */
struct step {
    const char *key;
    size_t key_len;
    size_t index;
};

static bool next_step(const char **path, struct step *step)
{
    const char *at = *path;
    if (*at == '.') {
        at++;
    }
    if (*at == '\0') {
        return false;
    }
    step->key = at;
    step->key_len = 0;
    step->index = 0;
    if (*at == '[') {
        char *end;
        step->index = strtoul(at + 1, &end, 10);
        at = *end == ']' ? end + 1 : end;
    } else {
        step->key_len = strcspn(at, ".[");
        at += step->key_len;
    }
    *path = at;
    return true;
}

/* The child of `node` that `step` names; *mark_line is where it begins (its key, in a mapping). */
static yaml_node_t *child(yaml_document_t *yaml, const yaml_node_t *node, const struct step *step, size_t *mark_line)
{
    if (step->key_len == 0) {
        if (node->type != YAML_SEQUENCE_NODE ||
            step->index >= (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)) {
            return NULL;
        }
        yaml_node_t *item = yaml_document_get_node(yaml, node->data.sequence.items.start[step->index]);
        *mark_line = item->start_mark.line + 1;
        return item;
    }
    if (node->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(yaml, pair->key);
        if (key->type == YAML_SCALAR_NODE && key->data.scalar.length == step->key_len &&
            memcmp(key->data.scalar.value, step->key, step->key_len) == 0) {
            *mark_line = key->start_mark.line + 1;
            return yaml_document_get_node(yaml, pair->value);
        }
    }
    return NULL;
}

/* Follows `path` as far as it exists; *line is where the last part of it that does begins. */
static const yaml_node_t *follow(const struct config_document *document, const char *path, size_t *line)
{
    /* libyaml's accessors take a document that is not const and do not change it. */
    yaml_document_t *yaml = (yaml_document_t *)(uintptr_t)&document->yaml;
    const yaml_node_t *node = yaml_document_get_root_node(yaml);
    struct step step;
    *line = 1;
    while (node != NULL && next_step(&path, &step)) {
        node = child(yaml, node, &step, line);
    }
    return node;
}

size_t config_document_line(const struct config_document *document, const char *path)
{
    size_t line;
    (void)follow(document, path, &line);
    return line;
}

bool config_document_has(const struct config_document *document, const char *path)
{
    size_t line;
    return follow(document, path, &line) != NULL;
}

/* libyaml counts characters, and not the byte order mark. */
static size_t octets_before(const struct config_document *document, size_t characters)
{
    size_t at = document->len >= 3 && memcmp(document->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (size_t count = 0; at < document->len; at++) {
        bool begins = ((unsigned char)document->text[at] & 0xc0) != 0x80;
        if (begins && count++ == characters) {
            break;
        }
    }
    return at;
}

bool config_document_is_empty(const struct config_document *document, const char *path, size_t *at)
{
    size_t line;
    const yaml_node_t *node = follow(document, path, &line);
    if (node == NULL || node->type != YAML_SCALAR_NODE || node->data.scalar.length != 0 ||
        node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    *at = octets_before(document, node->start_mark.index);
    return true;
}
