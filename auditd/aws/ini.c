#include "auditd/aws/ini.h"

#include <string.h>

struct slice {
    const char *at;
    size_t length;
};

static struct slice slice_trim(struct slice slice)
{
    while (slice.length > 0 && strchr(" \t\r", slice.at[0]) != NULL) {
        slice.at++;
        slice.length--;
    }
    while (slice.length > 0 && strchr(" \t\r", slice.at[slice.length - 1]) != NULL) {
        slice.length--;
    }
    return slice;
}

static bool slice_is(struct slice slice, const char *text)
{
    return strlen(text) == slice.length && memcmp(slice.at, text, slice.length) == 0;
}

/* Of "[profile  name]  # why" the name is "profile name". */
static bool section_is(struct slice line, const char *section)
{
    const char *end = memchr(line.at, ']', line.length);
    struct slice name = {line.at + 1, end == NULL ? 0 : (size_t)(end - line.at) - 1};

    name = slice_trim(name);
    if (strncmp(section, "profile ", strlen("profile ")) == 0 && name.length > strlen("profile ") &&
        memcmp(name.at, "profile", strlen("profile")) == 0 && strchr(" \t", name.at[strlen("profile")]) != NULL) {
        name = slice_trim((struct slice){name.at + strlen("profile"), name.length - strlen("profile")});
        section += strlen("profile ");
    }
    return end != NULL && slice_is(name, section);
}

/* "key = value  # comment": a comment has a blank before its sign. */
static bool line_split(struct slice line, struct slice *ret_key, struct slice *ret_value)
{
    const char *equals = memchr(line.at, '=', line.length);
    struct slice value;

    if (equals == NULL) {
        return false;
    }
    *ret_key = slice_trim((struct slice){line.at, (size_t)(equals - line.at)});
    value = (struct slice){equals + 1, line.length - (size_t)(equals - line.at) - 1};
    for (size_t i = 1; i < value.length; i++) {
        if ((value.at[i] == '#' || value.at[i] == ';') && (value.at[i - 1] == ' ' || value.at[i - 1] == '\t')) {
            value.length = i;
        }
    }
    *ret_value = slice_trim(value);
    return true;
}

struct seek {
    const char *section, *parent, *key;
    bool in_section, in_parent;
};

/* Whether the line gives the value that is sought. */
static bool seek_line(struct seek *seek, struct slice line, struct slice *ret_value)
{
    bool indented = line.length > 0 && (line.at[0] == ' ' || line.at[0] == '\t');
    struct slice key;
    struct slice value;

    line = slice_trim(line);
    if (line.length == 0 || line.at[0] == '#' || line.at[0] == ';') {
        return false;
    }
    if (!indented && line.at[0] == '[') {
        seek->in_section = section_is(line, seek->section);
        seek->in_parent = false;
        return false;
    }
    if (!seek->in_section || !line_split(line, &key, &value)) {
        return false;
    }
    if (!indented) {
        seek->in_parent = seek->parent != NULL && slice_is(key, seek->parent) && value.length == 0;
    }
    if (indented != (seek->parent != NULL) || (indented && !seek->in_parent) || !slice_is(key, seek->key)) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool ini_get(const struct ini_place *place, const char *key, char *buffer, size_t size)
{
    struct seek seek = {.section = place->section, .parent = place->parent, .key = key};
    const char *text = place->text;
    struct slice found = {NULL, 0};

    while (text != NULL && *text != '\0') {
        struct slice line = {text, strcspn(text, "\n")};
        (void)seek_line(&seek, line, &found);
        text += line.length + (text[line.length] == '\n');
    }
    if (found.at == NULL || found.length >= size) {
        return false;
    }
    memcpy(buffer, found.at, found.length);
    buffer[found.length] = '\0';
    return true;
}
