#include "auditd/policy/selector.h"

#include "auditd/policy/rule.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct host_tag selector_no_security_group = {HOST_TAG_SECURITY_GROUP "sg-0", ""};

void selector_done(struct selector *selector)
{
    prefix_set_destroy(selector->prefixes);
    free(selector->key);
    for (size_t i = 0; i < selector->text_count; i++) {
        free(selector->texts[i]);
    }
    free(selector->texts);
    for (size_t i = 0; i < selector->child_count; i++) {
        selector_done(&selector->children[i]);
    }
    free(selector->children);
    memset(selector, 0, sizeof(*selector));
}

static bool fits_one(const struct selector *selector, const char *text, int flags)
{
    for (size_t i = 0; i < selector->text_count; i++) {
        if (fnmatch(selector->texts[i], text, flags) == 0) {
            return true;
        }
    }
    return false;
}

static enum truth has_address(const struct selector *selector, const struct host_view *host)
{
    for (size_t i = 0; i < host->address_count; i++) {
        if (prefix_set_has(selector->prefixes, &host->addresses[i])) {
            return TRUTH_YES;
        }
    }
    return host->address_count == 0 ? TRUTH_UNKNOWN : TRUTH_NO;
}

static enum truth has_realm(const struct selector *selector, const struct host_view *host)
{
    if (host->realm == NULL) {
        return TRUTH_UNKNOWN;
    }
    for (size_t i = 0; i < selector->text_count; i++) {
        if (strcmp(selector->texts[i], host->realm) == 0) {
            return TRUTH_YES;
        }
    }
    return TRUTH_NO;
}

static enum truth has_name(const struct selector *selector, const struct host_view *host)
{
    for (size_t i = 0; i < host->name_count; i++) {
        if (fits_one(selector, host->names[i], FNM_CASEFOLD)) {
            return TRUTH_YES;
        }
    }
    return host->names_unknown ? TRUTH_UNKNOWN : TRUTH_NO;
}

static enum truth has_tag(const struct selector *selector, const struct host_view *host)
{
    for (size_t i = 0; i < host->tag_count; i++) {
        if (strcmp(host->tags[i].key, selector->key) == 0 && fits_one(selector, host->tags[i].value, 0)) {
            return TRUTH_YES;
        }
    }
    return host->tags_unknown ? TRUTH_UNKNOWN : TRUTH_NO;
}

/* By its id, or by a glob of its name. */
static bool is_security_group(const struct selector *selector, const struct host_tag *tag)
{
    const char *id = tag->key + strlen(HOST_TAG_SECURITY_GROUP);

    for (size_t i = 0; i < selector->text_count; i++) {
        const char *text = selector->texts[i];
        if (selector_is_security_group_id(text) ? strcmp(text, id) == 0 : fnmatch(text, tag->value, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Every interface holds one at least: of a host without any it is not known which. */
static enum truth has_security_group(const struct selector *selector, const struct host_view *host)
{
    enum truth truth = TRUTH_UNKNOWN;

    for (size_t i = 0; i < host->tag_count; i++) {
        if (strncmp(host->tags[i].key, HOST_TAG_SECURITY_GROUP, strlen(HOST_TAG_SECURITY_GROUP)) != 0) {
            continue;
        }
        if (is_security_group(selector, &host->tags[i])) {
            return TRUTH_YES;
        }
        truth = TRUTH_NO;
    }
    return truth;
}

bool selector_is_security_group_id(const char *text)
{
    return strncmp(text, "sg-", 3) == 0 && text[3] != '\0' &&
           text[3 + strspn(text + 3, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static enum truth all_hold(const struct selector *selector, const struct rule_group *groups,
                           const struct host_view *host)
{
    enum truth truth = TRUTH_YES;

    for (size_t i = 0; i < selector->child_count && truth != TRUTH_NO; i++) {
        truth = truth_and(truth, selector_holds(&selector->children[i], groups, host));
    }
    return truth;
}

static enum truth one_holds(const struct selector *selector, const struct rule_group *groups,
                            const struct host_view *host)
{
    enum truth truth = TRUTH_NO;

    for (size_t i = 0; i < selector->child_count && truth != TRUTH_YES; i++) {
        truth = truth_or(truth, selector_holds(&selector->children[i], groups, host));
    }
    return truth;
}

enum truth selector_holds(const struct selector *selector, const struct rule_group *groups,
                          const struct host_view *host)
{
    switch (selector->kind) {
    case SELECTOR_ANY:
        break;
    case SELECTOR_CIDR:
        return has_address(selector, host);
    case SELECTOR_REALM:
        return has_realm(selector, host);
    case SELECTOR_NAME:
        return has_name(selector, host);
    case SELECTOR_TAG:
        return has_tag(selector, host);
    case SELECTOR_SECURITY_GROUP:
        return has_security_group(selector, host);
    case SELECTOR_AND:
        return all_hold(selector, groups, host);
    case SELECTOR_OR:
        return one_holds(selector, groups, host);
    case SELECTOR_NOT:
        return truth_not(selector_holds(&selector->children[0], groups, host));
    case SELECTOR_GROUP:
        return group_holds(groups, selector->group, host);
    }
    return TRUTH_YES;
}

enum truth group_holds(const struct rule_group *groups, size_t group, const struct host_view *host)
{
    enum truth truth;

    if (host->memo != NULL && host->memo[group] != HOST_MEMO_UNKNOWN) {
        return (enum truth)host->memo[group];
    }
    truth = selector_holds(&groups[group].selector, groups, host);
    if (host->memo != NULL) {
        host->memo[group] = (uint8_t)truth;
    }
    return truth;
}

/* ---- a host made up ---- */

/* A text that fits the glob: the classes of fnmatch(3) and its escapes are not tried. */
static void fill_glob(const char *glob, char *text, size_t size)
{
    size_t length = 0;

    for (; *glob != '\0' && length + 1 < size; glob++) {
        text[length++] = *glob == '*' || *glob == '?' ? 'x' : *glob;
    }
    text[length] = '\0';
}

static void sample_tag(const struct selector *selector, struct selector_sample *sample)
{
    size_t at = sample->host.tag_count;

    if (at < SELECTOR_SAMPLE_TAGS) {
        fill_glob(selector->texts[0], sample->values[at], sizeof(sample->values[at]));
        sample->tags[at] = (struct host_tag){selector->key, sample->values[at]};
        sample->host.tag_count++;
    }
}

static void sample_security_group(const struct selector *selector, struct selector_sample *sample)
{
    const char *text = selector->texts[0];
    bool is_id = selector_is_security_group_id(text);
    size_t at = sample->host.tag_count;

    if (at < SELECTOR_SAMPLE_TAGS) {
        snprintf(sample->keys[at], sizeof(sample->keys[at]), "%s%s", HOST_TAG_SECURITY_GROUP, is_id ? text : "sg-x");
        fill_glob(is_id ? "x" : text, sample->values[at], sizeof(sample->values[at]));
        sample->tags[at] = (struct host_tag){sample->keys[at], sample->values[at]};
        sample->host.tag_count++;
    }
}

static void sample_one(const struct selector *selector, const struct rule_group *groups, struct selector_sample *sample)
{
    size_t children = selector->kind == SELECTOR_AND                               ? selector->child_count
                      : selector->kind == SELECTOR_OR && selector->child_count > 0 ? 1
                                                                                   : 0;

    switch (selector->kind) {
    case SELECTOR_CIDR:
        sample->address = prefix_set_first(selector->prefixes);
        sample->host.address_count = 1;
        break;
    case SELECTOR_REALM:
        sample->host.realm = selector->texts[0];
        break;
    case SELECTOR_NAME:
        fill_glob(selector->texts[0], sample->name, sizeof(sample->name));
        sample->host.name_count = 1;
        break;
    case SELECTOR_TAG:
        sample_tag(selector, sample);
        break;
    case SELECTOR_SECURITY_GROUP:
        sample_security_group(selector, sample);
        break;
    case SELECTOR_GROUP:
        sample_one(&groups[selector->group].selector, groups, sample);
        break;
    case SELECTOR_ANY:
    case SELECTOR_NOT:
    case SELECTOR_AND:
    case SELECTOR_OR:
        break;
    }
    for (size_t i = 0; i < children; i++) {
        sample_one(&selector->children[i], groups, sample);
    }
}

bool group_sample(const struct rule_group *groups, size_t group, uint8_t *memo, struct selector_sample *ret_sample)
{
    struct selector_sample *sample = ret_sample;

    memset(sample, 0, sizeof(*sample));
    sample_one(&groups[group].selector, groups, sample);
    if (sample->host.tag_count < SELECTOR_SAMPLE_TAGS) {
        sample->tags[sample->host.tag_count++] = selector_no_security_group;
    }
    sample->host.memo = memo;
    sample->names[0] = sample->name;
    sample->host.names = sample->names;
    sample->host.addresses = &sample->address;
    sample->host.tags = sample->tags;
    if (sample->host.realm == NULL) {
        sample->host.realm = "default";
    }
    if (sample->host.address_count == 0) {
        /* An address for documentation (RFC 5737) that no group is likely to mean. */
        sample->host.address_count = addr_parse("192.0.2.1", &sample->address) == 0 ? 1 : 0;
    }
    return group_holds(groups, group, &sample->host) == TRUTH_YES;
}
