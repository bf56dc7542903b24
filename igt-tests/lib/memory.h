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

/**
 * dmabuf_sync_access - begin or end an access of the CPU: DMA_BUF_IOCTL_SYNC
 * @dmabuf: what is accessed
 * @flags: %DMA_BUF_SYNC_START or %DMA_BUF_SYNC_END, and %DMA_BUF_SYNC_READ, _WRITE or _RW
 */
void dmabuf_sync_access(int dmabuf, uint64_t flags);

#endif /* LIB_MEMORY_H */
