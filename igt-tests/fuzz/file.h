/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stdbool.h>

/** fuzz_file_is_shared - whether there may be copies of any descriptor */
bool fuzz_file_is_shared(void);

/** fuzz_file_reset - they are all closed */
void fuzz_file_reset(void);

#endif /* FUZZ_FILE_H */
