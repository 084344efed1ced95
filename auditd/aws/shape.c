#include "auditd/aws/shape.h"

#include "auditd/aws/wiped.h"

#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHAPE_DEPTH_MAX = 64,   /* the answers nest a dozen */
    SHAPE_TEXT_MAX = 16384, /* descriptions and tags are far shorter */
};

/* Keys of a role pass through here. */
static const XML_Memory_Handling_Suite shape_memory = {wiped_malloc, wiped_realloc, wiped_free};

/* An element that is open, and where what is in it goes. */
struct level {
    const struct shape *shape;  /* NULL for what is passed over, the root and the result */
    const struct shape *fields; /* that may stand in it; NULL: none is wanted */
    json_t *into;               /* borrowed: the record or list */
    bool is_list;               /* its children are items */
};

struct shaper {
    XML_Parser parser;
    const struct shape_frame *frame;
    json_t *object;
    struct level levels[SHAPE_DEPTH_MAX];
    size_t depth;
    char *text;
    size_t length;
    bool has_text; /* the innermost element's text is wanted */
    int rc;
    struct shape_fault *fault;
};

static void shaper_stop(struct shaper *shaper, int rc, const char *what, const char *name)
{
    if (shaper->rc != 0) {
        return;
    }
    shaper->rc = rc;
    snprintf(shaper->fault->text, sizeof(shaper->fault->text), "line %lu: %s%s%.60s",
             XML_GetCurrentLineNumber(shaper->parser), what, name[0] == '\0' ? "" : ": ", name);
    (void)XML_StopParser(shaper->parser, XML_FALSE);
}

static bool takes_text(const struct shape *shape)
{
    return shape != NULL && (shape->kind == SHAPE_TEXT || shape->kind == SHAPE_NUMBER || shape->kind == SHAPE_BOOL);
}

static const struct shape *shape_field(const struct shape *fields, const char *name)
{
    for (; fields != NULL && fields->kind != SHAPE_END; fields++) {
        if (strcmp(fields->xml, name) == 0) {
            return fields;
        }
    }
    return NULL;
}

/* Puts `value` where it belongs; takes it. */
static void shaper_put(struct shaper *shaper, json_t *into, const char *key, json_t *value)
{
    int rc = -1;

    if (value != NULL && json_is_array(into)) {
        rc = json_array_append_new(into, value);
    } else if (value != NULL && json_object_get(into, key) != NULL) {
        json_decref(value);
        shaper_stop(shaper, -EBADMSG, "an element is there twice", key);
        return;
    } else if (value != NULL) {
        rc = json_object_set_new(into, key, value);
    }
    if (rc < 0) {
        shaper_stop(shaper, -ENOMEM, "out of memory", "");
    }
}

static struct level level_of_item(struct shaper *shaper, const struct level *list, const char *name)
{
    static const struct shape text = {.kind = SHAPE_TEXT};
    const char *item = list->shape->item;
    struct level level = {.shape = NULL};

    if (item != NULL ? strcmp(name, item) != 0 : strcmp(name, "item") != 0 && strcmp(name, "member") != 0) {
        shaper_stop(shaper, -EBADMSG, "a list has an element that is no item", name);
    } else if (list->shape->kind == SHAPE_TEXTS) {
        level = (struct level){.shape = &text, .into = list->into};
    } else {
        level = (struct level){.fields = list->shape->fields, .into = json_object()};
        shaper_put(shaper, list->into, NULL, level.into);
    }
    return level;
}

static struct level level_of_field(struct shaper *shaper, const struct level *parent, const char *name)
{
    const struct shape *field = shape_field(parent->fields, name);
    struct level level = {.shape = field};

    if (field == NULL || takes_text(field)) {
        level.into = parent->into;
        return level;
    }
    level.is_list = field->kind != SHAPE_RECORD;
    level.fields = level.is_list ? NULL : field->fields;
    level.into = level.is_list ? json_array() : json_object();
    shaper_put(shaper, parent->into, field->json, level.into);
    return level;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct shaper *shaper = context;
    struct level level = {.shape = NULL};

    (void)attributes;
    if (shaper->depth == SHAPE_DEPTH_MAX) {
        shaper_stop(shaper, -EBADMSG, "the elements nest too deep", name);
    }
    if (shaper->rc != 0) {
        return;
    }
    if (shaper->depth == 0) {
        level = (struct level){.fields = shaper->frame->fields, .into = shaper->object};
        if (strcmp(name, shaper->frame->root) != 0) {
            shaper_stop(shaper, -EBADMSG, "this is another answer", name);
        }
    } else if (shaper->depth == 1 && shaper->frame->result != NULL && strcmp(name, shaper->frame->result) == 0) {
        level = shaper->levels[0];
    } else if (shaper->levels[shaper->depth - 1].is_list) {
        level = level_of_item(shaper, &shaper->levels[shaper->depth - 1], name);
    } else {
        level = level_of_field(shaper, &shaper->levels[shaper->depth - 1], name);
    }
    shaper->levels[shaper->depth++] = level;
    shaper->length = 0;
    shaper->has_text = takes_text(level.shape);
}

static void on_text(void *context, const XML_Char *text, int length)
{
    struct shaper *shaper = context;

    if (!shaper->has_text || shaper->rc != 0) {
        return;
    }
    if (shaper->length + (size_t)length >= SHAPE_TEXT_MAX) {
        shaper_stop(shaper, -EBADMSG, "a text is too long", "");
        return;
    }
    memcpy(shaper->text + shaper->length, text, (size_t)length);
    shaper->length += (size_t)length;
}

static json_t *number_of(struct shaper *shaper, const char *name)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(shaper->text, &end, 10);
    if (errno != 0 || end == shaper->text || *end != '\0') {
        shaper_stop(shaper, -EBADMSG, "should be a whole number", name);
        return NULL;
    }
    return json_integer(number);
}

static json_t *bool_of(struct shaper *shaper, const char *name)
{
    bool is_true = strcmp(shaper->text, "true") == 0;

    if (!is_true && strcmp(shaper->text, "false") != 0) {
        shaper_stop(shaper, -EBADMSG, "should be true or false", name);
        return NULL;
    }
    return json_boolean(is_true);
}

static void on_end(void *context, const XML_Char *name)
{
    struct shaper *shaper = context;
    const struct level *level;

    if (shaper->rc != 0) {
        return;
    }
    level = &shaper->levels[--shaper->depth];
    if (takes_text(level->shape)) {
        json_t *value;
        shaper->text[shaper->length] = '\0';
        value = level->shape->kind == SHAPE_NUMBER ? number_of(shaper, name)
                : level->shape->kind == SHAPE_BOOL ? bool_of(shaper, name)
                                                   : json_stringn(shaper->text, shaper->length);
        if (shaper->rc == 0) {
            shaper_put(shaper, level->into, level->shape->json, value);
        }
    }
    shaper->has_text = false;
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                       int has_subset)
{
    (void)system;
    (void)public;
    (void)has_subset;
    shaper_stop(context, -EBADMSG, "has a document type, which no answer of AWS has", name);
}

static int shaper_run(struct shaper *shaper, const char *bytes, size_t size)
{
    XML_SetUserData(shaper->parser, shaper);
    XML_SetElementHandler(shaper->parser, on_start, on_end);
    XML_SetCharacterDataHandler(shaper->parser, on_text);
    XML_SetStartDoctypeDeclHandler(shaper->parser, on_doctype);
    if (size > INT_MAX) {
        shaper_stop(shaper, -EBADMSG, "the answer is too long", "");
    } else if (XML_Parse(shaper->parser, bytes, (int)size, XML_TRUE) != XML_STATUS_OK && shaper->rc == 0) {
        enum XML_Error code = XML_GetErrorCode(shaper->parser);
        shaper_stop(shaper, code == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG, "is no XML", XML_ErrorString(code));
    }
    return shaper->rc;
}

int shape_read(const char *bytes, size_t size, const struct shape_frame *frame, json_t **ret_object,
               struct shape_fault *ret_fault)
{
    struct shaper *shaper = calloc(1, sizeof(*shaper));
    int rc = -ENOMEM;

    *ret_fault = (struct shape_fault){"out of memory"};
    if (shaper == NULL) {
        return rc;
    }
    *shaper = (struct shaper){.parser = XML_ParserCreate_MM("UTF-8", &shape_memory, NULL),
                              .frame = frame,
                              .object = json_object(),
                              .text = wiped_malloc(SHAPE_TEXT_MAX),
                              .fault = ret_fault};
    if (shaper->parser != NULL && shaper->object != NULL && shaper->text != NULL) {
        rc = shaper_run(shaper, bytes, size);
    }
    if (rc == 0) {
        *ret_object = json_incref(shaper->object);
    }
    if (shaper->parser != NULL) {
        XML_ParserFree(shaper->parser);
    }
    json_decref(shaper->object);
    wiped_free(shaper->text);
    free(shaper);
    return rc;
}

/* ---- errors ---- */

struct finder {
    XML_Parser parser;
    const char *name;
    char *buffer;
    size_t size, length;
    bool inside, found, too_long;
};

static void finder_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct finder *finder = context;

    (void)attributes;
    finder->inside = !finder->found && strcmp(name, finder->name) == 0;
}

static void finder_text(void *context, const XML_Char *text, int length)
{
    struct finder *finder = context;

    if (!finder->inside) {
        return;
    }
    finder->too_long |= finder->length + (size_t)length >= finder->size;
    if (!finder->too_long) {
        memcpy(finder->buffer + finder->length, text, (size_t)length);
        finder->length += (size_t)length;
    }
}

static void finder_end(void *context, const XML_Char *name)
{
    struct finder *finder = context;

    (void)name;
    finder->found |= finder->inside;
    finder->inside = false;
}

static void finder_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                           int has_subset)
{
    struct finder *finder = context;

    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    (void)XML_StopParser(finder->parser, XML_FALSE);
}

bool shape_find_text(const char *bytes, size_t size, const char *name, char *buffer, size_t buffer_size)
{
    struct finder finder = {.parser = XML_ParserCreate_MM("UTF-8", &shape_memory, NULL),
                            .name = name,
                            .buffer = buffer,
                            .size = buffer_size};

    if (finder.parser == NULL) {
        return false;
    }
    XML_SetUserData(finder.parser, &finder);
    XML_SetElementHandler(finder.parser, finder_start, finder_end);
    XML_SetCharacterDataHandler(finder.parser, finder_text);
    XML_SetStartDoctypeDeclHandler(finder.parser, finder_doctype);
    (void)XML_Parse(finder.parser, bytes, size > INT_MAX ? 0 : (int)size, XML_TRUE);
    XML_ParserFree(finder.parser);
    buffer[finder.too_long ? 0 : finder.length] = '\0';
    return finder.found && !finder.too_long;
}
