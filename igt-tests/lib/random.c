// SPDX-License-Identifier: MIT
#include "array.h"
#include "random.h"

static __thread uint64_t state;

void random_seed(uint64_t seed)
{
	/* Neighbours shall have nothing in common; and it must not be 0 */
	state = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	random64();
	random64();
}

uint64_t random64(void)
{
	/* xorshift64* */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

uint32_t below(uint32_t n)
{
	return (uint32_t)((random64() >> 32) * n >> 32);
}

uint64_t odd_number(void)
{
	static const uint64_t borders[] = {
		0, 1, 7, 8, 4095, 4096, 4097, INT32_MAX, 1ull << 31, UINT32_MAX,
		1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX - 4095, UINT64_MAX,
	};
	uint32_t i = below(20);

	if (i < ARRAY_SIZE(borders))
		return borders[i];
	return random64() >> below(64);
}
