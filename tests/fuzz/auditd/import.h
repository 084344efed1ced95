/* What the harnesses of imports share. */
#ifndef LEASTPORT_TESTS_FUZZ_AUDITD_IMPORT_H
#define LEASTPORT_TESTS_FUZZ_AUDITD_IMPORT_H

#include "auditd/import/reader.h"
#include "auditd/ingest/field.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static inline void import_check_host(const struct answers_host *host)
{
    struct portset set;
    size_t offset;

    assert(field_is_word(host->name));
    for (size_t i = 0; i < host->port_count; i++) {
        assert(host->ports[i].reason[0] != '\0' && field_is_word(host->ports[i].reason));
        assert(field_is_word(host->ports[i].service));
        assert(i == 0 || host->ports[i].port != host->ports[i - 1].port ||
               host->ports[i].is_udp != host->ports[i - 1].is_udp);
    }
    for (size_t i = 0; i < host->rest_count; i++) {
        assert(portset_parse(host->rests[i].ports, &set, &offset) == 0);
    }
}

/* Reads the input as a file. */
static inline void import_check(const struct import_reader *reader, const uint8_t *data, size_t size)
{
    FILE *file = tmpfile();
    struct answers answers = {0};
    struct answers_fault fault = {0};
    int rc;

    assert(file != NULL && fwrite(data, 1, size, file) == size);
    rewind(file);
    rc = reader->read(file, &answers, &fault);
    assert(rc == 0 || (rc == -EBADMSG && fault.text[0] != '\0'));
    for (size_t i = 0; rc == 0 && i < answers.host_count; i++) {
        import_check_host(answers.hosts[i]);
        assert(i == 0 || addr_compare(&answers.hosts[i - 1]->address, &answers.hosts[i]->address) < 0);
    }
    answers_done(&answers);
    fclose(file);
}

#endif
