/* SPDX-License-Identifier: MIT */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include "devices/memory.h"

/* These do what devices/memory.h says, and fail the test if that does */

int heap_dmabuf(uint64_t length);
int sealed_memfd(uint64_t length);
unsigned int dmabuf_count(void);

/**
 * dmabuf_expect_count - fail the test unless so many dma-bufs are left
 * @count: from dmabuf_count() before
 *
 * Waits a moment: the last reference may be dropped behind our back.
 */
void dmabuf_expect_count(unsigned int count);

#endif /* LIB_MEMORY_H */
