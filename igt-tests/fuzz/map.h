/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_MAP_H
#define FUZZ_MAP_H

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

/** fuzz_map_inode - Return: the inode of what is mapped at an address of a slot, or 0 */
uint64_t fuzz_map_inode(uint64_t at);

#endif /* FUZZ_MAP_H */
