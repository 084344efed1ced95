/* Inventories' files: CSV, or JSON as the first character tells. */
#include "auditd/inventory/inventory.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[INVENTORY_REASON_SIZE] = "";
    char key[ADDR_TEXT_SIZE];
    char *text = fuzz_text(data, size);
    bool is_json = size > 0 && (text[0] == '[' || text[0] == '{');
    struct inventory inventory;
    int rc = is_json ? inventory_parse_json(text, size, &inventory, reason)
                     : inventory_parse_csv(text, size, &inventory, reason);

    assert(rc == 0 || (rc == -EBADMSG && reason[0] != '\0'));
    for (size_t i = 0; rc == 0 && i < inventory.count; i++) {
        assert(inventory_key(&inventory.hosts[i], key)[0] != '\0');
        assert(inventory.hosts[i].address_count <= INVENTORY_ADDRESSES_MAX);
    }
    inventory_done(&inventory);
    free(text);
    return 0;
}
