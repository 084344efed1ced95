/* What the harnesses share. A harness is one function that gives one hostile input to one reader and asserts what must
 * hold of the answer; libFuzzer drives it (preset fuzz), or the replayer, which gives it a corpus once. */
#ifndef LEASTPORT_TESTS_FUZZ_FUZZ_H
#define LEASTPORT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Each harness has it. 0 always. Its name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy with a NUL behind it and not a byte more, so that reading past it is seen. The caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* A folder of this process's own, made with the first call and removed with all it holds when the process exits. */
const char *fuzz_folder(void);

/* A scanner's output. To keep inputs short, "TYPE MEMBERS" stands for a line of that type with a good envelope; any
 * other line stays as it is. The caller frees it. */
char *fuzz_expand(const char *schema, const uint8_t *data, size_t size, size_t *ret_size);

/* Asserts that it is text for a terminal or a log: UTF-8 without control characters but newlines. */
void fuzz_check_text(const char *text, size_t size);
/* Asserts that it is lines, each of them one JSON object. */
void fuzz_check_json_lines(const char *text, size_t size);

#endif
