/* SPDX-License-Identifier: MIT */
/*
 * Which bytes a dma-buf has, and whether they can be reached
 *
 * The first word of every page says which page it is. A store writes that word again, so
 * one that ends elsewhere leaves a page that claims to be another one, and so does a load
 * that comes from elsewhere.
 */
#ifndef FUZZ_BYTES_H
#define FUZZ_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pages of a buffer that are known */
#define FUZZ_KNOWN_PAGES 256

enum fuzz_reach { FUZZ_MUST, FUZZ_MUST_NOT, FUZZ_MAY };

/**
 * struct fuzz_bytes - a dma-buf
 * @inode: tells it from others
 * @reach: whether its bytes can be reached now
 * @data: of @reach
 * @pages: how many it has
 * @word: the first word of each page, or 0 if it is not known
 * @generation: what was last heard of it
 * @uncached: it may be memory that must not be cached, which a guest cannot have
 */
struct fuzz_bytes {
	uint64_t inode;
	enum fuzz_reach (*reach)(uint64_t data);
	uint64_t data;
	uint64_t pages;
	uint64_t word[FUZZ_KNOWN_PAGES];
	uint64_t generation;
	bool uncached;
};

/** fuzz_bytes_new - describe a dma-buf; Return: to be filled in, or NULL */
struct fuzz_bytes *fuzz_bytes_new(int fd);

/** fuzz_bytes_find - Return: what was said of a dma-buf, or NULL */
struct fuzz_bytes *fuzz_bytes_find(int fd);

/**
 * fuzz_bytes_by_inode - the same by the number that tells it from others
 * @inode: the number
 */
struct fuzz_bytes *fuzz_bytes_by_inode(uint64_t inode);

/** fuzz_bytes_inode - Return: a number that no other file has, or 0 */
uint64_t fuzz_bytes_inode(int fd);

/** fuzz_bytes_number - Return: the number that a dma-buf has among dma-bufs */
uint64_t fuzz_bytes_number(const struct fuzz_bytes *bytes);

/** fuzz_bytes_forget - all of them are gone */
void fuzz_bytes_forget(void);

/** fuzz_reach - whether the bytes of a dma-buf can be reached; NULL: who knows */
enum fuzz_reach fuzz_reach(const struct fuzz_bytes *bytes);

/** fuzz_word - the first word of a page, or 0 */
uint64_t fuzz_word(const struct fuzz_bytes *bytes, uint64_t page);

/** fuzz_is_word - whether some page begins like this */
bool fuzz_is_word(uint64_t word);

/** fuzz_is_own_word - whether it is one of fuzz_own_word() */
bool fuzz_is_own_word(uint64_t word);

/** fuzz_own_word - the first word of a page of what has no address of its own */
uint64_t fuzz_own_word(uint64_t inode, uint64_t page);

/** fuzz_bar_word - the first word of a page of the BAR */
uint64_t fuzz_bar_word(uint64_t page);

/**
 * fuzz_judge - whether an access may have ended as it did
 * @what: kind of access, for the message
 * @inode: of the dma-buf
 * @page: of it
 * @reached: whether it got through
 * @word: what it has read, or NULL if it was a store
 *
 * Return: 0 or -%FUZZ_WRONG.
 */
long fuzz_judge(const char *what, uint64_t inode, uint64_t page, bool reached,
		const uint64_t *word);

/**
 * fuzz_load - read a word that may not be there
 * @at: where
 * @word: receives it
 *
 * Return: 0, -EFAULT for a SIGBUS, -EACCES for a SIGSEGV.
 */
long fuzz_load(const void *at, uint64_t *word);

/** fuzz_store - the same in the other direction */
long fuzz_store(void *at, uint64_t word);

#endif /* FUZZ_BYTES_H */
