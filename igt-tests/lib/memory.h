/* SPDX-License-Identifier: MIT */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stdint.h>

/**
 * heap_dmabuf - a dma-buf of the system heap: ordinary memory, no phys list
 * @length: bytes
 *
 * Return: its fd.
 */
int heap_dmabuf(uint64_t length);

/**
 * sealed_memfd - a memfd that udmabuf accepts
 * @length: bytes
 *
 * Return: its fd.
 */
int sealed_memfd(uint64_t length);

/**
 * __udmabuf - make a dma-buf of a part of a memfd
 * @memfd: from sealed_memfd()
 * @offset: of the part, page-aligned
 * @length: of the part, bytes, page-aligned
 *
 * Return: the dma-buf's fd or -errno.
 */
int __udmabuf(int memfd, uint64_t offset, uint64_t length);

/**
 * dmabuf_expect_count - fail the test unless so many dma-bufs are left
 * @count: from dmabuf_count() before
 *
 * Waits a moment: the last reference may be dropped behind our back.
 */
void dmabuf_expect_count(unsigned int count);

/** dmabuf_count - how many dma-bufs there are in the system */
unsigned int dmabuf_count(void);

#endif /* LIB_MEMORY_H */
