#include "auditd/config/shape.h"

#include "auditd/config/config.h"
#include "auditd/policy/port_expression.h"

static bool shape_check_duration(const json_t *value, char *reason, size_t size)
{
    int64_t ms;

    (void)reason;
    (void)size;
    return duration_parse(json_string_value(value), &ms) == 0;
}

static bool shape_check_address(const json_t *value, char *reason, size_t size)
{
    struct addr addr;

    (void)reason;
    (void)size;
    return addr_parse(json_string_value(value), &addr) == 0;
}

static bool shape_check_ports(const json_t *value, char *reason, size_t size)
{
    /* This release scans TCP alone. */
    return port_expression_check(value, "tcp", reason, size);
}

static const char *const shape_classes[] = {"self", "own-vpc", "vpn", "peer", "public-range", "world", NULL};

const struct validate_schema shape_path = {.types = VALIDATE_STRING, .max_length = 4096};
static const char *const probe_values[] = {"auto", "syn", "connect", NULL};
const struct validate_schema shape_probe = {.types = VALIDATE_STRING, .values = probe_values};
const struct validate_schema shape_name = {.types = VALIDATE_STRING, .max_length = SHAPE_NAME_MAX_BYTES};
const struct validate_schema shape_class = {.types = VALIDATE_STRING, .values = shape_classes};
const struct validate_schema shape_address = {
    .types = VALIDATE_STRING, .expected = "an address", .check = shape_check_address};
const struct validate_schema shape_addresses = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                .expected = "an address, or a list of them",
                                                .check = shape_check_address,
                                                .items = &shape_address,
                                                .min_items = 1,
                                                .max_items = 64};
static const struct validate_schema shape_target = {.types = VALIDATE_STRING};
const struct validate_schema shape_targets = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .items = &shape_target, .min_items = 1, .max_items = SHAPE_LIST_MAX};
const struct validate_schema shape_ports = {
    .types = VALIDATE_STRING | VALIDATE_INTEGER,
    .expected = "a port expression like common, all, 22, \"80,443\", 8000-8099 or https",
    .max_length = 65536,
    .has_range = true,
    .minimum = 0,
    .maximum = 65535,
    .check = shape_check_ports};
const struct validate_schema shape_duration = {
    .types = VALIDATE_STRING, .expected = "a duration like 90s, 30m, 12h, 7d or 2w", .check = shape_check_duration};
