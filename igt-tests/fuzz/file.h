/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stdbool.h>

/** fuzz_file_is_shared - whether there may be copies of any descriptor */
bool fuzz_file_is_shared(void);

/** fuzz_file_is_dmabuf - whether a file is a dma-buf, and more than a path to one */
bool fuzz_file_is_dmabuf(int fd);

/**
 * fuzz_file_allows - whether a descriptor has rights
 * @fd: the descriptor
 * @write: not only to read, which all need that are asked about here
 */
bool fuzz_file_allows(int fd, bool write);

/** fuzz_file_reset - they are all closed */
void fuzz_file_reset(void);

#endif /* FUZZ_FILE_H */
