// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes by the CPU: a pattern of which no two places are alike, and what happens
 * when an exporter takes memory away while the CPU is at it
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "cpu.h"

static sigjmp_buf lost;
static volatile sig_atomic_t guarded;
static struct sigaction before;

static void on_sigbus(int sig)
{
	if (guarded)
		siglongjmp(lost, 1);
	/* Not ours: the instruction is executed again, for the others' handler */
	sigaction(sig, &before, NULL);
}

/* Stays: a system call for each copy would be measured as well */
static void install(void)
{
	/* No signal mask to be restored by the jump */
	const struct sigaction action = {
		.sa_handler = on_sigbus,
		.sa_flags = SA_NODEFER,
	};
	static bool installed;

	if (!installed)
		sigaction(SIGBUS, &action, &before);
	installed = true;
}

/* The caller returns -EFAULT if a SIGBUS comes between the two */
#define GUARD()                               \
	do {                                  \
		install();                    \
		if (sigsetjmp(lost, 0)) {     \
			guarded = 0;          \
			return -EFAULT;       \
		}                             \
		guarded = 1;                  \
	} while (0)
#define UNGUARD() (guarded = 0)

/* A word of the pattern: the finaliser of a 64-bit hash */
static uint64_t word_at(uint64_t at, uint64_t seed)
{
	uint64_t x = at / 8 + seed * 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint8_t cpu_pattern(uint64_t at, uint64_t seed)
{
	return (uint8_t)(word_at(at, seed) >> at % 8 * 8);
}

static int fill(void *to, uint64_t at, size_t length, uint64_t seed,
		uint64_t invert)
{
	volatile uint64_t *words = to;
	volatile uint8_t *bytes = to;
	size_t i;

	GUARD();
	for (i = 0; i + 8 <= length; i += 8)
		words[i / 8] = word_at(at + i, seed) ^ invert;
	for (; i < length; i++)
		bytes[i] = cpu_pattern(at + i, seed) ^ (uint8_t)invert;
	UNGUARD();
	return 0;
}

int cpu_fill(void *to, uint64_t at, size_t length, uint64_t seed)
{
	return fill(to, at, length, seed, 0);
}

int cpu_spoil(void *to, uint64_t at, size_t length, uint64_t seed)
{
	return fill(to, at, length, seed, UINT64_MAX);
}

int cpu_invert(void *to, const void *from, size_t length)
{
	const volatile uint64_t *from_words = from;
	const volatile uint8_t *from_bytes = from;
	volatile uint64_t *words = to;
	volatile uint8_t *bytes = to;
	size_t i;

	GUARD();
	for (i = 0; i + 8 <= length; i += 8)
		words[i / 8] = ~from_words[i / 8];
	for (; i < length; i++)
		bytes[i] = (uint8_t)~from_bytes[i];
	UNGUARD();
	return 0;
}

/* Which byte of a word it is that differs */
static int differ(struct mismatch *mismatch, uint64_t at, uint64_t expected,
		  uint64_t found)
{
	unsigned int byte =
		(unsigned int)__builtin_ctzll(expected ^ found) / 8;

	*mismatch = (struct mismatch) {
		.at = at + byte,
		.expected = (uint8_t)(expected >> byte * 8),
		.found = (uint8_t)(found >> byte * 8),
	};
	return 1;
}

int cpu_check(const void *from, uint64_t at, size_t length, uint64_t seed,
	      struct mismatch *mismatch)
{
	const volatile uint64_t *words = from;
	const volatile uint8_t *bytes = from;
	uint64_t found = 0, expected = 0;
	size_t i;

	GUARD();
	for (i = 0; i < length; i += i + 8 <= length ? 8 : 1) {
		if (i + 8 <= length) {
			found = words[i / 8];
			expected = word_at(at + i, seed);
		} else {
			found = bytes[i];
			expected = cpu_pattern(at + i, seed);
		}
		if (found != expected)
			break;
	}
	UNGUARD();
	return i < length ? differ(mismatch, at + i, expected, found) : 0;
}

int cpu_compare(const void *from, const void *reference, size_t length,
		struct mismatch *mismatch)
{
	const volatile uint64_t *words = from;
	const volatile uint8_t *bytes = from;
	const uint8_t *wanted = reference;
	uint64_t found = 0, expected = 0;
	size_t i;

	GUARD();
	for (i = 0; i < length; i += i + 8 <= length ? 8 : 1) {
		if (i + 8 <= length) {
			found = words[i / 8];
			memcpy(&expected, wanted + i, 8);
		} else {
			found = bytes[i];
			expected = wanted[i];
		}
		if (found != expected)
			break;
	}
	UNGUARD();
	return i < length ? differ(mismatch, i, expected, found) : 0;
}

/*
 * memcpy() moves single bytes when it leaves a long copy to the processor's
 * string instructions and the memory is uncached
 */
static void copy_words(void *to, const void *from, size_t length)
{
	const volatile uint64_t *from_words = from;
	const volatile uint8_t *from_bytes = from;
	volatile uint64_t *to_words = to;
	volatile uint8_t *to_bytes = to;
	size_t i;

	for (i = 0; i + 8 <= length; i += 8)
		to_words[i / 8] = from_words[i / 8];
	for (; i < length; i++)
		to_bytes[i] = from_bytes[i];
}

int cpu_copy(void *to, const void *from, size_t length, bool device)
{
	GUARD();
	if (device)
		copy_words(to, from, length);
	else
		memcpy(to, from, length);
	UNGUARD();
	return 0;
}

int cpu_guarded(int (*fn)(void *arg), void *arg)
{
	int ret;

	GUARD();
	ret = fn(arg);
	UNGUARD();
	return ret;
}

int cpu_settle(const void *at, size_t length)
{
	const volatile uint8_t *bytes = at;

	GUARD();
	(void)bytes[length - 1];
	UNGUARD();
	return 0;
}
