#include "auditd/policy/compliance.h"

#include "auditd/policy/compliance_table.h"

#include <stdio.h>
#include <string.h>

/* Whether a list with blanks around each item has this one. */
static bool lists(const char *list, const char *item)
{
    size_t length = strlen(item);

    for (const char *at = strstr(list, item); at != NULL && length > 0; at = strstr(at + 1, item)) {
        if (at > list && at[-1] == ' ' && at[length] == ' ') {
            return true;
        }
    }
    return false;
}

static bool applies(const struct compliance_row *row, const struct verdict *verdict, const struct addr *address)
{
    bool is_exposure = strcmp(verdict->kind, "exposure") == 0;
    bool family = row->family[0] == '\0' ||
                  (address != NULL && strcmp(row->family, address->is_ipv6 != 0 ? "ipv6" : "ipv4") == 0);

    return family && (lists(row->rules, verdict->rule_id) || (is_exposure && lists(row->rules, "*"))) &&
           (row->reach[0] == '\0' || lists(row->reach, verdict->breadth_class));
}

/* Each once, and only whole ones. */
static void add(struct verdict *verdict, const char *controls)
{
    char known[VERDICT_CONTROLS_SIZE + 2];

    while (*(controls += strspn(controls, " ")) != '\0') {
        size_t length = strcspn(controls, " ");
        size_t used = strlen(verdict->controls);
        char one[VERDICT_NAME_SIZE];
        snprintf(one, sizeof(one), "%.*s", (int)(length < sizeof(one) ? length : 0), controls);
        snprintf(known, sizeof(known), " %s ", verdict->controls);
        if (one[0] != '\0' && !lists(known, one) && used + length + 2 <= sizeof(verdict->controls)) {
            snprintf(verdict->controls + used, sizeof(verdict->controls) - used, "%s%s", used > 0 ? " " : "", one);
        }
        controls += length;
    }
}

void compliance_note(struct verdict *verdict, const char *more, const struct addr *address)
{
    verdict->controls[0] = '\0';
    if (verdict->verdict == VERDICT_ALLOWED) {
        return;
    }
    add(verdict, more);
    for (size_t i = 0; i < compliance_table_count; i++) {
        if (applies(&compliance_table[i], verdict, address)) {
            add(verdict, compliance_table[i].controls);
        }
    }
}
