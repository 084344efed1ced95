/* Which hosts: a tree of conditions on tags, addresses, realm and names, with and, or and not. Pure; knows neither YAML
 * nor rules. */
#ifndef LEASTPORT_AUDITD_POLICY_SELECTOR_H
#define LEASTPORT_AUDITD_POLICY_SELECTOR_H

#include "auditd/policy/host.h"
#include "auditd/policy/prefix_set.h"
#include "auditd/policy/truth.h"

enum selector_kind {
    SELECTOR_ANY,
    SELECTOR_CIDR,           /* one of its addresses is in `prefixes` */
    SELECTOR_REALM,          /* it is one of `texts` */
    SELECTOR_NAME,           /* one of its names fits one of `texts`, globs, whatever their case */
    SELECTOR_TAG,            /* its tag `key` fits one of `texts`, globs */
    SELECTOR_SECURITY_GROUP, /* it holds one of `texts`: ids, or globs of names */
    SELECTOR_AND,            /* of `children`, as the next two */
    SELECTOR_OR,
    SELECTOR_NOT,
    SELECTOR_GROUP, /* it is in the group of that number */
};

struct selector {
    enum selector_kind kind;
    struct prefix_set *prefixes;
    char *key;
    char **texts;
    size_t text_count;
    struct selector *children;
    size_t child_count;
    size_t group;
};

struct rule_group;

/* A security group that no policy means, for hosts that are made up: of one without any it would not be known which it
 * holds. */
extern const struct host_tag selector_no_security_group;

/* "sg-0123abcd": else it is a group's name. */
bool selector_is_security_group_id(const char *text);

void selector_done(struct selector *selector);

/* Whether the host is one of them. `groups` are those that SELECTOR_GROUP counts; they refer to each other in no
 * circle.
 */
enum truth selector_holds(const struct selector *selector, const struct rule_group *groups,
                          const struct host_view *host);

/* The same of a whole group; remembered in host->memo. */
enum truth group_holds(const struct rule_group *groups, size_t group, const struct host_view *host);

enum { SELECTOR_SAMPLE_TAGS = 32, SELECTOR_SAMPLE_TEXT = 256, SELECTOR_SAMPLE_KEY = 80 };

/* Room for a host that was made up. */
struct selector_sample {
    struct host_view host;
    struct addr address;
    struct host_tag tags[SELECTOR_SAMPLE_TAGS];
    char keys[SELECTOR_SAMPLE_TAGS][SELECTOR_SAMPLE_KEY]; /* of those that no condition spells out */
    char values[SELECTOR_SAMPLE_TAGS][SELECTOR_SAMPLE_TEXT];
    char name[SELECTOR_SAMPLE_TEXT];
    const char *names[1];
};

/* Makes up a host of that group: the first of each list of values, a letter for each asterisk. False when that host
 * would not be of it (conditions that exclude each other, a tree of nots). ret_sample->host borrows from it, the groups
 * and `memo`: a byte for each group, all HOST_MEMO_UNKNOWN. */
bool group_sample(const struct rule_group *groups, size_t group, uint8_t *memo, struct selector_sample *ret_sample);

#endif
