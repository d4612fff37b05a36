#include "control/issue_value.h"

#include <ctype.h>

/* The rest of the text. */
struct rest {
    const char *at;
    const char *end;
};

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) != 0 && (unsigned char)c < 0x80;
}

static void skip_blanks(struct rest *rest)
{
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t')) {
        rest->at++;
    }
}

static bool take(struct rest *rest, char c)
{
    if (rest->at == rest->end || *rest->at != c) {
        return false;
    }
    rest->at++;
    return true;
}

/* label = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)); a parameter's tag is the same. */
static bool take_label(struct rest *rest)
{
    const char *begin = rest->at;
    while (rest->at < rest->end && (is_word_char(*rest->at) || *rest->at == '-')) {
        rest->at++;
    }
    return rest->at > begin && *begin != '-' && rest->at[-1] != '-';
}

/* issuer-domain-name = label *("." label) */
static bool take_issuer(struct rest *rest)
{
    do {
        if (!take_label(rest)) {
            return false;
        }
    } while (take(rest, '.'));
    return true;
}

/* value = *(%x21-3A / %x3C-7E) */
static void take_value(struct rest *rest)
{
    while (rest->at<rest->end && * rest->at> 0x20 && *rest->at < 0x7f && *rest->at != ';') {
        rest->at++;
    }
}

/* parameter = tag *WSP "=" *WSP value */
static bool take_parameter(struct rest *rest)
{
    if (!take_label(rest)) {
        return false;
    }
    skip_blanks(rest);
    if (!take(rest, '=')) {
        return false;
    }
    skip_blanks(rest);
    take_value(rest);
    return true;
}

bool issue_value_valid(const char *text, size_t len)
{
    struct rest rest = {text, text + len};
    skip_blanks(&rest);
    if (!take_issuer(&rest)) {
        return false;
    }
    skip_blanks(&rest);
    while (take(&rest, ';')) {
        skip_blanks(&rest);
        if (rest.at == rest.end) {
            break; /* nothing behind the last ';' */
        }
        if (!take_parameter(&rest)) {
            return false;
        }
        skip_blanks(&rest);
    }
    return rest.at == rest.end;
}

bool issue_value_issuer_valid(const char *text, size_t len)
{
    struct rest rest = {text, text + len};
    return take_issuer(&rest) && rest.at == rest.end;
}

bool issue_value_parameter_valid(const char *text, size_t len)
{
    struct rest rest = {text, text + len};
    take_value(&rest);
    return len > 0 && rest.at == rest.end;
}
