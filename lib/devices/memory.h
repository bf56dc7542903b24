/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_MEMORY_H
#define DEVICES_MEMORY_H

#include <stdint.h>

/* What these return is a descriptor that the caller closes */

/**
 * __heap_dmabuf - make a dma-buf of the system heap: ordinary memory, no phys list
 * @length: bytes
 *
 * Return: descriptor or -errno.
 */
int __heap_dmabuf(uint64_t length);

/**
 * __sealed_memfd - make a memfd that udmabuf accepts
 * @length: bytes
 *
 * Return: descriptor or -errno.
 */
int __sealed_memfd(uint64_t length);

/**
 * __udmabuf - make a dma-buf of a part of a memfd
 * @memfd: from __sealed_memfd(); the dma-buf keeps the memory
 * @offset: start of the part, bytes, page-aligned
 * @length: length of the part, bytes, page-aligned
 *
 * Return: descriptor or -errno.
 */
int __udmabuf(int memfd, uint64_t offset, uint64_t length);

/**
 * __dmabuf_count - count the dma-bufs of the system, by debugfs
 *
 * Return: how many, or -errno.
 */
int __dmabuf_count(void);

#endif /* DEVICES_MEMORY_H */
