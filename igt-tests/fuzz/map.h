/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_MAP_H
#define FUZZ_MAP_H

#include <stdbool.h>
#include <stdint.h>

/**
 * fuzz_map_new - remember a mapping; what the slot had before is unmapped
 * @slot: where
 * @at: address
 * @length: bytes
 * @page: of the dma-buf, where it begins
 * @prot: what may be done there
 * @inode: of the dma-buf, or 0
 *
 * Return: 0.
 */
long fuzz_map_new(unsigned int slot, void *at, uint64_t length, uint64_t page,
		  int prot, uint64_t inode);

/**
 * fuzz_map_inode - find out what is mapped at an address
 * @at: the address
 * @page: set to the page of the dma-buf
 *
 * Return: the inode of the dma-buf; 0 if it is none, or if somebody has put something
 * else there.
 */
uint64_t fuzz_map_inode(uint64_t at, uint64_t *page);

/**
 * fuzz_map_has_dmabuf - whether any of some bytes belongs to a dma-buf that is known
 * @at: address of the first
 * @length: how many
 */
bool fuzz_map_has_dmabuf(uint64_t at, uint64_t length);

/** fuzz_map_check - fail if a dma-buf of memory has other bytes than it should */
long fuzz_map_check(int fd);

#endif /* FUZZ_MAP_H */
