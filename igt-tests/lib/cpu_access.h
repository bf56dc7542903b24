/* SPDX-License-Identifier: MIT */
#ifndef LIB_CPU_ACCESS_H
#define LIB_CPU_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * __cpu_load - read a word that may not be there
 * @at: where
 * @word: receives it
 *
 * Any thread may use it after cpu_access_init(). A SIGBUS elsewhere than in
 * these functions still ends the program.
 *
 * Return: 0, or -EFAULT if a SIGBUS came, which has to name @at.
 */
int __cpu_load(const void *at, uint64_t *word);

/** __cpu_store - the same in the other direction */
int __cpu_store(void *at, uint64_t word);

/** cpu_access_init - catch SIGBUS from now on, also in children */
void cpu_access_init(void);

/**
 * __cpu_map - mmap a dma-buf, readable and writable
 * @dmabuf: fd
 * @at: where it has to be, or NULL for anywhere
 * @length: bytes
 * @offset: in the dma-buf
 *
 * Return: where it is, or NULL with errno.
 */
void *__cpu_map(int dmabuf, void *at, uint64_t length, uint64_t offset);
void *cpu_map(int dmabuf, void *at, uint64_t length, uint64_t offset);

/** cpu_load - read a word that is there */
uint64_t cpu_load(const void *at);
void cpu_store(void *at, uint64_t word);

/** cpu_reachable - whether loads and stores get through, or neither does */
bool cpu_reachable(void *at);

/** cpu_both_ways - what is stored at one address is loaded from the other */
void cpu_both_ways(void *here, void *there);

#endif /* LIB_CPU_ACCESS_H */
